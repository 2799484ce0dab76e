"""The tree of commands that a TAB reads, and the scripts that lead a shell there."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from sipctl.cli.app import COMMANDS
from sipctl.cli.command import Command
from sipctl.cli.options import shared_parameters
from sipctl.cli.schema import texts
from sipctl.cli.tree import commands
from sipctl.completion.scripts import FILES, script
from sipctl.config.kinds import Kind
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area
from sipctl.operations.safeguards import SAFEGUARDS
from sipctl.sandbox.faults import MEANWHILE_FAULTS, NETWORK_FAULTS, STATE_FAULTS

_Row = tuple[str, str, str, str, str]

_VALUES: Final = {
    "CASES": "file", "FILE": "file", "SNAPSHOT": "file", "FOLDER": "file", "FILE|FOLDER": "file", "DIR": "file",
    "ROOM": "room", "RULE": "rule", "TRUNK": "trunk", "PROFILE": "profile", "CODE": "code", "CODE|AREA": "code",
    "NAME[=VALUE][@METHOD]": "fault", "WORD": "safeguard", "KIND": "=" + " ".join(Kind),
    "LEVEL": "=error warn info", "WHEN": "=auto always never", "EXECUTOR": "=livekit webhook",
    "PART": "=create repair purge", "SCHEMA": "=" + " ".join(sorted(texts())),
}  # fmt: skip
"""By the word that the help of an option or operand has for its value: what completes it. Of others nothing is known,
but enums and formats of output, which the command itself names."""
_PROFILES: Final = frozenset({"--profile", "--also-profile"})


def tree() -> str:
    """A line for each command, option, operand and word: whose it is, its kind, its name, its value, its help."""
    return "".join("\t".join(row) + "\n" for row in _rows())


def scripts() -> Iterator[tuple[str, str]]:
    """The name of each script where shells look for it, and its text."""
    for shell, name in FILES.items():
        yield name, script(shell)


def _rows() -> Iterator[_Row]:
    for parameter in shared_parameters():
        yield from _option("*", parameter, Command.formats)
    yield "*", "option", "--help", "", "Show this message and exit."
    yield "", "option", "--version", "", "Print the version and leave."
    for name, entry in COMMANDS.items():
        yield "", "command", name, "", entry.summary
        yield from ((name, "command", inner, "", summary) for inner, summary in entry.commands.items())
    for leaf in commands():
        yield from _parameters(leaf.name, leaf.command)
    yield from (("=code", "value", area.value, "", f"all codes of {area.name.lower()}") for area in Area)
    yield from (("=code", "value", code.code, "", code.title) for code in CODES.values())
    yield from (("=safeguard", "value", word, "", "") for word in SAFEGUARDS)
    faults = NETWORK_FAULTS | MEANWHILE_FAULTS | STATE_FAULTS
    yield from (("=fault", "value", name, "", what) for name, what in faults.items())


def _parameters(name: str, command: Any) -> Iterator[_Row]:  # noqa: ANN401 - Typer's own command
    if command.formats != Command.formats:
        yield from _option(name, _output(), command.formats)
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            many = "..." if parameter.nargs != 1 else ""
            yield name, "argument", f"{parameter.metavar}{many}", _value(parameter), _line(parameter.help)
        elif not parameter.hidden and parameter.name != "help":
            yield from _option(name, parameter, ())


def _output() -> Any:  # noqa: ANN401 - Typer's own parameter
    return next(parameter for parameter in shared_parameters() if parameter.name == "output")


def _option(name: str, parameter: Any, formats: tuple[str, ...]) -> Iterator[_Row]:  # noqa: ANN401 - Typer's own
    value = "=" + " ".join(formats) if parameter.name == "output" else _value(parameter)
    for word in (*parameter.opts, *parameter.secondary_opts):
        yield name, "option", word, value, _line(parameter.help)


def _value(parameter: Any) -> str:  # noqa: ANN401 - Typer's own parameter
    """What completes the value: "" = it takes none, "?" = nothing is known."""
    if getattr(parameter, "is_flag", False):
        return ""
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "=" + " ".join(one.value for one in annotation)
    if _PROFILES.intersection(parameter.opts):
        return "profile"
    metavar = str(parameter.metavar)
    return _VALUES.get(metavar, "?")


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
