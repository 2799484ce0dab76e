"""`sipctl room list`."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import typer

from sipctl.cli.names import keep_names
from sipctl.cli.room.common import advertised_pins, created
from sipctl.cli.session import Session
from sipctl.completion.values import ROOMS
from sipctl.operations.reach import Observed, observe, reach_of_rooms
from sipctl.operations.rooms import ProbedRoom, probe_rooms
from sipctl.output.formats import Listing
from sipctl.telephony.livekit_json import RoomJson, room_to_json
from sipctl.telephony.reach.row import Reach, ReachWord

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

_COLUMNS: Final = ("name", "participants", "created", "state", "sid")
_CALLERS: Final = "callers"
_STATES: Final = {None: "listed", False: "live", True: "ghost"}


class RoomMarks(TypedDict):
    """Whether the room's node is gone, null if no one asked; what people call it, null if that is not known.

    `reach` is what becomes of those who call it with its PIN, as `doctor` says it; null for rooms of other backends.
    """

    ghost: bool | None
    called: str | None
    reach: ReachWord | None


class ListedRoom(RoomJson):
    """A room of `room list`."""

    sipctl: RoomMarks


PRINTS: Final = {"rooms": list[ListedRoom]}


def run(
    ctx: typer.Context,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each room's node whether it still answers.")] = False,
) -> None:
    """List the rooms that LiveKit lists.

    `callers` says what becomes of those who call a room, in the words of `doctor`: reachable, open, unreachable,
    depends or unknown. A room whose node died stays listed for good; `--probe` marks it as a ghost, which takes six
    seconds in all.

    \b
    Examples:
      sipctl room list
      sipctl room list --probe -o json
      sipctl room list -o name
    """
    session = Session.of(ctx)
    if probe:
        session.streams.progress("Asking each room's node; one that is gone takes six seconds to tell from a slow one.")
    settings = session.settings

    async def read(client: "LiveKitClient") -> tuple[Observed, list[ProbedRoom]]:
        observed = await observe(client, settings)
        return observed, await probe_rooms(client, observed.rooms, probe=probe)

    observed, listed = session.livekit(read)
    kept = keep_names(session, listed, lambda item: [(item.room.name, "")], ROOMS)
    named, names = session.named(kept, lambda item: item.room.name)
    session.emit(_view(named, names, reach_of_rooms(observed, settings, partial(advertised_pins, session))))


def _view(rooms: Iterable[ProbedRoom], names: Mapping[str, str], reaches: Mapping[str, Reach]) -> Listing[ProbedRoom]:
    """A list of rooms; the counters are LiveKit's and lag by some seconds."""

    def word(item: ProbedRoom) -> ReachWord | None:
        return reaches[item.room.name].outcome.value if item.room.name in reaches else None

    def row(item: ProbedRoom) -> tuple[str, ...]:
        room = item.room
        cells = (room.name, str(room.num_participants), created(room), _STATES[item.ghost], room.sid)
        called = (names.get(room.name, ""),) if names else ()
        return (*cells, *called, word(item) or "")

    def record(item: ProbedRoom) -> ListedRoom:
        marks = RoomMarks(ghost=item.ghost, called=names.get(item.room.name), reach=word(item))
        return ListedRoom(**room_to_json(item.room), sipctl=marks)

    return Listing(
        schema="sipctl/rooms/v1",
        things="live rooms",
        repeats={"called": "name"},
        items=rooms,
        columns=(*_COLUMNS, *(("called",) if names else ()), _CALLERS),
        row=row,
        record=record,
        name=lambda item: item.room.name,
    )
