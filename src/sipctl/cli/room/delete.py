"""`sipctl room delete`."""

from typing import Final

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.deleting import delete_named
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.room.common import Names
from sipctl.cli.session import Session
from sipctl.operations.rooms import delete_room

ALLOWS: Final = ("live-room", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, room: Names, allow: Allow = None, confirm: Confirm = "") -> None:
    """End rooms for everyone in them; LiveKit then sends `room_finished`.

    Of several rooms the plan is shown, and --apply carries it out. Refused while anyone is in the room
    (`--allow live-room`). Ends the ghosts of a killed server too.

    \b
    Examples:
      sipctl room delete demo
      sipctl room delete demo --allow live-room
    """
    session = Session.of(ctx)
    delete_named(session, room, delete_room, session.permit(allow, confirm), "rooms")
