"""`sipctl room create`."""

from typing import Annotated, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.room.common import Name
from sipctl.cli.session import Session
from sipctl.operations.rooms import create_room
from sipctl.telephony.model import Room

Seconds = Annotated[int, typer.Option(min=0, max=2**31 - 1, metavar="SECONDS", help="0 = the server's default.")]


ALLOWS: Final[tuple[str, ...]] = ()
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    room: Name,
    empty_timeout: Seconds = 0,
    departure_timeout: Seconds = 0,
    max_participants: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="0 = no limit.")] = 0,
    metadata: Annotated[str, typer.Option(metavar="TEXT", help="Text that everyone in the room can read.")] = "",
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Create a room, or find the live one; LiveKit then sends `room_started`.

    \b
    Examples:
      sipctl room create demo
      sipctl room create demo --empty-timeout 60 --dry-run
    """
    session = Session.of(ctx)
    wanted = Room(
        name=room,
        empty_timeout=empty_timeout,
        departure_timeout=departure_timeout,
        max_participants=max_participants,
        metadata=metadata,
    )
    change = session.write(lambda writer: create_room(writer, wanted), session.permit(allow, confirm))
    show_change(session, change)
