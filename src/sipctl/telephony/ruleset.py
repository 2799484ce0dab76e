"""Which stored dispatch rules or trunks clash (livekit/protocol sip/sip.go: DispatchRuleValidator, ValidateTrunks).

LiveKit walks a list in the order of ids and refuses it at the first key that it meets twice, when it stores and again
at every call: one clashing pair fails every call whose candidates include it.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Generic, TypeVar

from sipctl.telephony.model import DispatchRule, InboundTrunk, Json
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.quoting import go_quote, go_quote_all

T = TypeVar("T")

_ANY = ("",)
_ANYTHING = ("\0",)
"""Stands for what a rule without a trunk or number asks for; "" is a trunk that LiveKit can store."""

UNTYPED_RULE = "unsupported SIP Dispatch Rule: <nil>"
"""LiveKit's text for a list that holds a rule without a type."""

RuleKey = tuple[str, str, str, str]
"""What only one rule of a list may take: PIN, trunk, called number, caller; "" stands for anything there."""

TrunkKey = tuple[str, str]
"""What only one inbound trunk may take: a called number and a caller, "" for any."""


@dataclass(frozen=True, slots=True)
class Conflict(Generic[T]):
    """Two things that share a key: `first` is earlier in the list. A rule can clash with itself.

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


def covers(wide: DispatchRule, narrow: DispatchRule) -> bool:
    """Whether every call that `narrow` takes is one that `wide` takes too, and becomes the same there.

    That is LiveKit's keys: the same PIN, and a trunk, a called number and a caller that `wide` names as well, byte for
    byte, or does not ask for. The same is: the room, and all that LiveKit gives to the participant or asks of the
    call's media. Whether a third rule comes before `wide` is not judged here: LiveKit prefers the more specific one.
    """
    return wide.pin == narrow.pin and takes_all_of(wide, narrow) and becomes_the_same(wide, narrow)


def takes_all_of(wide: DispatchRule, narrow: DispatchRule) -> bool:
    """Whether `wide` fits every call that `narrow` fits, PINs apart. A rule without a type fits none."""
    return wide.kind is not None and all(
        not theirs or (bool(ours) and set(ours) <= set(theirs))
        for ours, theirs in zip(_asked(narrow), _asked(wide), strict=True)
    )


def meet(one: DispatchRule, other: DispatchRule) -> bool:
    """Whether some call fits both rules, PINs apart."""
    return (
        one.kind is not None
        and other.kind is not None
        and all(
            not ours or not theirs or not set(ours).isdisjoint(theirs)
            for ours, theirs in zip(_asked(one), _asked(other), strict=True)
        )
    )


def becomes_the_same(one: DispatchRule, other: DispatchRule) -> bool:
    """Whether a call becomes the same by either rule: room, participant and media; krisp and the like included."""
    return _effect(one) == _effect(other)


class RulesByScope:
    """Finds the rules that may share a call with another one, without comparing it with all of them."""

    def __init__(self, rules: Iterable[DispatchRule] = ()) -> None:
        self._all: list[DispatchRule] = []
        self._naming = tuple(defaultdict[str, list[DispatchRule]](list) for _ in range(3))
        for rule in rules:
            self.add(rule)

    def add(self, rule: DispatchRule) -> None:
        """Have one more rule found."""
        self._all.append(rule)
        for values, naming in zip(_asked(rule), self._naming, strict=True):
            for value in values or _ANYTHING:
                naming[value].append(rule)

    def near(self, rule: DispatchRule) -> Sequence[DispatchRule]:
        """Every rule that this one meets, and others; one may come twice."""
        found: Sequence[DispatchRule] = self._all
        for values, naming in zip(_asked(rule), self._naming, strict=True):
            if values:
                named = [one for value in (*_ANYTHING, *values) for one in naming.get(value, ())]
                found = min(found, named, key=len)
        return found


def _asked(rule: DispatchRule) -> tuple[tuple[str, ...], ...]:
    """What a rule asks of a call apart from the PIN; () asks for nothing."""
    return rule.trunk_ids, rule.numbers, rule.inbound_numbers


def _effect(rule: DispatchRule) -> DispatchRule:
    """The rule without its keys, its name, its times, and the empty messages that LiveKit adds when it stores."""
    return replace(
        rule,
        sip_dispatch_rule_id="",
        name="",
        pin="",
        trunk_ids=(),
        numbers=(),
        inbound_numbers=(),
        room_config=_unless_empty(rule.room_config),
        media=_unless_empty(rule.media),
        created_at=None,
        updated_at=None,
    )


def _unless_empty(message: Json | None) -> Json | None:
    return message if message and any(message.values()) else None


def less_needed(
    first: DispatchRule, second: DispatchRule, live: Container[str], pins: Mapping[str, str] | None = None
) -> DispatchRule:
    """Of two clashing rules the one whose room is not live, or has another PIN; else the later one.

    `pins` are the registry's by room.
    """

    def need(rule: DispatchRule) -> tuple[bool, bool]:
        return rule.room_name in live, (pins or {}).get(rule.room_name) == rule.pin

    return first if need(second) > need(first) else second


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
