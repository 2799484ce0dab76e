"""`sipctl pin export`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.acting import Force, writes_file
from sipctl.cli.command import CsvCommand
from sipctl.cli.inputs import or_stdout
from sipctl.cli.pin.common import pins_view
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine, prose_text
from sipctl.errors import UsageError
from sipctl.files import write_private


class PinExportCommand(CsvCommand):
    """A command that writes a list of rooms and PINs."""

    writes = True


KIND: Final = PinExportCommand


def run(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", callback=or_stdout, help="Where to; none or - = stdout, PINs masked."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="csv: leave cells that a spreadsheet takes for formulas as they are.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the registry as csv, json or jsonl. A file is made 0600 and holds PINs in full.

    It takes the place of no other file (`--force`). On stdout PINs are masked (`--show-pins`), and nothing can be
    imported from it.

    In csv a room name that begins with = + - or @ gets a ' in front, so that no spreadsheet takes it for a formula;
    `pin import` takes it away again.

    \b
    Examples:
      sipctl pin export pins.csv
      sipctl pin export -o csv --show-pins
    """
    session = Session.of(ctx)
    style = _style(session.options.output, file)
    if raw and style != "csv":
        raise UsageError("--raw is for csv alone", hint="add `-o csv`")
    with session.registry() as registry:
        if file is None:
            if not session.options.show_pins:
                session.note(_masked(session))
            session.emit(pins_view(registry.holdings(), show_pins=session.options.show_pins, raw=raw))
            return
        if not writes_file(session, file, force=force):
            return
        view = pins_view(registry.holdings(), show_pins=True, raw=raw)
        write_private(file, view.render(style, session.streams.into_file()), over=force)
    session.note(f"wrote {file}, readable by you alone: it holds PINs in full")


def _masked(session: Session) -> str:
    to_file = session.options.again(CommandLine.of("pin", "export").on("pins.csv"))
    return prose_text(
        ("note: the PINs are masked, so this export brings none back; ", to_file, " writes one that does")
    )


def _style(asked: str, file: Path | None) -> str:
    """The format that is asked for, else the one that the file's name says.

    Raises:
        UsageError: neither is one.
    """
    if file is None:
        return asked
    style = asked if asked != "table" else file.suffix.removeprefix(".")
    if style not in {"csv", "json", "jsonl"}:
        raise UsageError(f"{file} names no format", hint="call it .csv, .json or .jsonl, or give -o")
    return style
