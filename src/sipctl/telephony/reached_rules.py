"""Rules that a plan keeps because they are as they should be, though callers do not get to them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.plan import Action, Item, Policy, Reason, State
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import Reached
from sipctl.telephony.site import Site


def are_plain(rules: Iterable[DispatchRule]) -> bool:
    """Whether each rule takes every call that types its PIN: then all are reached, whatever trunks there are."""
    pins: set[str] = set()
    for rule in rules:
        is_bound = rule.trunk_ids or rule.numbers or rule.inbound_numbers
        if is_bound or rule.kind is not RuleKind.DIRECT or not rule.pin or rule.pin in pins:
            return False
        pins.add(rule.pin)
    return True


def unless_missed(kept: Iterable[Item], changes: Sequence[Item], state: State, policy: Policy) -> Iterator[Item]:
    """The items that change nothing; a rule that callers do not get to after the changes is named as such."""
    if state.trunks is None:
        yield from kept
        return
    lists = WholeLists(state.trunks, _after(changes, state))
    site = Site(lists=lists, mark=policy.mark, live=state.live, pins=state.pins, number=policy.number)
    reacher = Reacher(site)
    for item in kept:
        is_missed = item.reason is Reason.LIVE and reacher.of(item.room).outcome is Reached.UNREACHABLE
        yield replace(item, action=Action.SKIP, reason=Reason.NOT_REACHED) if is_missed else item


def _after(changes: Iterable[Item], state: State) -> Iterator[DispatchRule]:
    """The rules once the plan was carried out."""
    changed = {item.rule_id: item.after for item in changes if item.before}
    for rule in state.rules:
        after = changed.get(rule.sip_dispatch_rule_id, rule)
        if after is not None:
            yield after
    yield from (item.after for item in changes if item.after and not item.before)
