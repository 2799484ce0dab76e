"""A snapshot of trunks, rules and rooms, put into the store as it is: what LiveKit would refuse today included."""

import json
from typing import Any, Final, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.errors import UsageError
from sipctl.sandbox.store import Store

M = TypeVar("M", bound=Message)

_KEYS: Final = {"trunks", "rules", "rooms"}
_HINT: Final = 'a snapshot is {"trunks": […], "rules": […], "rooms": […]}, with LiveKit\'s own objects'


def plant_snapshot(store: Store, text: str) -> None:
    """Fill the store from the JSON `{trunks, rules, rooms}`; every key may be missing, missing ids are made.

    Raises:
        UsageError: it is not JSON, or holds what LiveKit has no message for.
    """
    try:
        snapshot = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the seed is not JSON: {error}", hint=_HINT) from None
    if not isinstance(snapshot, dict) or not snapshot.keys() <= _KEYS:
        raise UsageError("the seed is no snapshot", hint=_HINT)
    for value in snapshot.get("trunks") or ():
        trunk = _message(value, SIPInboundTrunkInfo())
        trunk.sip_trunk_id = trunk.sip_trunk_id or store.new_id("ST_")
        store.inbound[trunk.sip_trunk_id] = trunk
    for value in snapshot.get("rules") or ():
        rule = _message(value, SIPDispatchRuleInfo())
        rule.sip_dispatch_rule_id = rule.sip_dispatch_rule_id or store.new_id("SDR_")
        store.rules[rule.sip_dispatch_rule_id] = rule
    for value in snapshot.get("rooms") or ():
        store.open_room(value if isinstance(value, str) else value["name"])


def _message(value: Any, message: M) -> M:  # noqa: ANN401 - any JSON value
    try:
        return ParseDict({key: inner for key, inner in value.items() if key != "sipctl"}, message)
    except (ParseError, AttributeError) as error:
        raise UsageError(f"the seed holds something that LiveKit has no name for: {error}", hint=_HINT) from None
