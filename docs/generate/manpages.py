"""The man pages: one for sipctl, one for each command, the configuration file, and the findings."""

from collections.abc import Iterator
from typing import Any, Final

from manual import ENVIRONMENT, EXIT_CODES, FILES, SETTINGS
from pydantic import BaseModel
from roff import bold, italic, page, paragraphs, prose, tagged, verbatim

from sipctl.cli.app import app
from sipctl.cli.command import usage_name
from sipctl.cli.options import shared_parameters
from sipctl.cli.tree import Leaf, commands
from sipctl.command_line import prose_text
from sipctl.config.file import IgnoreTable, ProfileTable, PurgeTable, RegistryTable
from sipctl.errors import ExitCode
from sipctl.findings.codes import CODES

_SUMMARY: Final = "The operator's tool for phone dial-in on LiveKit"
_TABLES: Final[dict[str, type[BaseModel]]] = {
    "": ProfileTable, "registry": RegistryTable, "purge": PurgeTable, "ignore": IgnoreTable,
}  # fmt: skip


def manpages() -> Iterator[tuple[str, str]]:
    """The name of each file, and its text."""
    yield "sipctl.1", _main_page()
    for leaf in commands():
        yield f"{_page_name(leaf)}.1", _command_page(leaf)
    yield "sipctl.toml.5", _configuration_page()
    yield "sipctl-findings.7", _findings_page()


def _page_name(leaf: Leaf) -> str:
    return "-".join(("sipctl", *leaf.words))


def _main_page() -> str:
    (about, *_), _ = _help_parts(str(app.registered_callback.callback.__doc__))  # type: ignore[union-attr]
    return page("sipctl", 1, _SUMMARY, [
        ("SYNOPSIS", f"{bold('sipctl')} {italic('COMMAND')} [{italic('OPTION')}]... [{italic('OPERAND')}]...\n"),
        ("DESCRIPTION", paragraphs([about, *_DESCRIPTION.split("\n\n")])),
        ("COMMANDS", tagged((bold(leaf.name), leaf.summary) for leaf in commands())),
        ("OPTIONS OF EVERY COMMAND", _options(shared_parameters())),
        ("EXIT STATUS", _exit_codes(ExitCode)),
        ("ENVIRONMENT", tagged((bold(names), text) for names, text in ENVIRONMENT.items())),
        ("FILES", tagged((italic(name), text) for name, text in FILES.items())),
        ("EXAMPLES", verbatim(_FIRST_STEPS)),
        ("SEE ALSO", _see_also([*_OTHERS, *((_page_name(one), 1) for one in commands())])),
    ])  # fmt: skip


_DESCRIPTION: Final = """\
A command that names one object acts at once, and so do those that only add or write a file. Anything else shows its
plan, and the same with `--apply` does it; `--apply` may stand where it is not needed. `--dry-run` changes nothing.

Data goes to stdout, everything else to stderr. A table on a terminal becomes tab-separated text in a pipe. With
`-o json` errors are JSON, too."""
_FIRST_STEPS: Final = (
    "sipctl demo", "sipctl doctor", "sipctl rules list --stale", "sipctl config init --from /srv/meet",
)  # fmt: skip
_OTHERS: Final = (("sipctl.toml", 5), ("sipctl-findings", 7))


def _command_page(leaf: Leaf) -> str:
    texts, examples = _help_parts(str(leaf.command.help))
    own = [one for one in leaf.command.params if one.name != "help" and not getattr(one, "hidden", False)]
    operands = [one for one in own if one.param_type_name == "argument"]
    formats = ", ".join(leaf.command.formats)
    every = f"Besides, the options of every command, described in sipctl(1). Formats of `--output`: {formats}."
    return page(_page_name(leaf), 1, leaf.summary, [
        ("SYNOPSIS", _synopsis(leaf, operands)),
        ("DESCRIPTION", paragraphs(texts)),
        ("OPERANDS", tagged((italic(one.metavar), one.help or "") for one in operands)),
        ("OPTIONS", _options(one for one in own if one not in operands) + prose(every)),
        ("EXAMPLES", verbatim(examples)),
        ("EXIT STATUS", prose("Described in sipctl(1); the ones that scripts meet most:") + _exit_codes(_COMMON_CODES)),
        ("ENVIRONMENT", prose("Described in sipctl(1).")),
        ("FILES", tagged([(italic(next(iter(FILES))), next(iter(FILES.values())))])),
        ("SEE ALSO", _see_also([("sipctl", 1), *_siblings(leaf), *_OTHERS])),
    ])  # fmt: skip


_COMMON_CODES: Final = (ExitCode.DONE, ExitCode.FINDINGS, ExitCode.USAGE, ExitCode.UNCHECKED, ExitCode.SAFEGUARD)


def _siblings(leaf: Leaf) -> Iterator[tuple[str, int]]:
    """The pages of the other commands of the same group."""
    for other in commands():
        if other.words[:-1] == leaf.words[:-1] != () and other.words != leaf.words:
            yield _page_name(other), 1


