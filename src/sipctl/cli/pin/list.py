"""`sipctl pin list`."""

from typing import Annotated, Final

import typer

from sipctl.cli.command import CsvCommand
from sipctl.cli.names import keep_names
from sipctl.cli.pin.common import HeldPin, pin_registry, pins_view
from sipctl.cli.session import Session
from sipctl.completion.values import REGISTERED

KIND: Final = CsvCommand
PRINTS: Final = {"pins": list[HeldPin]}


def run(
    ctx: typer.Context,
    missing: Annotated[bool, typer.Option("--missing", help="Only rooms without a PIN.")] = False,
) -> None:
    """List the rooms that the registry knows, and their PINs.

    \b
    Examples:
      sipctl pin list
      sipctl pin list --missing -o name
    """
    session = Session.of(ctx)
    with pin_registry(session) as registry:
        known = keep_names(session, registry.holdings(), lambda one: [(one.room, "")], REGISTERED)
        holdings = (one for one in known if not (missing and one.pin))
        columns = ("room", "pin", "state", "assigned_at", *(("called",) if registry.in_meet else ()))
        session.emit(pins_view(holdings, show_pins=session.options.show_pins, columns=columns))
