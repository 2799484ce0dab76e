"""One run of the doctor: what it is asked to do, and the report on the facts it has."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.doctor.checks import CHECKS
from sipctl.doctor.facts import REACH_NEEDS, REACH_SEES, Answer, Facts, facts_offline, facts_unasked
from sipctl.doctor.report import Report, make_report, stale_suppressions
from sipctl.doctor.verdict import describe_partial_verdict, describe_verdict
from sipctl.errors import SipctlError, UsageError
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.telephony.model import Room
from sipctl.telephony.snapshot import Snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.health import WrongPins
    from sipctl.operations.pins import PinFacts
    from sipctl.operations.snapshot import Live


def selected(words: Iterable[str] | None, codes: Iterable[str]) -> frozenset[str]:
    """Codes and areas as people write them, such as "RUL401" or "rul,trk", of a run that can answer these `codes`.

    Raises:
        UsageError: a word is neither one of the codes nor the area of one.
    """
    known = list(codes)
    areas = list(dict.fromkeys(code[:3] for code in known))
    chosen = {part.strip() for word in words or () for part in word.upper().split(",")}
    for word in sorted(chosen.difference(known, areas)):
        raise UsageError(
            f"{word!r} is no code and no area that is checked here",
            hint=(f"areas are {', '.join(areas)}; ", CommandLine.of("doctor", "--list"), " shows the codes"),
        )
    return frozenset(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is asked to do. Times are seconds; `only` and `skip` hold codes and areas."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    fail_on: Level = Level.ERROR
    deadline_s: float = 30.0
    settle_s: float = 5.0
    wait_s: float = 0.0

    def check_any_left(self, codes: Iterable[str]) -> None:
        """Refuse words that leave nothing of the `codes` that the run can answer.

        Raises:
            UsageError: no check is left.
        """
        if not any(map(self.includes, codes)):
            raise UsageError(
                "no check is left of --only and --skip",
                hint=(CommandLine.of("doctor", "--list"), " shows what there is"),
            )

    def includes(self, code: str) -> bool:
        """Whether the run is to answer this code."""
        words = {code, code[:3]}
        return (not self.only or not words.isdisjoint(self.only)) and words.isdisjoint(self.skip)

    @property
    def facts(self) -> frozenset[str]:
        """The names of the facts that the checks of this run look at, and its verdict, where it speaks of callers."""
        included = [check for check in CHECKS if self.includes(check.code)]
        wanted = frozenset(name for check in included for name in (*check.needs, *check.sees))
        speaks_of_callers = not self.only and not wanted.isdisjoint(REACH_NEEDS)
        return wanted.union(REACH_NEEDS, REACH_SEES) if speaks_of_callers else wanted


def examine_offline(settings: Settings, snapshot: Snapshot | None, files: Iterable[Finding], plan: Plan) -> Report:
    """Examine files and a snapshot; what needs a live system is skipped."""
    facts = facts_offline(settings, snapshot, files)
    return report_of(facts, findings_of(facts, plan), plan)


def examine_pins(
    settings: Settings, pins: "PinFacts", live: "Live | None", wrong: "Answer[WrongPins]", plan: Plan
) -> Report:
    """Examine the registry, the live rules beside it if LiveKit was asked, and what the SIP node counted."""
    facts = replace(facts_offline(settings, None, ()), pins=Answer(value=pins), wrong_pins=wrong)
    if live:
        rooms = tuple(Room(name=name) for name in sorted(live.rooms))
        facts = replace(facts, rules=Answer(value=live.rules), rooms=Answer(value=rooms))
    report = report_of(facts, findings_of(facts, plan), plan)
    bad = sum(finding.level in {Level.ERROR, Level.WARN} for finding in report.findings)
    verdict = f"{bad} of the PIN checks found something." if bad else "Nothing wrong with the PINs."
    return replace(report, verdict=verdict, reach=None)


def examine_unasked(error: SipctlError, settings: Settings, files: Iterable[Finding], plan: Plan) -> Report:
    """Examine files when no one knows whom to ask; everything live is unknown for that reason."""
    facts = facts_unasked(error, settings, files)
    return report_of(facts, findings_of(facts, plan), plan)


def findings_of(facts: Facts, plan: Plan) -> list[Finding]:
    """The answer of every check that the plan includes, and the findings of the files."""
    live = (finding for check in CHECKS if plan.includes(check.code) for finding in check.outcome(facts))
    return [*live, *(finding for finding in facts.files if plan.includes(finding.code))]


def report_of(facts: Facts, findings: list[Finding], plan: Plan) -> Report:
    """The findings weighed, and the verdict that they give."""
    today = datetime.now(UTC).date()
    ignored = facts.settings.ignored
    if plan.includes("CFG138"):
        findings = [*findings, *(stale_suppressions(ignored, today) or [CODES["CFG138"].answer(Level.OK)])]
    weighed = make_report(findings, "", fail_on=plan.fail_on, ignored=ignored, today=today)
    verdict = describe_partial_verdict(weighed) if plan.only else describe_verdict(weighed, facts)
    return replace(weighed, verdict=verdict, reach=facts.reach)
