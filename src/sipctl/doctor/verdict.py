"""The one sentence for those who only want to know whether callers get in: the sum of the rooms' reach."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sipctl.doctor.facts import UNCHECKED, Facts
from sipctl.doctor.report import Report
from sipctl.findings.codes import CODES
from sipctl.findings.codes.config import STILL_MEET
from sipctl.findings.record import Finding, Level
from sipctl.telephony.naming import counted
from sipctl.telephony.reach.causes import MISNAMED, NO_RULE, NOT_REACHED
from sipctl.telephony.reach.row import GETS_IN, Reach, Reached
from sipctl.telephony.reach.words import describe_reach

_EVERY_CALL: Final = ("API205", "SIP705", "CFG120", "CFG121")
"""Codes of errors that fail all calls, whatever trunks and rules say."""

_OF_ROOMS: Final = frozenset({MISNAMED, NO_RULE, NOT_REACHED})
"""Codes of what the sum says anyway."""

_OUT_OF_REACH: Final = ("API202", "API203")
"""Codes of what keeps sipctl from LiveKit, and tells nothing about callers."""

_WORTH_A_WORD: Final = (Reached.UNREACHABLE, Reached.OPEN, Reached.DEPENDS, Reached.UNKNOWN)


def describe_verdict(report: Report, facts: Facts) -> str:
    """What becomes of callers, then what else is wrong, then what was not checked."""
    errors = [finding for finding in report.findings if finding.level is Level.ERROR]
    return " ".join(filter(None, (_callers(errors, facts), _others(errors, facts), *_reservations(report, facts))))


def describe_partial_verdict(report: Report) -> str:
    """The sentence for a run of some checks, which cannot speak for callers."""
    if all(finding.level is Level.SKIPPED for finding in report.findings):
        return "Nothing was checked: what that needs is not there."
    bad = (("error", report.counts["error"]), ("warning", report.counts["warn"]))
    described = [counted(count, word) for word, count in bad if count]
    return f"{' and '.join(described) or 'Nothing wrong'} in the checks asked for."


def _callers(errors: Sequence[Finding], facts: Facts) -> str:
    fatal = next((one for one in errors if one.code in _EVERY_CALL and STILL_MEET not in one.detail), None)
    if fatal:
        return f"Callers cannot get in: calls fail, because {fatal.detail or fatal.title}."
    if facts.asked.not_asked:
        return _offline(errors, facts)
    lack = facts.lack(("participants", "ghosts"))
    why = facts.why_unknown or (lack.reason.removeprefix(UNCHECKED) if lack else "")
    if why:
        return f"Whether callers get in could not be checked: {why}."
    rows = [row for row in facts.reach if row.attended and row.room not in facts.starting]
    off = "Telephony is off: " if facts.settings.telephony.is_off else ""
    return f"{off}{_sum(rows, 'rooms with people in them')}." if rows else f"{off}{_no_one_is_there(errors, facts)}"


def _offline(errors: Sequence[Finding], facts: Facts) -> str:
    if facts.reach and not facts.why_unknown:
        return f"{_sum(facts.reach, 'live rooms')}; no live system was asked."
    return "" if errors else "Nothing wrong in what was looked at; no live system was asked."


def _sum(rows: Sequence[Reach], which: str) -> str:
    """How many of the rooms can be called, and the worst of the others, by name."""
    reached = sum(row.outcome in GETS_IN for row in rows)
    return "; ".join([f"{reached} of {len(rows)} {which} can be called", *_exceptions(rows)])


def _exceptions(rows: Iterable[Reach]) -> Iterator[str]:
    """One sentence for each word but `reachable`, and how many more there are of it."""
    for outcome in _WORTH_A_WORD:
        alike = [row for row in rows if row.outcome is outcome]
        if alike:
            more = f" (and {len(alike) - 1} more {'room' if len(alike) == 2 else 'rooms'})" if len(alike) > 1 else ""
            yield f"{describe_reach(alike[0])}{more}"


def _no_one_is_there(errors: Sequence[Finding], facts: Facts) -> str:
    ready = "" if errors else "Ready; "
    if facts.never_served:
        room = facts.never_served[0]
        there = f"someone is in {room!r}, and this backend never makes a rule for a room of such a name"
        return _sentence(f"{ready}no one is in a room of this backend; {there}")
    ringing = "" if facts.rules.value else ", so a caller hears ringing now"
    return _sentence(f"{ready}no one is in a meeting{ringing}")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _others(errors: Sequence[Finding], facts: Facts) -> str:
    """What is wrong apart from what the rooms' reach says already."""
    said = {row.cause.code for row in facts.reach if row.attended and row.cause}
    said |= {*_OF_ROOMS, *_EVERY_CALL, *(_OUT_OF_REACH if facts.why_unknown else ())}
    others = [one for one in errors if one.code not in said]
    if not others:
        return ""
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    callers = CODES[others[0].code].callers
    heard = "" if callers.startswith("Depends") else f" For callers: {callers}"
    return f"Not as it should be: {others[0].detail or others[0].title}{more}.{heard}"


def _reservations(report: Report, facts: Facts) -> Iterator[str]:
    warnings = report.counts["warn"]
    if warnings:
        yield f"{counted(warnings, 'warning')}."
    if facts.health.not_asked:
        yield "SIP node not checked."
