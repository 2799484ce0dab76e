"""`sipctl room delete`."""

from typing import Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.room.common import Name
from sipctl.cli.session import Session
from sipctl.operations.rooms import delete_room

ALLOWS: Final = ("live-room", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, room: Name, allow: Allow = None, confirm: Confirm = "") -> None:
    """End a room for everyone in it; LiveKit then sends `room_finished`.

    Refused while anyone is in the room (`--allow live-room`). Ends the ghosts of a killed server too.

    \b
    Examples:
      sipctl room delete demo
      sipctl room delete demo --allow live-room
    """
    session = Session.of(ctx)
    change = session.write(lambda writer: delete_room(writer, room), session.permit(allow, confirm))
    show_change(session, change)
