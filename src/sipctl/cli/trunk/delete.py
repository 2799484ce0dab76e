"""`sipctl trunk delete`."""

from typing import Final

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.deleting import delete_named
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import References
from sipctl.operations.trunks import delete_trunk

ALLOWS: Final = ("in-use", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, trunk: References, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete trunks; of several the plan is shown, and --apply carries it out.

    Refused while dispatch rules name it, since LiveKit would leave them dangling, and for the last inbound trunk or
    the only one with the number that people dial (`--allow in-use`).

    \b
    Examples:
      sipctl trunk delete ST_b6WvKx3nTe9D
      sipctl trunk delete provider --dry-run
    """
    session = Session.of(ctx)
    delete_named(session, trunk, delete_trunk, session.permit(allow, confirm), "trunks")
