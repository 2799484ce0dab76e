"""Which stored dispatch rules or trunks clash (livekit/protocol sip/sip.go: DispatchRuleValidator, ValidateTrunks).

LiveKit walks a list in the order of ids and refuses it at the first key that it meets twice, when it stores and again
at every call: one clashing pair fails every call whose candidates include it.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.quoting import go_quote, go_quote_all

T = TypeVar("T")

_ANY = ("",)

UNTYPED_RULE = "unsupported SIP Dispatch Rule: <nil>"
"""LiveKit's text for a list that holds a rule without a type."""

RuleKey = tuple[str, str, str, str]
"""What only one rule of a list may take: PIN, trunk, called number, caller; "" stands for anything there."""

TrunkKey = tuple[str, str]
"""What only one inbound trunk may take: a called number and a caller, "" for any."""


@dataclass(frozen=True, slots=True)
class Conflict(Generic[T]):
    """Two things that share a key: `first` stands earlier in the list. A rule can clash with itself.

    `at` is the place of the clashing key among the keys of `second`.
    """

    first: T
    second: T
    at: int


def rule_keys(rule: DispatchRule) -> Sequence[RuleKey]:
    """Every key that a rule takes. Neither its room nor its type is part of it."""
    if not (rule.trunk_ids or rule.numbers or rule.inbound_numbers):
        return ((rule.pin, "", "", ""),)
    numbers = map(normalize_number, rule.numbers or _ANY)
    callers = map(normalize_number, rule.inbound_numbers or _ANY)
    return list(product((rule.pin,), rule.trunk_ids or _ANY, numbers, callers))


def trunk_keys(trunk: InboundTrunk) -> Sequence[TrunkKey]:
    """Every key that an inbound trunk takes. Neither addresses nor credentials are part of it."""
    numbers = map(normalize_number, trunk.numbers or _ANY)
    return list(product(numbers, map(normalize_number, trunk.allowed_numbers or _ANY)))


def rule_conflicts(rules: Iterable[DispatchRule]) -> Iterator[Conflict[DispatchRule]]:
    """Each rule with the first owners of the keys it takes, in LiveKit's order; rules without a type are left out."""
    return _conflicts((rule for rule in rules if rule.kind is not None), rule_keys)


def trunk_conflicts(trunks: Iterable[InboundTrunk]) -> Iterator[Conflict[InboundTrunk]]:
    """Each inbound trunk with the first owners of the keys it takes, in LiveKit's order.

    A trunk never clashes with itself, as a rule does.
    """
    return (conflict for conflict in _conflicts(trunks, trunk_keys) if conflict.first is not conflict.second)


def _conflicts(things: Iterable[T], keys: Callable[[T], Sequence[tuple[str, ...]]]) -> Iterator[Conflict[T]]:
    """Holds the first owner of each key, so that many equal things cost one comparison each, not one a pair."""
    listed = list(things)
    taken = [key for thing in listed for key in keys(thing)]
    if len(set(taken)) == len(taken):
        return  # as nearly every list is
    owners: dict[tuple[str, ...], T] = {}
    for thing in listed:
        met: list[T] = []
        for at, key in enumerate(keys(thing)):
            owner = owners.get(key)
            if owner is None:
                owners[key] = thing
            elif not any(owner is other for other in met):
                met.append(owner)
                yield Conflict(owner, thing, at)


def less_needed(first: DispatchRule, second: DispatchRule, live: Container[str]) -> DispatchRule:
    """Of two clashing rules the one whose room is not live; the later one if that does not tell them apart."""
    return first if second.room_name in live and first.room_name not in live else second


def first_fault(rules: Sequence[DispatchRule]) -> Conflict[DispatchRule] | DispatchRule | None:
    """What LiveKit meets first in this list: a clash, or a rule without a type."""
    untyped = next((at for at, rule in enumerate(rules) if rule.kind is None), None)
    conflict = next(rule_conflicts(rules[:untyped]), None)
    return conflict or (None if untyped is None else rules[untyped])


def rules_refusal(rules: Sequence[DispatchRule]) -> str | None:
    """The text with which LiveKit refuses this list of rules, None if it does not; an id of "" is a new rule's."""
    fault = first_fault(rules)
    return None if fault is None else fault_text(fault)


def fault_text(fault: Conflict[DispatchRule] | DispatchRule) -> str:
    """LiveKit's text for the first fault of a list."""
    if isinstance(fault, DispatchRule):
        return UNTYPED_RULE
    owner = fault.first
    return (
        "Dispatch rule for the same trunk, inbound number, number, and PIN combination already exists in dispatch rule "
        f"{_id(owner.sip_dispatch_rule_id)} {go_quote(owner.name or '<blank name>')}"
    )


def trunks_refusal(trunks: Iterable[InboundTrunk]) -> str | None:
    """The text with which LiveKit refuses this list of inbound trunks, None if it does not."""
    conflict = next(trunk_conflicts(trunks), None)
    if conflict is None:
        return None
    owner, trunk = conflict.first, conflict.second
    numbers = go_quote_all(trunk.numbers) if trunk.numbers else "<any>"
    callers = trunk.allowed_numbers
    caller = f"and AllowedNumber {go_quote(callers[conflict.at % len(callers)])}" if callers else None
    return (
        f"Conflicting inbound SIP Trunks: {_id(trunk.sip_trunk_id)} and {_id(owner.sip_trunk_id)}, "
        f"using the same number(s) {numbers} {caller or 'without AllowedNumbers set'}"
    )


def _id(identifier: str) -> str:
    return go_quote(identifier or "<new>")
