"""Options that every command takes, before, between or after the command's words; the nearest one wins."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from sipctl.command_line import CommandLine
from sipctl.errors import UsageError
from sipctl.telephony.amendment import Amendment
from sipctl.telephony.limits import MAX_ITEMS

if TYPE_CHECKING:
    from sipctl.output.formats import Listing

_WIDE = "wide"

Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="WORD", help="Lift one safeguard by its word; repeatable. The words:"),
]
Confirm = Annotated[
    str, typer.Option("--confirm", metavar="PROFILE", help="Name the protected profile that may be written to.")
]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command as given, and `--apply` of those that write; the defaults mean "not given".

    `-o wide` is the table, `wide`.
    """

    profile: str | None = None
    config: Path | None = None
    env_file: tuple[Path, ...] = ()
    timeout: float = 10.0
    max_items: int = MAX_ITEMS
    output: str = "table"
    wide: bool = False
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    show_pins: bool = False
    dry_run: bool = False
    apply: bool = False

    @classmethod
    def of(cls, ctx: typer.Context) -> "Options":
        """What the command line said, at whatever place."""
        given = {field.name: ctx.meta[_key(field.name)] for field in fields(cls) if _key(field.name) in ctx.meta}
        if given.get("output") == _WIDE:
            given |= {"output": "table", "wide": True}
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


def process(parameter: Any, ctx: Any, value: Any) -> Any:  # noqa: ANN401 - Typer's own objects
    """What a command gets for a parameter.

    A default, and text where text is wanted, have the right type: Typer would load pydantic to prove it.
    """
    if value is None and (parameter.multiple or parameter.nargs == -1):
        value = ()
    is_given = ctx.get_parameter_source(parameter.name).name != "DEFAULT"
    is_text = isinstance(value, str) and parameter.type_descriptor.annotation is str
    if (is_given and not is_text) or (parameter.required and parameter.value_is_missing(value)):
        return type(parameter).process_value(parameter, ctx, value)
    return parameter.callback(ctx, parameter, value) if parameter.callback else value


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
    max_items: Annotated[
        int,
        typer.Option(min=1, max=100_000_000, metavar="N", help="The most items of one list, LiveKit's or a file's."),
    ] = MAX_ITEMS,
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="table, wide, json, jsonl, name; some have more.", metavar="FORMAT"),
    ] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="On success print only the data asked for.")] = False,
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
def shared_parameters() -> tuple[Any, ...]:
    """The parameters that every command has beside its own."""
    app = typer.Typer(add_completion=False)
    app.command()(_declare)
    parameters: list[Any] = typer.main.get_command(app).params
    for parameter in parameters:
        parameter.expose_value = False
        parameter.callback = parameter.callback or _remember
    return tuple(parameters)


@cache
def apply_parameter() -> Any:  # noqa: ANN401 - Typer's own object
    """The parameter that every command has which writes: it may stand where one is not needed, too."""
    app = typer.Typer(add_completion=False)
    app.command()(_declare_apply)
    parameters: list[Any] = typer.main.get_command(app).params
    (parameter,) = parameters
    parameter.expose_value = False
    parameter.callback = _remember
    return parameter


def _declare_apply(
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Carry out the plan; a command on one named object needs none."),
    ] = False,
) -> None:
    """Declares the option; Typer turns the signature into a parameter."""


class OptionRow(TypedDict):
    """An option of every command: its names, its value ("" if it takes none), and what it does."""

    names: list[str]
    value: str
    help: str


PRINTS = {"options": list[OptionRow]}


def run(ctx: typer.Context) -> None:
    """List the options that every command takes.

    They may stand before, between or after the words of a command; the one nearest to its end wins.

    \b
    Examples:
      sipctl options
      sipctl options -o json
    """
    from sipctl.output.streams import Streams

    options = Options.of(ctx)
    streams = Streams.standard(quiet=options.quiet, wide=options.wide)
    streams.write(_view().render(options.output, streams))


def _view() -> "Listing[OptionRow]":
    from sipctl.output.formats import Listing

    return Listing(
        schema="sipctl/options/v1",
        things="options",
        items=[OptionRow(names=list(one.opts), value=one.metavar or "", help=one.help) for one in shared_parameters()],
        columns=("option", "value", "what it does"),
        row=lambda one: (", ".join(one["names"]), one["value"], one["help"]),
        record=lambda one: one,
        name=lambda one: one["names"][0],
    )


FailOn = Annotated[
    str, typer.Option("--fail-on", metavar="LEVEL", help="Exit 1 from this level on: error, warn or info.")
]


def given(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that someone gave a value for."""
    return {field: value for field, value in wanted.items() if value is not None}


def edits_given(wanted: Mapping[str, Any], *command: str) -> Mapping[str, Any]:
    """The fields that an update changes: those that an option gave a value for.

    Raises:
        UsageError: there is none.
    """
    edits = given(wanted)
    if not edits:
        raise UsageError("nothing to change", hint=(CommandLine.of(*command, "--help"), " shows what can be"))
    return edits


def chosen(what: str, values: list[str] | None, any_one: bool) -> tuple[str, ...] | None:
    """What `--WHAT`, repeated, and `--any-WHAT` say of a list: None = nothing, so that it stays.

    Raises:
        UsageError: both were given.
    """
    if values and any_one:
        raise UsageError(f"--{what} and --any-{what} exclude each other")
    return () if any_one else tuple(values) if values else None


def amended(
    what: str, whole: tuple[str, ...] | None, added: list[str] | None, removed: list[str] | None
) -> tuple[str, ...] | Amendment | None:
    """What a whole list, `--add-WHAT` and `--remove-WHAT` say of a list: None = nothing, so that it stays.

    Raises:
        UsageError: a whole list was given beside single entries.
    """
    if not (added or removed):
        return whole
    if whole is not None:
        raise UsageError(f"--add-{what} and --remove-{what} go with no list that replaces the one there")
    return Amendment(tuple(added or ()), tuple(removed or ()))
