"""A snapshot in LiveKit's own JSON, put into the store as it is: what LiveKit would refuse today included."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf.json_format import ParseError
from google.protobuf.message import Message
from livekit.protocol.models import Room as RoomMessage
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.errors import UsageError
from sipctl.lkapi.convert import message_from_json
from sipctl.lkapi.requests import described
from sipctl.sandbox.store import Store

M = TypeVar("M", bound=Message)

_HINT: Final = 'a snapshot is {"trunks": […], "rules": […], "rooms": […]}, with LiveKit\'s own objects'


@dataclass(frozen=True, slots=True)
class SnapshotMessages:
    """A snapshot as LiveKit's own messages; None = the snapshot does not say."""

    trunks: list[SIPInboundTrunkInfo] | None
    rules: list[SIPDispatchRuleInfo] | None
    rooms: list[RoomMessage] | None


def plant_snapshot(store: Store, text: str) -> None:
    """Fill the store from the JSON `{trunks, rules, rooms}`; every key may be missing, missing ids are made.

    Raises:
        UsageError: it is not JSON, or holds what LiveKit has no message for.
    """
    snapshot = snapshot_messages(text)
    for trunk in snapshot.trunks or ():
        trunk.sip_trunk_id = trunk.sip_trunk_id or store.new_id("ST_")
        store.inbound[trunk.sip_trunk_id] = trunk
    for rule in snapshot.rules or ():
        rule.sip_dispatch_rule_id = rule.sip_dispatch_rule_id or store.new_id("SDR_")
        store.rules[rule.sip_dispatch_rule_id] = rule
    for room in snapshot.rooms or ():
        opened = store.open_room(room.name, room.empty_timeout, room.departure_timeout).info
        opened.metadata, opened.max_participants = room.metadata, room.max_participants


def snapshot_messages(text: str) -> SnapshotMessages:
    """Read `{trunks, rules, rooms}`; any may be missing, rooms may be bare names, our own `sipctl` keys are dropped.

    Raises:
        UsageError: it is not JSON, or holds what LiveKit has no message for.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the snapshot is not JSON: {error}", hint=_HINT) from None
    if not isinstance(value, dict) or not value.keys() & {"trunks", "rules", "rooms"}:
        raise UsageError("this is no snapshot", hint=_HINT)
    trunks, rules, rooms = (_items(value, key) for key in ("trunks", "rules", "rooms"))
    return SnapshotMessages(
        None if trunks is None else [_parsed(one, SIPInboundTrunkInfo()) for one in trunks],
        None if rules is None else [_parsed(one, SIPDispatchRuleInfo()) for one in rules],
        None if rooms is None else [_parsed(_room(one), RoomMessage()) for one in rooms],
    )


def _items(value: Mapping[str, Any], key: str) -> list[Any] | None:
    items = value.get(key)
    if items is not None and not isinstance(items, list):
        raise UsageError(f"{key} of the snapshot is no list", hint=_HINT)
    return items


def _room(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return {"name": value} if isinstance(value, str) else value


def _parsed(value: Any, message: M) -> M:  # noqa: ANN401 - any JSON value
    try:
        return message_from_json({key: inner for key, inner in value.items() if key != "sipctl"}, message)
    except (ParseError, AttributeError, ValueError) as error:
        raise UsageError(
            f"the snapshot holds something that LiveKit has no name for: {described(error, value)}", hint=_HINT
        ) from None
