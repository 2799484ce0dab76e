"""Who the caller is in which room (livekit/protocol sip/sip.go, EvaluateDispatchRule)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from sipctl.telephony.matching.call import Call
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind

_SHOWN = 4
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The room and the participant. `room` is the room's name, or what comes before its random part.

    `attributes` are those of the RPC's answer without `sip.callID`; the participant itself drops empty ones.
    """

    room: str
    randomized: bool
    identity: str
    name: str
    metadata: str
    attributes: Mapping[str, str]


def land(rule: DispatchRule, trunk: InboundTrunk | None, call: Call) -> Landing:
    """Where this rule puts this call. The numbers are the raw users of From and To, not normalised."""
    caller, identity = call.from_user, f"sip_{call.from_user}"
    if rule.hide_phone_number:
        octets = caller.encode()
        caller = octets[-_SHOWN if len(octets) > _SHOWN else -1 :].decode(errors="replace")
        identity = f"sip_{sha256(octets).hexdigest()[:_HASH_LENGTH]}"
    return Landing(
        room=_room(rule, caller, call.to_user),
        randomized=rule.randomized,
        identity=identity,
        name=f"Phone {caller}",
        metadata=rule.metadata,
        attributes=_attributes(rule, trunk, call),
    )


def _room(rule: DispatchRule, caller: str, called: str) -> str:
    if rule.kind is RuleKind.DIRECT:
        return rule.room_name
    number = caller if rule.kind is RuleKind.INDIVIDUAL else called
    room = f"{rule.room_name}_{number}" if rule.room_name else number
    return f"{room}_" if rule.randomized else room


def _attributes(rule: DispatchRule, trunk: InboundTrunk | None, call: Call) -> dict[str, str]:
    attributes = {
        **rule.attributes,
        "sip.trunkID": trunk.sip_trunk_id if trunk else "",
        "sip.ruleID": rule.sip_dispatch_rule_id,
    }
    if not rule.hide_phone_number:
        attributes["sip.phoneNumber"] = call.from_user
        attributes["sip.hostname"] = call.from_host
        attributes["sip.trunkPhoneNumber"] = call.to_user
    return attributes
