"""What a run found, weighed: suppressions, counts, exit code, and the verdict in the caller's terms."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sipctl.config.model import Ignored
from sipctl.doctor.facts import UNCHECKED, Facts
from sipctl.errors import ExitCode
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level

_WEIGHT: Final = {level: weight for weight, level in enumerate(Level)}
_SUPPRESSIBLE: Final = (Level.ERROR, Level.WARN, Level.INFO)

_EVERY_CALL: Final = ("API201", "API205", "RUL401", "RUL412", "TRK302", "TRK308", "SIP705", "CFG120", "CFG121")
"""Codes of which one error fails all calls, or all of a trunk."""

_DOWN: Final = frozenset({"refused", "gateway"})
"""Errors by which LiveKit itself is down, rather than out of our reach."""

_OUT_OF_REACH: Final = ("API201", "API202", "API203")
"""Codes of what keeps sipctl from LiveKit, and tells nothing about callers."""

_CLOSED: Final = frozenset({"RUL404", "RUL405", "RUL408", "RUL414"})
"""Codes of rules by which no one gets into a meeting."""

_ANYBODY: Final = ("RUL402", "RUL403")
"""Codes of rules that let callers in without a PIN."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run: findings in the order of their weight, how many of each level, and what the process ends with."""

    verdict: str
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    exit_code: ExitCode
    fail_on: Level = Level.ERROR

    def fails(self, finding: Finding) -> bool:
        """Whether the run ends with 1 for this finding."""
        return _fails(finding.level, self.fail_on)


def make_report(
    findings: Iterable[Finding], verdict: str, *, fail_on: Level = Level.ERROR, ignored: Sequence[Ignored] = (),
    today: date | None = None,
) -> Report:  # fmt: skip
    """Weigh the findings of a run. `ignored` are the profile's suppressions, held against `today`."""
    kept = [_suppressed(finding, ignored, today or date.min) for finding in findings]
    ordered = sorted(kept, key=lambda finding: (_WEIGHT[finding.level], finding.code, _in_file(finding.resource)))
    counts = Counter(finding.level.value for finding in ordered)
    return Report(
        verdict,
        tuple(ordered),
        {level.value: counts.get(level.value, 0) for level in Level},
        _exit_code(ordered, fail_on),
        fail_on,
    )


def _in_file(resource: str) -> tuple[str, int]:
    """A resource as it is sorted: a file's line is a number."""
    file, _, line = resource.rpartition(":")
    return (file, int(line)) if file and line.isascii() and line.isdecimal() else (resource, 0)


def _suppressed(finding: Finding, ignored: Sequence[Ignored], today: date) -> Finding:
    if finding.level not in _SUPPRESSIBLE:
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


def _fails(level: Level, fail_on: Level) -> bool:
    return _WEIGHT[level] <= _WEIGHT[fail_on] and level is not Level.UNKNOWN


def _exit_code(findings: Iterable[Finding], fail_on: Level) -> ExitCode:
    levels = {finding.level for finding in findings}
    if any(_fails(level, fail_on) for level in levels):
        return ExitCode.FINDINGS
    return ExitCode.UNCHECKED if Level.UNKNOWN in levels else ExitCode.DONE


def tell_verdict(report: Report, facts: Facts) -> str:
    """The one sentence for someone who only wants to know whether callers get in."""
    errors = [finding for finding in report.findings if finding.level is Level.ERROR]
    return f"{_sentence(errors, report, facts)}{_reservations(report, facts)}"


def tell_partial_verdict(report: Report) -> str:
    """The sentence for a run of some checks, which cannot speak for callers."""
    if all(finding.level is Level.SKIPPED for finding in report.findings):
        return "Nothing was checked: what that needs is not there."
    described = [f"{count} {word}{'s' if count != 1 else ''}" for word, count in _bad(report) if count]
    return f"{' and '.join(described) or 'Nothing wrong'} in the checks asked for."


def _bad(report: Report) -> tuple[tuple[str, int], ...]:
    return ("error", report.counts["error"]), ("warning", report.counts["warn"])


def _sentence(errors: Sequence[Finding], report: Report, facts: Facts) -> str:
    reach = facts.server.error
    is_down = reach is not None and reach.code in _DOWN
    for codes, words in (
        (_EVERY_CALL, "Callers cannot get in: calls fail, because"),
        (_ANYBODY, "Callers get in without their PIN, because"),
    ):
        fatal = next((one for one in errors if one.code in codes and (one.code != "API201" or is_down)), None)
        if fatal:
            return f"{words} {fatal.detail or fatal.title}."
    unknown = next((one for one in errors if one.code in _OUT_OF_REACH), None) or next(
        (one for one in report.findings if one.level is Level.UNKNOWN and not errors), None
    )
    if unknown:
        return f"No one can say whether callers get in: {unknown.detail.removeprefix(UNCHECKED)}."
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        callers = CODES[errors[0].code].callers
        described = "" if callers.startswith("Depends") else f" For callers: {callers}"
        return f"Not as it should be: {errors[0].detail or errors[0].title}{more}.{described}"
    return _healthy(report, facts)


def _healthy(report: Report, facts: Facts) -> str:
    if facts.asked.value is None or facts.rules.value is None:
        return "Nothing wrong in what was looked at; no live system was asked."
    if not facts.rules.value:
        return "Ready; no one is in a meeting, so a caller hears ringing now."
    closed = {finding.resource for finding in report.findings if finding.code in _CLOSED}
    rules = [rule for rule in facts.rules.value if f"rule {rule.sip_dispatch_rule_id}" not in closed]
    rooms = len({rule.room_name for rule in rules if rule.pin})
    if not rooms:
        return "No meeting can be reached by PIN now."
    return f"Callers can get in: {rooms} room{'s' if rooms != 1 else ''} can be reached by PIN."


def _reservations(report: Report, facts: Facts) -> str:
    warnings = report.counts["warn"]
    described = f" {warnings} warning{'s' if warnings != 1 else ''}." if warnings else ""
    return f"{described} SIP node not checked." if facts.health.not_asked else described
