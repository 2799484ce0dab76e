"""One run of the doctor: gather, check, look again at what passes by itself, wait if asked to."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.doctor import checks
from sipctl.doctor.check import CHECKS
from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Answer, Facts
from sipctl.doctor.gather import Questions, facts_offline, facts_unasked, gather_facts
from sipctl.doctor.report import Report, make_report, stale_suppressions, tell_partial_verdict, tell_verdict
from sipctl.errors import ExitCode, SipctlError, UsageError
from sipctl.findings import Area, Finding, Level
from sipctl.telephony.limits import MAX_ITEMS
from sipctl.telephony.snapshot import Snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.health import WrongPins
    from sipctl.operations.pins import PinFacts
    from sipctl.operations.snapshot import Live

__all__ = ["Plan", "checks", "examine", "examine_offline", "examine_pins", "examine_unasked"]

_TRANSIENT: Final = frozenset({"RUL405", "RUL411", "RUL416", "RUL420"})
"""Codes of states that pass by themselves: a room that just ended, a rule that is being replaced."""

_PAUSE_S: Final = 1.0
_PROBLEMS: Final = frozenset({Level.ERROR, Level.WARN, Level.INFO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is asked to do. Times are seconds; `only` and `skip` hold codes and areas."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    fail_on: Level = Level.ERROR
    timeout_s: float = 10.0
    max_items: int = MAX_ITEMS
    deadline_s: float = 30.0
    settle_s: float = 5.0
    wait_s: float = 0.0

    def check_words(self, codes: Iterable[str] = CODES) -> None:
        """Refuse words that name nothing, and words that leave nothing of the `codes` that the run can answer.

        Raises:
            UsageError: a word is no code and no area, or no check is left.
        """
        for word in sorted(self.only | self.skip):
            if word not in CODES and word not in set(Area):
                raise UsageError(
                    f"{word!r} is no code and no area",
                    hint=(f"areas are {', '.join(Area)}; ", CommandLine.of("doctor", "--list"), " shows the codes"),
                )
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
        """The names of the facts that the checks of this run look at."""
        included = [check for check in CHECKS if self.includes(check.code)]
        return frozenset(name for check in included for name in (*check.needs, *check.sees))


async def examine(
    settings: Settings,
    files: Iterable[Finding],
    plan: Plan,
    read_pins: "Callable[[], Answer[PinFacts]] | None" = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Report:
    """Examine a live deployment and its registry; with `wait_s` until it is healthy or the time is over.

    `tell` is given a line for whoever waits.

    Raises:
        ConfigError: LiveKit is to be asked, and no server is configured.
    """
    known = tuple(files)
    clock = asyncio.get_running_loop().time
    end = clock() + plan.wait_s
    while True:
        report = await _examine_once(settings, known, plan, read_pins, tell)
        if report.exit_code is ExitCode.DONE or clock() >= end:
            return report
        tell(f"{report.verdict} Trying again for {end - clock():.0f} s.")
        await asyncio.sleep(min(_PAUSE_S, max(end - clock(), 0)))


async def _examine_once(
    settings: Settings,
    files: Sequence[Finding],
    plan: Plan,
    read_pins: "Callable[[], Answer[PinFacts]] | None",
    tell: Callable[[str], None],
) -> Report:
    """One look, and a second one at what may pass by itself; the deadline is for the questions of both."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    questions = Questions(
        wanted=plan.facts, timeout_s=plan.timeout_s, deadline_s=plan.deadline_s, max_items=plan.max_items,
        read_pins=read_pins,
    )  # fmt: skip
    facts = await gather_facts(settings, files, questions)
    findings = findings_of(facts, plan)
    left_s = plan.deadline_s - (clock() - begun)
    if plan.settle_s and left_s > 0 and any(map(_passes_by_itself, findings)):
        tell(f"Some findings may pass by themselves; looking again in {plan.settle_s:g} s.")
        await asyncio.sleep(plan.settle_s)
        facts = await gather_facts(settings, files, replace(questions, deadline_s=left_s, ghosts=facts.ghosts))
        findings = _settled(findings, findings_of(facts, plan))
    return _report(facts, findings, plan)


def _settled(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """The findings of the second look, without the transient ones that the first did not have."""
    seen = {(finding.code, finding.resource) for finding in before}
    return [one for one in after if not _passes_by_itself(one) or (one.code, one.resource) in seen]


def _passes_by_itself(finding: Finding) -> bool:
    return finding.code in _TRANSIENT and finding.level in _PROBLEMS


def examine_offline(settings: Settings, snapshot: Snapshot | None, files: Iterable[Finding], plan: Plan) -> Report:
    """Examine files and a snapshot; what needs a live system is skipped."""
    facts = facts_offline(settings, snapshot, files)
    return _report(facts, findings_of(facts, plan), plan)


def examine_pins(
    settings: Settings, pins: "PinFacts", live: "Live | None", wrong: "Answer[WrongPins]", plan: Plan
) -> Report:
    """Examine the registry, the live rules beside it if LiveKit was asked, and what the SIP node counted."""
    facts = replace(facts_offline(settings, None, ()), pins=Answer(value=pins), wrong_pins=wrong)
    if live:
        facts = replace(facts, rules=Answer(value=live.rules))
    report = _report(facts, findings_of(facts, plan), plan)
    bad = sum(finding.level in {Level.ERROR, Level.WARN} for finding in report.findings)
    verdict = f"{bad} of the PIN checks found something." if bad else "Nothing wrong with the PINs."
    return replace(report, verdict=verdict)


def examine_unasked(error: SipctlError, settings: Settings, files: Iterable[Finding], plan: Plan) -> Report:
    """Examine files when nobody knows whom to ask; everything live is unknown for that reason."""
    facts = facts_unasked(error, settings, files)
    return _report(facts, findings_of(facts, plan), plan)


def findings_of(facts: Facts, plan: Plan) -> list[Finding]:
    """The answer of every check that the plan includes, and the findings of the files."""
    live = (finding for check in CHECKS if plan.includes(check.code) for finding in check.outcome(facts))
    return [*live, *(finding for finding in facts.files if plan.includes(finding.code))]


def _report(facts: Facts, findings: list[Finding], plan: Plan) -> Report:
    today = datetime.now(UTC).date()
    ignored = facts.settings.ignored
    if plan.includes("CFG138"):
        findings = [*findings, *(stale_suppressions(ignored, today) or [CODES["CFG138"].answer(Level.OK)])]
    weighed = make_report(findings, "", fail_on=plan.fail_on, ignored=ignored, today=today)
    verdict = tell_partial_verdict(weighed) if plan.only else tell_verdict(weighed, facts)
    return replace(weighed, verdict=verdict)
