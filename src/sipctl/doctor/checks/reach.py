"""RUL421, RUL422: rooms with people in them that callers do not get into."""

from collections.abc import Iterator
from typing import Final

from sipctl.doctor.facts import REACH_NEEDS, REACH_SEES, Facts
from sipctl.findings.check import Check, found
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.telephony.reach.causes import NO_RULE, NOT_REACHED
from sipctl.telephony.reach.row import Reach, Reached
from sipctl.telephony.reach.words import describe_reach

_SOURCE: Final = "ListSIPDispatchRule, ListSIPInboundTrunk, ListParticipants"


def missing_rules(facts: Facts) -> Iterator[Finding]:
    """Attended rooms to which no rule leads, and rooms for which this backend never makes one."""
    yield from _unread_registry(facts, NO_RULE)
    for row in _lost(facts):
        if row.cause and row.cause.code == NO_RULE:
            yield _finding(facts, NO_RULE, row)
    for room in facts.never_served:
        detail = f"someone is in room {room!r}, and this backend never makes a rule for a room of such a name"
        text = f"nothing, if the room is another application's; this backend's rooms match {facts.mark.room_pattern}"
        yield found(NO_RULE, f"room {room}", detail, level=Level.INFO, source="ListParticipants", fix=text)


def rules_that_callers_do_not_reach(facts: Facts) -> Iterator[Finding]:
    """Attended rooms whose callers do not get to the rule, or only some of them."""
    yield from _unread_registry(facts, NOT_REACHED)
    for row in _lost(facts):
        if row.cause and row.cause.code == NOT_REACHED:
            yield _finding(facts, NOT_REACHED, row)
    for row in facts.reach:
        if row.attended and row.outcome is Reached.DEPENDS:
            yield _finding(facts, NOT_REACHED, row, Level.WARN)


def _lost(facts: Facts) -> Iterator[Reach]:
    return (row for row in facts.reach if row.attended and row.outcome is Reached.UNREACHABLE)


def _finding(facts: Facts, code: str, row: Reach, level: Level | None = None) -> Finding:
    is_off = facts.settings.telephony.is_off
    level = Level.INFO if is_off else level
    off = "; telephony is off" if is_off else ""
    return found(code, f"room {row.room}", f"{describe_reach(row)}{off}", level=level, source=_SOURCE)


def _unread_registry(facts: Facts, code: str) -> Iterator[Finding]:
    """Without the registry no one knows which PIN callers type."""
    if facts.pins.error:
        yield CODES[code].answer(Level.UNKNOWN, f"could not be checked: {facts.pins.error.message}")


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check(NO_RULE, missing_rules, needs=(*REACH_NEEDS, "participants"), sees=REACH_SEES),
    Check(NOT_REACHED, rules_that_callers_do_not_reach, needs=(*REACH_NEEDS, "participants"), sees=REACH_SEES),
)
