"""Verdict and reasons in the caller's terms."""

from collections.abc import Callable, Mapping
from typing import Final

from sipctl.telephony.explaining.advice import doors
from sipctl.telephony.explaining.explanation import Explanation
from sipctl.telephony.explaining.sources import Source
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.landing import Landing
from sipctl.telephony.matching.route import Outcome, Result, Stage
from sipctl.telephony.matching.rules import RuleReason
from sipctl.telephony.matching.trunks import TrunkReason
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.naming import describe_room, describe_rule, describe_trunk
from sipctl.telephony.numbers import never_dialled
from sipctl.telephony.pins import MAX_LENGTH

Shown = Callable[[str], str]
"""How this run prints a PIN."""

RULE_REASONS: Final[Mapping[RuleReason, str]] = {
    RuleReason.WON: "takes the call",
    RuleReason.TRUNK_IDS: "only for other trunks (trunk_ids)",
    RuleReason.NO_TRUNK: "only for a trunk (trunk_ids), and no trunk matched",
    RuleReason.INBOUND_NUMBERS: "only for other callers (inbound_numbers)",
    RuleReason.NUMBERS: "only for other dialled numbers (numbers)",
    RuleReason.PIN: "another PIN",
    RuleReason.OPEN: "no PIN, and one was typed",
    RuleReason.HAS_PIN: "a PIN, and # alone was typed",
    RuleReason.ANY_TRUNK: "for any trunk, and a rule that names the trunk comes first",
    RuleReason.PRIORITY: "later by its kind, PIN and numbers",
    RuleReason.ROOM_NAME: "later by the name of its room",
    RuleReason.ID: "later by its id",
    RuleReason.CONFLICT: "clashing, so that LiveKit refuses the list",
    RuleReason.NO_TYPE: "without a type, so that LiveKit refuses the list",
    RuleReason.UNDECIDED: "not judged, since the list is refused",
}

_TRUNK_REASONS: Final[Mapping[TrunkReason, str]] = {
    TrunkReason.MATCHED: "takes the call",
    TrunkReason.NUMBERS: "has other numbers: {numbers}",
    TrunkReason.ALLOWED_NUMBERS: "does not admit this caller (allowed_numbers: {callers})",
    TrunkReason.ALLOWED_ADDRESSES: "does not admit this source (allowed_addresses: {addresses})",
    TrunkReason.NO_NUMBERS: "takes every number, but another trunk has this one",
    TrunkReason.AMBIGUOUS: "takes the call, and so does another one",
}


def trunk_reason(trunk: InboundTrunk, reason: TrunkReason) -> str:
    """Why a trunk was taken or dropped."""
    return _TRUNK_REASONS[reason].format(
        numbers=", ".join(map(_shown_number, trunk.numbers)),
        callers=", ".join(trunk.allowed_numbers),
        addresses=", ".join(trunk.allowed_addresses),
    )


def verdict(explanation: Explanation, shown: Shown) -> str:
    """One sentence for someone who wants to know what the caller gets."""
    if explanation.sources:
        return f"It depends on where the call comes from: {'; '.join(describe_sources(explanation, shown))}."
    described = describe_outcome(explanation.outcome, explanation.call, shown)
    return f"{described[0].upper()}{described[1:]}."


def describe_sources(explanation: Explanation, shown: Shown) -> list[str]:
    """The endings of a call that depends on its source, one by one."""
    return [
        f"{_describe_source(variant.source)}, {describe_outcome(variant.outcome, variant.call, shown)}"
        for variant in explanation.sources
    ]


def _describe_source(source: Source | None) -> str:
    if source is None or source.trunk is None:
        return "from anywhere else"
    return f"from {source.entry}, which {describe_trunk(source.trunk)} allows"


def describe_outcome(outcome: Outcome, call: Call, shown: Shown) -> str:
    """What the caller gets, as the end of a sentence."""
    if outcome.after_auth:
        then = describe_outcome(outcome.after_auth, call, shown)
        return f"the provider is asked for a password (407); once it answers, {then}"
    if outcome.fault:
        return _describe_fault(outcome.fault)
    if outcome.stage is Stage.RULE:
        return _describe_before_pin(outcome, shown)
    return _describe_after_pin(outcome, call, shown)


def _shown_number(number: str) -> str:
    odd = never_dialled(number)
    return f"{number} ({odd})" if odd else number


def _describe_fault(fault: MatchFault) -> str:
    rules, trunks = list(map(describe_rule, fault.rules)), list(map(describe_trunk, fault.trunks))
    if fault.code == "panic":
        return f"the call stops livekit-server with all its rooms: {rules[0]} hides the number of a caller without one"
    if rules:
        why = f"{' and '.join(rules)} take the same calls" if len(rules) > 1 else f"{rules[0]} has no type"
        return f"the caller hears a short ring, then an error tone: {why}"
    why = f"{' and '.join(trunks)} both take the call" if trunks else fault.text
    return f"the caller hears an error tone: {why}"


def _describe_before_pin(outcome: Outcome, shown: Shown) -> str:
    if outcome.result is Result.DROP:
        trunk = f"{describe_trunk(outcome.trunk)} is its trunk, but" if outcome.trunk else "no trunk matches, and"
        return f"the caller hears ringing without end: {trunk} no dispatch rule takes the call"
    if outcome.result is Result.REQUEST_PIN:
        return f"the caller is asked for a PIN; {_describe_doors(doors(outcome.before_pin), shown)}"
    room = describe_landing(outcome.landing)
    return f"the caller is not asked for a PIN: it rings until someone in {room} can be heard, then the caller is in"


def _describe_doors(rules: list[DispatchRule], shown: Shown) -> str:
    by_pin, by_hash = [rule for rule in rules if rule.pin], [rule for rule in rules if not rule.pin]
    alone = f", and # alone opens {describe_room(by_hash[0])}" if by_hash else ""
    if not by_pin:
        return f"no PIN opens a room{alone}"
    opened = f"{shown(by_pin[0].pin)} opens {describe_room(by_pin[0])}"
    return f"{opened if len(by_pin) == 1 else f'{len(by_pin):,} PINs open a room, for example {opened}'}{alone}"


def _describe_after_pin(outcome: Outcome, call: Call, shown: Shown) -> str:
    typed = shown(call.pin) if call.pin else "# alone"
    if outcome.result is Result.ACCEPT:
        return f"the caller is asked for a PIN; {typed} opens {describe_landing(outcome.landing)}"
    why = _why_wrong(outcome, call.pin or "")
    return f"the caller is asked for a PIN, and after {typed} hears that it is wrong and is hung up on: {why}"


def _why_wrong(outcome: Outcome, typed: str) -> str:
    if len(typed) > MAX_LENGTH:
        return f"it has over {MAX_LENGTH} digits"
    if outcome.rule:
        return f"{describe_rule(outcome.rule)} leads to no room"
    return "no rule that takes the call has it" if typed else "no rule without a PIN takes the call"


def describe_landing(landing: Landing | None) -> str:
    """The room that a call gets into."""
    if landing is None:
        return "no room"
    return f"room {landing.room + ('…' if landing.randomized else '')!r}"
