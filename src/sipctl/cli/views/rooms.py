"""Rooms as people and scripts read them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sipctl.cli.views.rules import rule_record
from sipctl.operations.rooms import ProbedRoom, RoomDetails
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.livekit_json import participant_to_json, room_to_json
from sipctl.telephony.model import Participant, Room
from sipctl.telephony.ownership import Ownership


def rooms_view(rooms: Iterable[ProbedRoom]) -> Listing[ProbedRoom]:
    """A list of rooms; the counters are LiveKit's and lag by some seconds."""
    return Listing(
        schema="sipctl/rooms/v1",
        items=rooms,
        columns=("name", "participants", "created", "state", "sid"),
        row=lambda item: (
            item.room.name,
            str(item.room.num_participants),
            _created(item.room),
            _STATES[item.ghost],
            item.room.sid,
        ),
        record=_probed_record,
        name=lambda item: item.room.name,
    )


_STATES = {None: "listed", False: "live", True: "ghost"}


def _probed_record(item: ProbedRoom) -> dict[str, Any]:
    return {**room_to_json(item.room), "sipctl": {"ghost": item.ghost}}


def room_view(details: RoomDetails, mark: Ownership, *, show_pins: bool) -> Detail:
    """One room with its people and the rules that lead there."""
    room = details.room
    lines = [
        ("name", room.name),
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
            "participants": [participant_to_json(person) for person in details.participants],
            "rules": [rule_record(rule, mark, show_pins=show_pins) for rule in details.rules],
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
