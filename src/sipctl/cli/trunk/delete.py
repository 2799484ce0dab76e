"""`sipctl trunk delete`."""

from typing import Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import Reference
from sipctl.operations.trunks import delete_trunk

ALLOWS: Final = ("in-use", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, trunk: Reference, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete one trunk.

    Refused while dispatch rules name it (`--allow in-use`): LiveKit would leave them dangling.

    \b
    Examples:
      sipctl trunk delete ST_b6WvKx3nTe9D
      sipctl trunk delete provider --dry-run
    """
    session = Session.of(ctx)
    change = session.write(lambda writer: delete_trunk(writer, trunk), session.permit(allow, confirm))
    show_change(session, change)
