"""In which order rules are written, so that none takes a key that another one still has: LiveKit refuses it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Action, Item, Reason
from sipctl.telephony.ruleset import RuleKey, rule_keys

Standing = dict[RuleKey, str]
"""The keys that stored rules take, each with the smallest id that has it."""


def standing_keys(rules: Iterable[DispatchRule], deletes: Iterable[Item]) -> Standing:
    """The keys of the rules that stay."""
    going = {item.rule_id for item in deletes}
    standing: Standing = {}
    for rule in sorted(rules, key=lambda rule: rule.sip_dispatch_rule_id):
        if rule.sip_dispatch_rule_id not in going:
            for key in rule_keys(rule):
                standing.setdefault(key, rule.sip_dispatch_rule_id)
    return standing


def unless_taken(item: Item, standing: Standing) -> Item:
    """The create, or why it cannot be: another rule has its key. What is made has it from here on."""
    if item.after is None or not item.after.pin:
        return item
    holder = _holder(item.after, standing)
    if holder:
        return replace(item, action=Action.SKIP, reason=Reason.TAKEN, after=None, beside=holder)
    standing |= dict.fromkeys(rule_keys(item.after), f"room {item.room}")
    return item


def ordered_updates(updates: Sequence[Item], standing: Standing) -> tuple[list[Item], list[Item]]:
    """The updates, each behind the one that frees its PIN, and those that cannot be because another rule has it.

    `standing` afterwards holds what stands when they are done. Rules that wait for each other in a circle are freed
    by parking the first of them on some other PIN.
    """
    waiting = {item.rule_id: item for item in updates}
    ordered: list[Item] = []
    refused: list[Item] = []
    while waiting:
        ready = [item for item in waiting.values() if item.after and _holder(item.after, standing) not in waiting]
        if not ready:
            first = next(iter(waiting.values()))
            waiting[first.rule_id] = parked = replace(first, parked=True)
            _let_go(parked, standing)
            ordered.append(parked)
            continue
        for item in ready:
            del waiting[item.rule_id]
            _settle(item, standing, ordered, refused)
    return ordered, refused


def _holder(rule: DispatchRule, standing: Mapping[RuleKey, str]) -> str:
    """The id of another rule that takes calls of this one; "" if none does."""
    holders = (standing.get(key, "") for key in rule_keys(rule))
    return next((holder for holder in holders if holder not in {"", rule.sip_dispatch_rule_id}), "")


def _settle(item: Item, standing: Standing, ordered: list[Item], refused: list[Item]) -> None:
    after = item.after or item.before
    if after is None:
        return
    holder = _holder(after, standing)
    if holder:
        refused.append(replace(item, action=Action.SKIP, reason=Reason.TAKEN, after=None, beside=holder))
        return
    _let_go(item, standing)
    standing |= dict.fromkeys(rule_keys(after), item.rule_id)
    ordered.append(replace(item, parked=False))


def _let_go(item: Item, standing: Standing) -> None:
    if item.before:
        for key in rule_keys(item.before):
            if standing.get(key) == item.rule_id:
                del standing[key]
