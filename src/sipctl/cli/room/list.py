"""`sipctl room list`."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.names import keep_names
from sipctl.cli.room.common import created
from sipctl.cli.session import Session
from sipctl.completion.values import ROOMS
from sipctl.operations.rooms import ProbedRoom, list_rooms
from sipctl.output.formats import Listing
from sipctl.telephony.livekit_json import RoomJson, room_to_json

_COLUMNS: Final = ("name", "participants", "created", "state", "sid")
_STATES: Final = {None: "listed", False: "live", True: "ghost"}


class RoomMarks(TypedDict):
    """Whether the room's node is gone, null if that was not asked; what people call it, null if that is not known."""

    ghost: bool | None
    called: str | None


class ListedRoom(RoomJson):
    """A room of `room list`."""

    sipctl: RoomMarks


PRINTS: Final = {"rooms": list[ListedRoom]}


def run(
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
    session = Session.of(ctx)
    if probe:
        session.streams.progress("Asking each room's node; one that is gone takes six seconds to tell from a slow one.")
    listed = session.livekit(lambda client: list_rooms(client, probe=probe))
    kept = keep_names(session, listed, lambda item: [(item.room.name, "")], ROOMS)
    session.emit(_view(*session.named(kept, lambda item: item.room.name)))


def _view(rooms: Iterable[ProbedRoom], names: Mapping[str, str]) -> Listing[ProbedRoom]:
    """A list of rooms; the counters are LiveKit's and lag by some seconds."""

    def row(item: ProbedRoom) -> tuple[str, ...]:
        room = item.room
        cells = (room.name, str(room.num_participants), created(room), _STATES[item.ghost], room.sid)
        return (*cells, names.get(room.name, "")) if names else cells

    def record(item: ProbedRoom) -> ListedRoom:
        marks = RoomMarks(ghost=item.ghost, called=names.get(item.room.name))
        return ListedRoom(**room_to_json(item.room), sipctl=marks)

    return Listing(
        schema="sipctl/rooms/v1",
        things="live rooms",
        repeats={"called": "name"},
        items=rooms,
        columns=(*_COLUMNS, "called") if names else _COLUMNS,
        row=row,
        record=record,
        name=lambda item: item.room.name,
    )
