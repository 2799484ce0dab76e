"""Which inbound trunk a call belongs to (livekit/livekit pkg/service/ioservice_sip.go, livekit/protocol sip/sip.go)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sipctl.telephony.addresses import Address, admits, parse_address
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.quoting import go_quote


class TrunkReason(StrEnum):
    """Why a trunk was taken or dropped. The filters are named after the field that decides, in LiveKit's order."""

    MATCHED = "matched"
    NUMBERS = "numbers"
    ALLOWED_NUMBERS = "allowed_numbers"
    ALLOWED_ADDRESSES = "allowed_addresses"
    NO_NUMBERS = "no_numbers"
    """It takes every number, but another trunk has this very number."""
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkChoice:
    """The matched trunk, or none, or the error; `reasons` belong to `trunks`, one for each."""

    trunk: InboundTrunk | None = None
    fault: MatchFault | None = None
    trunks: Sequence[InboundTrunk] = ()
    reasons: Sequence[TrunkReason] = ()


def choose_trunk(trunks: Sequence[InboundTrunk], call: Call) -> TrunkChoice:
    """Match a call against trunks in the order of their ids.

    A trunk with the called number beats one without numbers; no trunk at all is no error. Two are.
    """
    source = parse_address(call.source_ip) if call.source_ip else None
    if call.source_ip and source is None:
        return TrunkChoice(fault=MatchFault(code="invalid_argument", text=f"{call.source_ip!r} is no IP address"))
    tests = [_test(trunk, call, source) for trunk in trunks]
    passing = [trunk for trunk, reason in zip(trunks, tests, strict=True) if reason is TrunkReason.MATCHED]
    chosen = [trunk for trunk in passing if trunk.numbers] or passing
    fault = _ambiguous(chosen, call) if len(chosen) > 1 else None
    best = TrunkReason.AMBIGUOUS if fault else TrunkReason.MATCHED
    beaten = TrunkReason.NO_NUMBERS if chosen and chosen[0].numbers else best
    reasons = [
        reason if reason is not TrunkReason.MATCHED else best if trunk.numbers else beaten
        for trunk, reason in zip(trunks, tests, strict=True)
    ]
    trunk = chosen[0] if chosen and not fault else None
    return TrunkChoice(trunk=trunk, fault=fault, trunks=trunks, reasons=reasons)


def _test(trunk: InboundTrunk, call: Call, source: Address | None) -> TrunkReason:
    """The filter that drops the trunk, or MATCHED."""
    if not takes_number(trunk, call.to_user):
        return TrunkReason.NUMBERS
    if not allows_caller(trunk, call.from_user):
        return TrunkReason.ALLOWED_NUMBERS
    if not admits(trunk.allowed_addresses, source, call.from_host):
        return TrunkReason.ALLOWED_ADDRESSES
    return TrunkReason.MATCHED


def takes_number(trunk: InboundTrunk, called: str) -> bool:
    """Whether this To user is among the trunk's numbers, once both are normalised; a trunk without any takes all."""
    return not trunk.numbers or normalize_number(called) in map(normalize_number, trunk.numbers)


def allows_caller(trunk: InboundTrunk, caller: str) -> bool:
    """Whether `allowed_numbers` lets this From user through: exactly, or by the normalised number."""
    allowed = trunk.allowed_numbers
    return not allowed or caller in allowed or normalize_number(caller) in map(normalize_number, allowed)


def asks_digest(trunk: InboundTrunk) -> bool:
    """Whether LiveKit challenges the calls of this trunk: only if username and password are both set."""
    return bool(trunk.auth_username and trunk.auth_password)


def _ambiguous(trunks: Sequence[InboundTrunk], call: Call) -> MatchFault:
    what = "SIP Trunks" if trunks[0].numbers else "default SIP Trunks"
    text = f"Multiple {what} matched for {go_quote(call.to_user)}"
    return MatchFault(code="failed_precondition", text=text, trunks=tuple(trunks))
