"""The rules of one live room: which of them it needs, which is a duplicate, which needs a repair.

"Same room" is not "same calls": a room may need one rule for each trunk, called number or caller. So a rule is a
duplicate only if one other rule takes every call that it takes, and exists already. Rules that take some calls in
common, and others each alone, are ambiguous: both stay.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Final

from sipctl.telephony.matching.rules import rank
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.pins import is_pin
from sipctl.telephony.plan import Action, Item, Policy, Reason, State, wanted_pin, why_no_pin
from sipctl.telephony.ruleset import RulesByScope, becomes_the_same, covers, meet, takes_all_of

_ANY: Final = 10**6
"""Counts as more than any list of trunks or numbers."""


def of_live_room(
    rules: Sequence[DispatchRule], state: State, policy: Policy, carriers: Mapping[str, Sequence[DispatchRule]]
) -> Iterator[Item]:
    """What becomes of the owned rules of one live room. `carriers` are all rules with a type, by their PINs.

    The rule with the right PIN comes first, then the one that takes most calls. A duplicate is deleted whether or not
    it waited for the grace: the caller knows since when it is one.
    """
    name = rules[0].room_name
    without = None if state.pins is None else why_no_pin(name, state)
    room = _LiveRoom(wanted_pin(name, state), without, policy, carriers)
    return map(room.judge, sorted(rules, key=room.preference))


def replaces(rule: DispatchRule, gone: DispatchRule) -> bool:
    """Whether the room of a deleted rule does not miss it, for this one takes its calls; perhaps by a newer PIN."""
    has_pin = rule.pin == gone.pin or is_pin(rule.pin)
    return has_pin and _leads_to(rule, gone.room_name) and takes_all_of(rule, gone)


@dataclass(slots=True)
class _LiveRoom:
    """The rules of one room that are needed so far, as they are and as they shall be.

    `wanted` is its PIN, None if it is not known; `without` why the registry gives none, None if there is no registry.
    `targets` are the needed ones by their PINs; `by_pin` has the first of each.
    """

    wanted: str | None
    without: Reason | None
    policy: Policy
    carriers: Mapping[str, Sequence[DispatchRule]]
    stored: dict[str, DispatchRule] = field(default_factory=dict)
    targets: dict[str, RulesByScope] = field(default_factory=lambda: defaultdict(RulesByScope))
    by_pin: dict[str, DispatchRule] = field(default_factory=dict)
    rivals: dict[str, Sequence[DispatchRule]] = field(default_factory=dict)

    def preference(self, rule: DispatchRule) -> tuple[bool, bool, int, bool, str]:
        """Which rule is kept rather than another one; smaller comes first."""
        target = self._target(rule)
        breadth = prod(len(asked) or _ANY for asked in (target.trunk_ids, target.numbers, target.inbound_numbers))
        has_wrong_pin = self.wanted is not None and rule.pin != self.wanted
        differs = self.policy.trunks_differ(rule)
        return has_wrong_pin, not is_pin(rule.pin), -breadth, differs, rule.sip_dispatch_rule_id

    def _target(self, rule: DispatchRule) -> DispatchRule:
        """The rule as it should be: with the registry's PIN and the profile's trunks."""
        trunk_ids = (self.policy.trunk_ids or ()) if self.policy.trunks_differ(rule) else rule.trunk_ids
        return replace(rule, pin=rule.pin if self.wanted is None else self.wanted, trunk_ids=trunk_ids)

    def judge(self, rule: DispatchRule) -> Item:
        """What becomes of the next rule, in the order of preference."""
        target = self._target(rule)
        near = self.targets[target.pin].near(target)
        keeper = next((one for one in near if covers(one, target)), None)
        if keeper:
            return self._spare(rule, target, self.stored[keeper.sip_dispatch_rule_id])
        item = self._needed(rule, target, near)
        self.stored[rule.sip_dispatch_rule_id] = rule
        self.targets[target.pin].add(target)
        self.by_pin.setdefault(target.pin, target)
        return item

    def _spare(self, rule: DispatchRule, target: DispatchRule, keeper: DispatchRule) -> Item:
        """A rule that another one covers is deleted once that one is as it shall be, and none comes in between.

        An open rule never is for another open one: it may keep its callers from being asked for a PIN.
        """
        rival = self._rival(target, keeper)
        if rival or not target.pin or not covers(keeper, target):
            return _skipped(rule, Reason.AMBIGUOUS, rival or keeper)
        beside = keeper.sip_dispatch_rule_id
        return Item(action=Action.DELETE, reason=Reason.DUPLICATE, room=rule.room_name, before=rule, beside=beside)

    def _rival(self, rule: DispatchRule, keeper: DispatchRule) -> DispatchRule | None:
        """A rule with the same PIN that would win some of these calls over the one that is kept, to another effect."""
        own_id = keeper.sip_dispatch_rule_id
        if own_id not in self.rivals:
            carriers = self.carriers.get(rule.pin, ())
            odd = (one for one in carriers if not becomes_the_same(one, keeper))
            self.rivals[own_id] = [one for one in odd if rank(one) < rank(keeper)]
        return next((one for one in self.rivals[own_id] if meet(one, rule)), None)

    def _needed(self, rule: DispatchRule, target: DispatchRule, near: Sequence[DispatchRule]) -> Item:
        """A rule that takes calls which no other one of its room takes; `near` are some with its PIN."""
        if self.wanted is None and self.without and not is_pin(rule.pin):
            return _skipped(rule, self.without, None)
        by_another_pin = next((one for pin, one in self.by_pin.items() if pin != target.pin), None)
        other = by_another_pin or next((one for one in near if meet(one, target)), None)
        if other and (target == rule or by_another_pin or not becomes_the_same(other, target)):
            return _skipped(rule, Reason.AMBIGUOUS, other)
        if target == rule:
            return Item(action=Action.KEEP, reason=Reason.LIVE, room=rule.room_name, before=rule)
        if victim := self._victim(rule, target):
            return _skipped(rule, Reason.AMBIGUOUS, victim)
        reason = _difference(rule, target)
        return Item(action=Action.UPDATE, reason=reason, room=rule.room_name, before=rule, after=target)

    def _victim(self, rule: DispatchRule, target: DispatchRule) -> DispatchRule | None:
        """A rule that takes calls by the PIN now, which could fail once this one, which hides numbers, has it too."""
        others = self.carriers.get(target.pin, ()) if target.hide_phone_number else ()
        return next((one for one in others if one is not rule and meet(one, target)), None)


def _leads_to(rule: DispatchRule, room: str) -> bool:
    """Whether every call of the rule lands in this room."""
    return rule.kind is RuleKind.DIRECT and rule.room_name == room


def _difference(rule: DispatchRule, target: DispatchRule) -> Reason:
    if rule.pin == target.pin:
        return Reason.TRUNKS_DIFFER
    return Reason.PIN_NONE if rule.pin == "None" else Reason.PIN_DIFFERS


def _skipped(rule: DispatchRule, reason: Reason, beside: DispatchRule | None) -> Item:
    beside_id = beside.sip_dispatch_rule_id if beside else ""
    return Item(action=Action.SKIP, reason=reason, room=rule.room_name, before=rule, beside=beside_id)
