"""What a run found, weighed: suppressions, counts, exit code, and the verdict in the caller's terms."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sipctl.config.model import Ignored
from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Facts
from sipctl.errors import ExitCode
from sipctl.findings import Finding, Level

_WEIGHT: Final = {level: weight for weight, level in enumerate(Level)}
_PROBLEMS: Final = (Level.ERROR, Level.WARN, Level.UNKNOWN, Level.INFO)

_EVERY_CALL: Final = ("API201", "API205", "RUL401", "RUL412", "TRK302", "TRK308", "SIP705", "CFG120", "CFG121")
"""Codes of which one error fails all calls, or all of a trunk."""

_ANYBODY: Final = ("RUL402", "RUL403")
"""Codes of rules that let callers in without a PIN."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run: findings in the order of their weight, how many of each level, and what the process ends with."""

    verdict: str
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    exit_code: ExitCode


def make_report(
    findings: Iterable[Finding], verdict: str, *, fail_on: Level = Level.ERROR, ignored: Sequence[Ignored] = (),
    today: date | None = None,
) -> Report:  # fmt: skip
    """Weigh the findings of a run. `ignored` are the profile's suppressions, held against `today`."""
    kept = [_suppressed(finding, ignored, today or date.min) for finding in findings]
    ordered = sorted(kept, key=lambda finding: (_WEIGHT[finding.level], finding.code, finding.resource))
    counts = Counter(finding.level.value for finding in ordered)
    return Report(
        verdict,
        tuple(ordered),
        {level.value: counts.get(level.value, 0) for level in Level},
        _exit_code(ordered, fail_on),
    )


def _suppressed(finding: Finding, ignored: Sequence[Ignored], today: date) -> Finding:
    if finding.level not in _PROBLEMS:
        return finding
    for entry in ignored:
        is_meant = entry.code == finding.code and entry.resource in {None, finding.resource, _bare(finding.resource)}
        if is_meant and (entry.until is None or entry.until >= today):
            return replace(finding, level=Level.SKIPPED, detail=f"ignored: {entry.reason}", fix=None)
    return finding


def _bare(resource: str) -> str:
    """The id alone of "rule SDR_x"."""
    return resource.rpartition(" ")[2]


def stale_suppressions(ignored: Iterable[Ignored], today: date) -> list[Finding]:
    """CFG138: suppressions that are out of date, or of a code that does not exist."""
    return [
        CODES["CFG138"].finding(
            f"ignore {entry.code}",
            f"its date {entry.until} has passed: {entry.reason}" if entry.code in CODES else "no such code",
        )
        for entry in ignored
        if entry.code not in CODES or (entry.until is not None and entry.until < today)
    ]


def _exit_code(findings: Iterable[Finding], fail_on: Level) -> ExitCode:
    levels = {finding.level for finding in findings}
    if any(_WEIGHT[level] <= _WEIGHT[fail_on] and level is not Level.UNKNOWN for level in levels):
        return ExitCode.FINDINGS
    return ExitCode.UNCHECKED if Level.UNKNOWN in levels else ExitCode.DONE


def tell_verdict(findings: Sequence[Finding], facts: Facts) -> str:
    """The one sentence for somebody who only wants to know whether callers get in."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    return f"{_sentence(errors, findings, facts)}{_reservations(findings, facts)}"


def _sentence(errors: Sequence[Finding], findings: Sequence[Finding], facts: Facts) -> str:
    for codes, words in (
        (_EVERY_CALL, "Callers cannot get in: calls fail, because"),
        (_ANYBODY, "Callers get in without their PIN, because"),
    ):
        fatal = next((finding for finding in errors if finding.code in codes), None)
        if fatal:
            return f"{words} {fatal.detail or fatal.title}."
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"Not as it should be: {errors[0].detail or errors[0].title}{more}."
    unknown = next((finding for finding in findings if finding.level is Level.UNKNOWN), None)
    if unknown:
        return f"Nobody can say whether callers get in: {unknown.detail}."
    return _healthy(facts)


def _healthy(facts: Facts) -> str:
    if facts.rules.value is None:
        return "Nothing wrong in what was looked at; no live system was asked."
    if not facts.rules.value:
        return "Ready; nobody is in a meeting, so a caller hears ringing now."
    rooms = len({rule.room_name for rule in facts.rules.value if rule.pin})
    return f"Callers can get in: {rooms} room{'s' if rooms != 1 else ''} can be reached by PIN."


def _reservations(findings: Sequence[Finding], facts: Facts) -> str:
    warnings = sum(finding.level is Level.WARN for finding in findings)
    told = f" {warnings} warning{'s' if warnings != 1 else ''}." if warnings else ""
    return f"{told} SIP node not checked." if facts.health.not_asked else told
