"""Rooms as people and scripts read them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from sipctl.cli.views.rules import Names, rule_record
from sipctl.operations.rooms import ProbedRoom, RoomDetails
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.livekit_json import participant_to_json, room_to_json
from sipctl.telephony.model import Participant, Room
from sipctl.telephony.ownership import Ownership

_COLUMNS: Final = ("name", "participants", "created", "state", "sid")
_STATES: Final = {None: "listed", False: "live", True: "ghost"}


def rooms_view(rooms: Iterable[ProbedRoom], *, names: Names = MappingProxyType({})) -> Listing[ProbedRoom]:
    """A list of rooms; the counters are LiveKit's and lag by some seconds."""

    def row(item: ProbedRoom) -> tuple[str, ...]:
        room = item.room
        cells = (room.name, str(room.num_participants), _created(room), _STATES[item.ghost], room.sid)
        return (*cells, names.get(room.name, "")) if names else cells

    def record(item: ProbedRoom) -> dict[str, Any]:
        return {**room_to_json(item.room), "sipctl": {"ghost": item.ghost, "called": names.get(item.room.name)}}

    return Listing(
        schema="sipctl/rooms/v1",
        items=rooms,
        columns=(*_COLUMNS, "called") if names else _COLUMNS,
        row=row,
        record=record,
        name=lambda item: item.room.name,
    )


def room_view(details: RoomDetails, mark: Ownership, *, show_pins: bool, names: Names = MappingProxyType({})) -> Detail:
    """One room with its people and the rules that lead there."""
    room = details.room
    lines = [
        ("name", room.name),
        *((("called", names[room.name]),) if room.name in names else ()),
        ("sid", room.sid),
        ("created", _created(room)),
        ("empty timeout", f"{room.empty_timeout} s"),
        ("departure timeout", f"{room.departure_timeout} s"),
        ("participants", str(len(details.participants))),
        *((_seat(person), _who(person)) for person in details.participants),
        *(("rule", f"{rule.sip_dispatch_rule_id}  {rule.name}") for rule in details.rules),
    ]
    record = {
        **room_to_json(room),
        "sipctl": {
            "called": names.get(room.name),
            "participants": [participant_to_json(person) for person in details.participants],
            "rules": [rule_record(rule, mark, show_pins=show_pins, names=names) for rule in details.rules],
        },
    }
    return Detail(schema="sipctl/room/v1", lines=tuple(lines), record=record, name=room.name)


def _seat(person: Participant) -> str:
    return "by phone" if person.is_phone else "in"


def _who(person: Participant) -> str:
    return f"{person.identity}  {person.name}".rstrip()


def _created(room: Room) -> str:
    try:
        return datetime.fromtimestamp(room.creation_time, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "unknown"
