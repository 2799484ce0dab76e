"""Which dispatch rule takes a call (livekit/protocol sip/sip.go, MatchDispatchRuleIter)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.priority import priority
from sipctl.telephony.ruleset import fault_text, first_fault


class RuleReason(StrEnum):
    """Why a rule won or lost, in the order in which LiveKit asks.

    TRUNK_IDS: it names other trunks than the matched one. NO_TRUNK: it names trunks, and none matched.
    INBOUND_NUMBERS, NUMBERS: the caller, the called number is not in its list, byte for byte. PIN: it has another PIN
    than the one typed. OPEN: it has none, and one was typed. HAS_PIN: it has one, and `#` alone was typed.
    ANY_TRUNK: it names no trunk, and a rule that names the trunk beats it. PRIORITY, ROOM_NAME, ID: another rule comes
    first by its kind, PIN and numbers; then by the room's name; then by the id. CONFLICT, NO_TYPE: it makes the whole
    evaluation fail. UNDECIDED: the evaluation failed for such another rule.
    """

    WON = "won"
    TRUNK_IDS = "trunk_ids"
    NO_TRUNK = "no_trunk"
    INBOUND_NUMBERS = "inbound_numbers"
    NUMBERS = "numbers"
    PIN = "pin"
    OPEN = "open"
    HAS_PIN = "has_pin"
    ANY_TRUNK = "any_trunk"
    PRIORITY = "priority"
    ROOM_NAME = "room_name"
    ID = "id"
    CONFLICT = "conflict"
    NO_TYPE = "no_type"
    UNDECIDED = "undecided"


FITTING: Final = frozenset(
    {RuleReason.WON, RuleReason.ANY_TRUNK, RuleReason.PRIORITY, RuleReason.ROOM_NAME, RuleReason.ID}
)
"""The reasons of rules that passed every filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChoice:
    """The winning rule, or none, or the error; `reasons` belong to `rules`, one for each."""

    rule: DispatchRule | None = None
    fault: MatchFault | None = None
    rules: Sequence[DispatchRule] = ()
    reasons: Sequence[RuleReason] = ()


Rank = tuple[bool, int, str]


def rank(rule: DispatchRule) -> Rank:
    """What LiveKit prefers among rules that all fit one call; smaller wins, then the first in the order of ids.

    Text compares by code point, which is the order of UTF-8 bytes that Go compares by.
    """
    return not rule.trunk_ids, priority(rule), rule.room_name


def is_listed(rule: DispatchRule, trunk: InboundTrunk | None) -> bool:
    """Whether LiveKit looks at this rule at all; if no trunk matched it looks at every rule."""
    return trunk is None or not rule.trunk_ids or trunk.sip_trunk_id in rule.trunk_ids


def listing_fault(rules: Sequence[DispatchRule]) -> MatchFault | None:
    """The error with which LiveKit answers any call for which it lists these rules, in the order of ids.

    It checks the whole list before any filter: a clash fails the call, whatever its caller and PIN.
    """
    found = first_fault(rules)
    if found is None:
        return None
    involved = (found,) if isinstance(found, DispatchRule) else (found.first, found.second)
    return MatchFault(code="invalid_argument", text=fault_text(found), rules=involved)


def choose_rule(rules: Sequence[DispatchRule], trunk: InboundTrunk | None, call: Call, typed: str | None) -> RuleChoice:
    """Choose among rules in the order of their ids, of which none clash.

    `typed` is None for the evaluation before the PIN, "" for `#` alone, else the PIN.
    """
    trunk_id = trunk.sip_trunk_id if trunk else None
    reasons = [misfit(rule, trunk_id, call, typed) for rule in rules]
    won = RuleReason.WON
    fitting: Sequence[int] = [at for at, reason in enumerate(reasons) if reason is won]
    winner = None
    for reason, left in _rounds(rules, fitting):
        for at in fitting:
            reasons[at] = reason
        fitting, winner = left, left[0]
    if winner is None:
        return RuleChoice(rules=rules, reasons=reasons)
    reasons[winner] = won
    return RuleChoice(rule=rules[winner], rules=rules, reasons=reasons)


def _rounds(rules: Sequence[DispatchRule], fitting: Sequence[int]) -> Iterator[tuple[RuleReason, Sequence[int]]]:
    """The rounds in which all but one of the fitting rules drop out, each with those that are left after it."""
    if not fitting:
        return
    left = [at for at in fitting if rules[at].trunk_ids] or fitting
    yield RuleReason.ANY_TRUNK, left
    priorities = [priority(rules[at]) for at in left]
    lowest = min(priorities)
    left = [at for at, own in zip(left, priorities, strict=True) if own == lowest]
    yield RuleReason.PRIORITY, left
    first = min(rules[at].room_name for at in left)
    left = [at for at in left if rules[at].room_name == first]
    yield RuleReason.ROOM_NAME, left
    yield RuleReason.ID, left[:1]


def failed_choice(rules: Sequence[DispatchRule], trunk: InboundTrunk | None, fault: MatchFault) -> RuleChoice:
    """What an error leaves of a choice: which rules caused it, and which were never judged."""
    own = RuleReason.CONFLICT if len(fault.rules) > 1 else RuleReason.NO_TYPE
    involved = set(map(id, fault.rules))
    reasons = [
        own if id(rule) in involved else RuleReason.UNDECIDED if is_listed(rule, trunk) else RuleReason.TRUNK_IDS
        for rule in rules
    ]
    return RuleChoice(fault=fault, rules=rules, reasons=reasons)


def misfit(rule: DispatchRule, trunk_id: str | None, call: Call, typed: str | None) -> RuleReason:
    """The filter that drops the rule, or WON: it fits, and may still lose to another one."""
    if rule.trunk_ids and trunk_id not in rule.trunk_ids:
        return RuleReason.NO_TRUNK if trunk_id is None else RuleReason.TRUNK_IDS
    if rule.inbound_numbers and call.from_user not in rule.inbound_numbers:
        return RuleReason.INBOUND_NUMBERS
    if rule.numbers and call.to_user not in rule.numbers:
        return RuleReason.NUMBERS
    if typed is not None and rule.pin != typed:
        return _pin_reason(rule, typed)
    return RuleReason.WON


def _pin_reason(rule: DispatchRule, typed: str) -> RuleReason:
    if not typed:
        return RuleReason.HAS_PIN
    return RuleReason.PIN if rule.pin else RuleReason.OPEN
