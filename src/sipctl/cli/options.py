"""Options that every command takes, before, between or after the command's words; the nearest one wins."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from sipctl.command_line import CommandLine, prose_below
from sipctl.errors import SipctlError, UsageError
from sipctl.output.formats import COMMON_FORMATS

F = TypeVar("F", bound=Callable[..., None])

PANEL = "Options of every command"

Allow = Annotated[
    list[str] | None, typer.Option("--allow", metavar="WORD", help="Lift one rail by its word; repeatable.")
]
Confirm = Annotated[
    str, typer.Option("--confirm", metavar="PROFILE", help="Name the protected profile that may be written to.")
]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command as given; the defaults mean "not given"."""

    profile: str | None = None
    config: Path | None = None
    env_file: tuple[Path, ...] = ()
    timeout: float = 10.0
    output: str = "table"
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    show_pins: bool = False
    dry_run: bool = False

    @classmethod
    def of(cls, ctx: typer.Context) -> "Options":
        """What the command line said, at whatever place."""
        given = {field.name: ctx.meta[_key(field.name)] for field in fields(cls) if _key(field.name) in ctx.meta}
        return cls(**given)

    @property
    def deployment(self) -> tuple[str, ...]:
        """The words with which a command meets the same deployment again as this run."""
        words = []
        for option, value in (("--config", self.config), ("--profile", self.profile)):
            words += [option, str(value)] if value is not None else []
        for path in self.env_file:
            words += ["--env-file", str(path)]
        return tuple(words)

    def again(self, command: CommandLine) -> CommandLine:
        """The command as it must be typed after this run: it must not meet another deployment."""
        return command.below(*self.deployment)


def _key(name: str) -> str:
    return f"sipctl.{name}"


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - a callback for all
    """Keep a value given on the command line; deeper commands parse later, so the nearest one stays."""
    source = ctx.get_parameter_source(str(param.name))
    if source is not None and source.name == "COMMANDLINE":
        ctx.meta[_key(str(param.name))] = tuple(value) if isinstance(value, list) else value
    return value


def given_options(ctx: typer.Context) -> list[str]:
    """The command's own options that the command line gave, by their first names."""
    own = [(param, ctx.get_parameter_source(str(param.name))) for param in ctx.command.params]
    return [param.opts[0] for param, source in own if source is not None and source.name == "COMMANDLINE"]


def _color(value: str) -> str:
    """Colour is chosen by the environment variables that rich and Typer's own help understand."""
    if value not in {"auto", "always", "never"}:
        raise typer.BadParameter(f"{value!r} is not one of auto, always, never", param_hint="--color")
    if value != "auto":
        os.environ.pop("NO_COLOR", None)
        os.environ.pop("FORCE_COLOR", None)
        os.environ["FORCE_COLOR" if value == "always" else "NO_COLOR"] = "1"
    return value


def _declare(
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="Profile of the configuration file.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file.", metavar="FILE")] = None,
    env_file: Annotated[
        list[Path] | None, typer.Option(help="Env file of Meet or compose; repeatable, later wins.", metavar="FILE")
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=3600,
            metavar="SECONDS",
            help="Time limit of each call to LiveKit, and of each wait for a database.",
        ),
    ] = 10.0,
    output: Annotated[
        str, typer.Option("--output", "-o", help="table, json, jsonl, name; some commands have more.", metavar="FORMAT")
    ] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing on success but the data asked for.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every call to LiveKit on stderr; all checks of a report.")
    ] = False,
    color: Annotated[
        str, typer.Option(callback=_color, is_eager=True, metavar="WHEN", help="auto, always or never.")
    ] = "auto",
    show_pins: Annotated[bool, typer.Option("--show-pins", help="Print PINs in full.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, write nothing.")] = False,
) -> None:
    """Declares the options once; Typer turns the signature into parameters."""


@cache
def _parameters() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False)
    app.command()(_declare)
    parameters: list[Any] = typer.main.get_command(app).params
    for parameter in parameters:
        parameter.expose_value = False
        parameter.callback = parameter.callback or _remember
        parameter.rich_help_panel = PANEL
    return tuple(parameters)


def _unwrapped(text: str) -> str:
    """A help text without the line breaks of the source, which no terminal is as wide as; `\\b` blocks stay."""
    blocks = text.split("\n\n")
    return "\n\n".join(block if block.startswith("\b") else " ".join(block.split()) for block in blocks)


class _EveryCommand:
    """Adds the shared options to whatever Typer class it is mixed into."""

    help: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passes Typer's arguments through
        super().__init__(*args, **kwargs)
        self.help = _unwrapped(self.help) if self.help else self.help

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's own context
        """The command's own parameters, then the shared ones."""
        parameters = [*super().get_params(ctx), *_parameters()]  # type: ignore[misc]
        for parameter in parameters:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""  # Typer's help would print `<bool>`, as if a flag took a value.
        return parameters


def refuse_other_formats(ctx: typer.Context, command: str, formats: Sequence[str]) -> None:
    """Refuse an output format that the command does not have.

    Raises:
        UsageError: one is asked for.
    """
    style = Options.of(ctx).output
    if style not in formats:
        raise UsageError(f"{command} has no output format {style!r}", hint=f"choose one of {', '.join(formats)}")


class Command(_EveryCommand, TyperCommand):
    """A command with the shared options and the output formats it can write."""

    formats: ClassVar[tuple[str, ...]] = COMMON_FORMATS

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own signature
        """Run the command, unless it is asked for a format it does not have: nothing may happen first."""
        refuse_other_formats(ctx, ctx.command_path, self.formats)
        try:
            return super().invoke(ctx)
        except SipctlError as error:
            error.advice = prose_below(error.advice, Options.of(ctx).deployment)
            raise


class CsvCommand(Command):
    """A command that also writes csv."""

    formats: ClassVar[tuple[str, ...]] = (*COMMON_FORMATS, "csv")


class ReportCommand(Command):
    """A command that reports findings, for people, scripts, CI and monitoring."""

    formats: ClassVar[tuple[str, ...]] = ("table", "json", "jsonl", "name", "junit", "prometheus")


class TestCommand(Command):
    """A command that runs tests, for people, scripts and CI."""

    formats: ClassVar[tuple[str, ...]] = (*COMMON_FORMATS, "junit")


class Group(_EveryCommand, TyperGroup):
    """A group of commands; named alone it shows its help and succeeds."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own context
        """Parse, with `--help` for nothing at all."""
        return super().parse_args(ctx, args or ["--help"])


FailOn = Annotated[
    str, typer.Option("--fail-on", metavar="LEVEL", help="Exit 1 from this level on: error, warn or info.")
]


def command_group(summary: str) -> tuple[typer.Typer, Callable[..., Callable[[F], F]]]:
    """An app for one group of commands, and the decorator that adds a command to it."""
    app = typer.Typer(
        cls=Group, add_completion=False, help=summary, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )

    def command(name: str, *, cls: type[Command] = Command) -> Callable[[F], F]:
        return app.command(name, cls=cls)

    return app, command
