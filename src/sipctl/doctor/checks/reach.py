"""RUL421, RUL422: rooms with people in them that callers do not get into."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sipctl.command_line import CommandLine, Prose
from sipctl.doctor.facts import REACH_NEEDS, REACH_SEES, Facts
from sipctl.findings.check import Check, found
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.telephony.commands import make_rule
from sipctl.telephony.explaining.advice import advise
from sipctl.telephony.matching.route import route
from sipctl.telephony.reach.causes import NO_RULE, NOT_REACHED
from sipctl.telephony.reach.reach import leads_to
from sipctl.telephony.reach.row import Reach, Reached
from sipctl.telephony.reach.words import describe_reach

_TRIED: Final = 20
"""For so many rooms a change is tried on the matcher: each takes milliseconds where there are thousands of rules."""
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
    lost = [row for row in _lost(facts) if row.cause and row.cause.code == NOT_REACHED]
    for at, row in enumerate(lost):
        yield _finding(facts, NOT_REACHED, row, is_tried=at < _TRIED)
    for row in facts.reach:
        if row.attended and row.outcome is Reached.DEPENDS:
            yield _finding(facts, NOT_REACHED, row, Level.WARN)


def _lost(facts: Facts) -> Iterator[Reach]:
    return (row for row in facts.reach if row.attended and row.outcome is Reached.UNREACHABLE)


def _finding(facts: Facts, code: str, row: Reach, level: Level | None = None, *, is_tried: bool = True) -> Finding:
    is_off = facts.settings.telephony.is_off
    level = Level.INFO if is_off else level
    off = "; telephony is off" if is_off else ""
    text, command = _fix(facts, code, row) if is_tried else ("", None)
    detail = f"{describe_reach(row)}{off}"
    return found(code, f"room {row.room}", detail, level=level, source=_SOURCE, fix=text, command=command)


def _fix(facts: Facts, code: str, row: Reach) -> tuple[Prose, CommandLine | None]:
    """What lets callers in: the missing rule, or the change after which the call that failed gets there."""
    if code == NO_RULE:
        return "write the rule", make_rule(facts.site, row.room)
    pin = row.pin or (row.rule.pin if row.rule else "")
    call = replace(row.attempts[-1].call, pin=pin or None)
    for advice in advise(facts.site, call, route(facts.site.lists, call)):
        if advice.then and advice.command and leads_to(advice.then, row.room):
            return advice.text, advice.command
    return "", None


def _unread_registry(facts: Facts, code: str) -> Iterator[Finding]:
    """Without the registry no one knows which PIN callers type."""
    if facts.pins.error:
        yield CODES[code].answer(Level.UNKNOWN, f"could not be checked: {facts.pins.error.message}")


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check(NO_RULE, missing_rules, needs=(*REACH_NEEDS, "participants"), sees=REACH_SEES),
    Check(NOT_REACHED, rules_that_callers_do_not_reach, needs=(*REACH_NEEDS, "participants"), sees=REACH_SEES),
)
