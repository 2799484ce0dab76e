"""`sipctl room show`."""

from collections.abc import Mapping
from typing import Final, TypedDict

import typer

from sipctl.cli.room.common import Name, created
from sipctl.cli.rows import RuleRow, rule_row
from sipctl.cli.session import Session
from sipctl.operations.rooms import RoomDetails, get_room
from sipctl.output.formats import Detail
from sipctl.telephony.livekit_json import ParticipantJson, RoomJson, participant_to_json, room_to_json
from sipctl.telephony.model import Participant
from sipctl.telephony.ownership import Ownership


class RoomContent(TypedDict):
    """What people call a room, null if that is not known; who is in it, and the rules that lead there."""

    called: str | None
    participants: list[ParticipantJson]
    rules: list[RuleRow]


class ShownRoom(RoomJson):
    """A room of `room show`."""

    sipctl: RoomContent


PRINTS: Final = {"room": ShownRoom}


def run(ctx: typer.Context, room: Name) -> None:
    """Show one room, who is in it, and the rules that lead there.

    \b
    Examples:
      sipctl room show demo
      sipctl room show demo -o json
    """
    session = Session.of(ctx)
    details = session.livekit(lambda client: get_room(client, room))
    _, names = session.named([details], lambda item: item.room.name)
    session.emit(_view(details, session.settings.mark, show_pins=session.options.show_pins, names=names))


def _view(details: RoomDetails, mark: Ownership, *, show_pins: bool, names: Mapping[str, str]) -> Detail:
    room = details.room
    lines = [
        ("name", room.name),
        *((("called", names[room.name]),) if room.name in names else ()),
        ("sid", room.sid),
        ("created", created(room)),
        ("empty timeout", f"{room.empty_timeout} s"),
        ("departure timeout", f"{room.departure_timeout} s"),
        ("participants", str(len(details.participants))),
        *((_how(person), _who(person)) for person in details.participants),
        *(("rule", f"{rule.sip_dispatch_rule_id}  {rule.name}") for rule in details.rules),
    ]
    content = RoomContent(
        called=names.get(room.name),
        participants=[participant_to_json(person) for person in details.participants],
        rules=[rule_row(rule, mark, show_pins=show_pins, names=names) for rule in details.rules],
    )
    record = ShownRoom(**room_to_json(room), sipctl=content)
    return Detail(schema="sipctl/room/v1", lines=tuple(lines), record=record, name=room.name)


def _how(person: Participant) -> str:
    return "by phone" if person.is_phone else "in"


def _who(person: Participant) -> str:
    return f"{person.identity}  {person.name}".rstrip()
