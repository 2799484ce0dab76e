"""`sipctl room`: live rooms."""

from typing import Annotated

import typer

from sipctl.cli.context import Session
from sipctl.cli.options import Allow, Confirm, command_group

app, command = command_group("Live rooms and who is in them.")

Name = Annotated[str, typer.Argument(metavar="ROOM", help="A room's name.")]
Seconds = Annotated[int, typer.Option(min=0, max=2**31 - 1, metavar="SECONDS", help="0 = the server's default.")]


@command("list")
def list_(
    ctx: typer.Context,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each room's node whether it still answers.")] = False,
) -> None:
    """List the rooms that LiveKit lists.

    A room whose node died stays listed for good; `--probe` marks it as a ghost, which takes six seconds in all.

    \b
    Examples:
      sipctl room list
      sipctl room list --probe -o json
      sipctl room list -o name
    """
    from sipctl.cli.views.rooms import rooms_view
    from sipctl.operations.rooms import list_rooms

    session = Session.of(ctx)
    if probe:
        session.streams.progress("Asking each room's node; one that is gone takes six seconds to tell from a slow one.")
    listed = session.livekit(lambda client: list_rooms(client, probe=probe))
    rooms, names = session.named(listed, lambda item: item.room.name)
    session.emit(rooms_view(rooms, names=names))


@command("show")
def show(ctx: typer.Context, room: Name) -> None:
    """Show one room, who is in it, and the rules that lead there.

    \b
    Examples:
      sipctl room show demo
      sipctl room show demo -o json
    """
    from sipctl.cli.views.rooms import room_view
    from sipctl.operations.rooms import get_room

    session = Session.of(ctx)
    details = session.livekit(lambda client: get_room(client, room))
    _, names = session.named([details], lambda item: item.room.name)
    session.emit(room_view(details, session.settings.mark, show_pins=session.options.show_pins, names=names))


@command("create")
def create(
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
    from sipctl.operations.rooms import create_room
    from sipctl.telephony.model import Room

    session = Session.of(ctx)
    wanted = Room(
        name=room,
        empty_timeout=empty_timeout,
        departure_timeout=departure_timeout,
        max_participants=max_participants,
        metadata=metadata,
    )
    session.write(lambda writer: create_room(writer, wanted), session.permit(allow, confirm))


@command("delete")
def delete(ctx: typer.Context, room: Name, allow: Allow = None, confirm: Confirm = "") -> None:
    """End a room for everyone in it; LiveKit then sends `room_finished`.

    Refused while anyone is in the room (`--allow live-room`). Ends the ghosts of a killed server too.

    \b
    Examples:
      sipctl room delete demo
      sipctl room delete demo --allow live-room
    """
    from sipctl.operations.rooms import delete_room

    session = Session.of(ctx)
    session.write(lambda writer: delete_room(writer, room), session.permit(allow, confirm))
