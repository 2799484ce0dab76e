"""What a command line is made of: commands with their output formats, and groups that load them when named."""

import functools
import importlib
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperCommand, TyperGroup

from sipctl.cli.options import Options, apply_parameter, process, shared_parameters
from sipctl.command_line import prose_below
from sipctl.errors import SipctlError, UsageError
from sipctl.output.formats import COMMON_FORMATS

_IN_HELP: Final = "sipctl.in_help"


def _unwrapped(text: str) -> str:
    """A help text without the line breaks of the source, which no terminal is as wide as; `\\b` blocks stay."""
    blocks = text.split("\n\n")
    return "\n\n".join(block if block.startswith("\b") else " ".join(block.split()) for block in blocks)


def usage_name(argument: Any) -> str:  # noqa: ANN401 - Typer's own parameter
    """An argument as usage lines show it: `ROOM`, `[FILE]`, `[ROOM…]`."""
    name = f"{argument.metavar}…" if argument.nargs != 1 else str(argument.metavar)
    return name if argument.required else f"[{name}]"


def _usage_pieces(argument: Any, _: Any) -> list[str]:  # noqa: ANN401 - Typer's own parameter
    return [usage_name(argument)]


def _no_type(**_: Any) -> str:  # noqa: ANN401 - Typer's own context
    """A type such as `<list[str]>` helps no one who reads the name and the help."""
    return ""


class _EveryCommand:
    """Adds the shared options to whatever Typer class it is mixed into."""

    help: str | None
    epilog: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passes Typer's arguments through
        super().__init__(*args, **kwargs)
        self.help = _unwrapped(self.help) if self.help else self.help
        self.epilog = "Options of every command, such as --profile and -o: sipctl options"

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own context
        """The command's own parameters, then the shared ones, which its help leaves out."""
        own = super().get_params(ctx)  # type: ignore[misc]
        parameters = own if ctx.meta.get(_IN_HELP) else [*own, *shared_parameters()]
        for parameter in parameters:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""  # Typer's help would print `<bool>`, as if a flag took a value.
            if parameter.param_type_name == "argument":
                parameter.get_usage_pieces = functools.partial(_usage_pieces, parameter)
                parameter.display_type_rich = _no_type
            parameter.process_value = functools.partial(process, parameter)
        return parameters

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own context
        """Write the help, with the shared options in one line."""
        ctx.meta[_IN_HELP] = True
        super().format_help(ctx, formatter)  # type: ignore[misc]


def refuse_other_formats(ctx: typer.Context, command: str, formats: Sequence[str]) -> None:
    """Refuse an output format that the command does not have.

    Raises:
        UsageError: one is asked for.
    """
    style = Options.of(ctx).output
    if style not in formats:
        raise UsageError(f"{command} has no output format {style!r}", hint=f"choose one of {', '.join(formats)}")


class Command(_EveryCommand, TyperCommand):
    """A command with the shared options and the output formats it can write.

    `writes` = it changes LiveKit, the registry or a file that is named, so it takes `--apply`.
    """

    formats: ClassVar[tuple[str, ...]] = COMMON_FORMATS
    writes: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passes Typer's arguments through
        super().__init__(*args, **kwargs)
        if self.writes:
            self.params.append(apply_parameter())

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own signature
        """Run the command, unless it is asked for a format it does not have: nothing may happen first."""
        refuse_other_formats(ctx, ctx.command_path, self.formats)
        try:
            return super().invoke(ctx)
        except SipctlError as error:
            error.advice = prose_below(error.advice, Options.of(ctx).deployment)
            raise


class WritingCommand(Command):
    """A command that writes."""

    writes = True


class CsvCommand(Command):
    """A command that also writes csv."""

    formats: ClassVar[tuple[str, ...]] = (*COMMON_FORMATS, "csv")


class ReportCommand(Command):
    """A command that reports findings, for people, scripts, CI and monitoring."""

    formats: ClassVar[tuple[str, ...]] = ("table", "json", "jsonl", "name", "junit", "prometheus")


class TestCommand(Command):
    """A command that runs tests, for people, scripts and CI."""

    formats: ClassVar[tuple[str, ...]] = (*COMMON_FORMATS, "junit")


class ProbeCommand(Command):
    """A command that watches something, for people, scripts, CI and monitoring."""

    formats: ClassVar[tuple[str, ...]] = (*COMMON_FORMATS, "junit", "nagios", "prometheus")


class StreamCommand(Command):
    """A command that goes on until it is stopped, and prints a line for each thing that happens."""

    formats: ClassVar[tuple[str, ...]] = ("table", "jsonl")


class Group(_EveryCommand, TyperGroup):
    """A group of commands; named alone it shows its help and succeeds."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own context
        """Parse, with `--help` for nothing at all."""
        return super().parse_args(ctx, args or ["--help"])


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a group of them, before it is loaded: its one line of help and the commands under it."""

    summary: str
    commands: Mapping[str, str] = field(default_factory=dict)


class LazyGroup(Group):
    """A group that knows every command's name and one line, and imports the command's module when it is named.

    `sipctl GROUP COMMAND` is the function `run` of `sipctl.cli.GROUP.COMMAND`, and a `Command` unless the module says
    otherwise in `KIND`. `ALLOWS` of a command with `--allow` are the words that it takes.
    """

    package = "sipctl.cli"
    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passes Typer's arguments through
        super().__init__(*args, **kwargs)
        for name, entry in self.entries.items():
            self.commands[name] = Command(name, help=entry.summary)
        self._loaded: set[str] = set()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's own signature
        """Load the named command, then let Typer find it."""
        if args:
            self.load(args[0])
        return super().resolve_command(ctx, args)

    def load(self, name: str) -> None:
        """Replace the stand-in of this name, if there is one, by the real command."""
        if name in self.entries and name not in self._loaded:
            self.commands[name] = self._real(name, self.entries[name])
            self._loaded.add(name)

    def _real(self, name: str, entry: Entry) -> Any:  # noqa: ANN401 - Typer's own command
        module = f"{self.package}.{name}{'_' if keyword.iskeyword(name) else ''}"
        return _group(name, module, entry) if entry.commands else _command(name, importlib.import_module(module))


def _group(name: str, package: str, entry: Entry) -> Any:  # noqa: ANN401 - Typer's own command
    """A group whose commands load when they are named."""
    namespace = {"package": package, "entries": {inner: Entry(line) for inner, line in entry.commands.items()}}
    app = typer.Typer(
        cls=type("LoadedGroup", (LazyGroup,), namespace), add_completion=False, help=entry.summary,
        pretty_exceptions_enable=False, rich_markup_mode="rich", name=name,
    )  # fmt: skip
    app.callback()(lambda: None)
    return typer.main.get_command(app)


def _command(name: str, module: Any) -> Any:  # noqa: ANN401 - a module of a command
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command(name, cls=getattr(module, "KIND", Command))(module.run)
    command: Any = typer.main.get_command(app)
    for parameter in command.params:
        if "--allow" in parameter.opts:
            parameter.help += f" {', '.join(module.ALLOWS) or 'This command has none'}."
    return command
