"""What several audited writes of one rule come to, so that they are undone as one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from sipctl.operations.audit import Entry
from sipctl.operations.rules.clash import without_marks
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule

GONE: Final = frozenset({"delete", "room_finished"})
"""Actions of the audit that took a rule away, by ourselves or by a backend."""


def rule_before(entry: Entry) -> DispatchRule | None:
    """The rule as it was before this write; None if there was none."""
    return rule_from_json(entry.before) if entry.before and "rule" in entry.before else None


def rule_after(entry: Entry) -> DispatchRule | None:
    """The rule as this write left it; None if it left none."""
    return rule_from_json(entry.after) if entry.after and "rule" in entry.after else None


def net_writes(entries: Iterable[Entry], present: Mapping[str, DispatchRule]) -> list[Entry]:
    """The writes, oldest first, without those whose effect a later one of them took away.

    A rule that was created and deleted needs nothing; one that was changed and deleted comes back as it was before the
    change; one that was created and changed is deleted as it is. Two changes stay two: a rule may have had another PIN
    in between, so that a second rule could get its own. `present` = the rules of today, by id.
    """
    netted: list[Entry] = []
    for entry in entries:
        later: Entry | None = entry
        while later and (earlier := _left_for(later, netted, present)):
            netted.remove(earlier)
            later = _together(earlier, later)
        netted += [later] if later else []
    return netted


def _left_for(later: Entry, earlier: Iterable[Entry], present: Mapping[str, DispatchRule]) -> Entry | None:
    """The write that left what this one took away or changed."""
    before = rule_before(later)
    if before is None or not _is_made(later, present):
        return None
    actions = {"create", "update"} if later.action in GONE else {"create"}
    left = (one for one in earlier if one.action in actions and one.result != "failed")
    return next((one for one in left if _is_same(rule_after(one), before)), None)


def _is_made(entry: Entry, present: Mapping[str, DispatchRule]) -> bool:
    """Whether a change or a deletion took place; where the audit does not know it, the rules of today show it."""
    before, after = rule_before(entry), rule_after(entry)
    now = present.get(before.sip_dispatch_rule_id) if before else None
    if entry.action in GONE:
        return entry.result == "done" or (entry.result != "failed" and now is None)
    if entry.action != "update" or after is None:
        return False
    return entry.result == "done" or (now is not None and without_marks(now) == without_marks(after))


def _is_same(left: DispatchRule | None, found: DispatchRule) -> bool:
    """Whether one write left the rule that another one found; the id of a create without answer is not known."""
    if left is None or left.sip_dispatch_rule_id not in {"", found.sip_dispatch_rule_id}:
        return False
    return without_marks(left) == without_marks(found)


def _together(earlier: Entry, later: Entry) -> Entry | None:
    """One write for two; None if they come to nothing."""
    if earlier.action != "create":
        return replace(later, before=earlier.before)
    return None if later.action in GONE else replace(earlier, after=later.after, result="done")