def _help_parts(text: str) -> tuple[list[str], list[str]]:
    """The paragraphs of a help text, and its examples."""
    about, _, examples = text.partition("\b\nExamples:")
    paragraphs_ = [" ".join(one.split()) for one in about.split("\n\n")]
    return list(filter(None, paragraphs_)), [line.strip() for line in examples.splitlines() if line.strip()]


def _synopsis(leaf: Leaf, operands: list[Any]) -> str:
    names = " ".join(italic(usage_name(one)) for one in operands)
    return f"{bold(f'sipctl {leaf.name}')} [{italic('OPTION')}]... {names}".rstrip() + "\n"


def _options(parameters: Any) -> str:  # noqa: ANN401 - Typer's own parameters
    return tagged((_option_term(one), _option_text(one)) for one in parameters)


def _option_term(parameter: Any) -> str:  # noqa: ANN401 - Typer's own parameter
    names = ", ".join(bold(name) for name in sorted((*parameter.opts, *parameter.secondary_opts), key=len))
    return names if parameter.is_flag else f"{names} {italic(parameter.metavar or _metavar(parameter))}"


def _metavar(parameter: Any) -> str:  # noqa: ANN401 - Typer's own parameter
    """The word for the value where the help shows its type."""
    annotation = parameter.type_descriptor.annotation
    words = [str(one.value) for one in annotation] if hasattr(annotation, "__members__") else []
    return "|".join(words) or {int: "NUMBER", float: "NUMBER"}.get(annotation, "TEXT")


def _option_text(parameter: Any) -> str:  # noqa: ANN401 - Typer's own parameter
    default = getattr(parameter.default, "value", parameter.default)
    is_said = parameter.is_flag or default in {None, "", ()} or isinstance(default, list)
    shown = f"{default:g}" if isinstance(default, float) else default
    return (parameter.help or "") + ("" if is_said else f" Default: {shown}.")


def _exit_codes(codes: Any) -> str:  # noqa: ANN401 - exit codes
    return tagged((bold(str(int(code))), f"{EXIT_CODES[code]}.") for code in codes)


def _see_also(pages: list[tuple[str, int]]) -> str:
    return ",\n".join(f"{bold(name)}({section})" for name, section in pages) + "\n"


def _configuration_page() -> str:
    keys = ((name, _key_text(name, field)) for name, field in _keys())
    return page("sipctl.toml", 5, "configuration file of sipctl", [
        ("DESCRIPTION", paragraphs(_CONFIGURATION.split("\n\n"))),
        ("KEYS OF THE FILE", tagged((bold(one), SETTINGS[one]) for one in ("default_profile", "profiles.NAME"))),
        ("KEYS OF A PROFILE", tagged((bold(name), text) for name, text in keys)),
        ("EXAMPLES", verbatim(_EXAMPLE.splitlines())),
        ("FILES", tagged((italic(name), text) for name, text in list(FILES.items())[:1])),
        ("SEE ALSO", _see_also([("sipctl", 1), ("sipctl-config-init", 1), ("sipctl-config-validate", 1)])),
    ])  # fmt: skip


_CONFIGURATION: Final = """\
A TOML file with a table for each deployment. `sipctl config path` says where it is, `sipctl config init` writes one,
`sipctl config validate` checks it with the files that it names.

An option wins over `--env-file`, that over a profile that was named, that over the environment, that over the default
profile. Address, key and secret are taken together from one of these."""
_EXAMPLE: Final = """\
default_profile = "prod"

[profiles.prod]
url = "https://livekit.example.org"
api_key = "meet"
api_secret_file = "/run/secrets/livekit"
env_files = ["env.d/common"]
protected = true

[profiles.prod.registry]
layout = "meet"

[[profiles.prod.ignore]]
code = "TRK309"
reason = "the firewall admits the provider alone"
until = 2027-06-30
"""


def _keys() -> Iterator[tuple[str, Any]]:
    for table, model in _TABLES.items():
        for name, field in model.model_fields.items():
            if name not in _TABLES:
                yield f"{table}.{name}".lstrip("."), field


def _key_text(name: str, field: Any) -> str:  # noqa: ANN401 - pydantic's own field
    default = field.default
    is_said = isinstance(default, list) or default is None or field.is_required()
    return SETTINGS[name] + ("" if is_said else f" Default: {str(default).lower()}.")


def _findings_page() -> str:
    return page("sipctl-findings", 7, "what the findings of sipctl mean", [
        ("DESCRIPTION", prose(
            "Each finding has a code that is never given to anything else. A finding appears when the statement after"
            " its code is not true. `sipctl doctor --only CODE` runs one check."
        )),
        ("FINDINGS", "".join(
            f".SS {bold(code.code)} {prose(code.title)}"
            + paragraphs([f"Level: {code.level.value}.", f"Cause: {code.cause}", f"Callers hear: {code.callers}",
                          f"Fix: {prose_text(code.fix)}."])
            for _, code in sorted(CODES.items())
        )),
        ("SEE ALSO", _see_also([("sipctl", 1), ("sipctl-doctor", 1), ("sipctl-rules-lint", 1)])),
    ])  # fmt: skip
