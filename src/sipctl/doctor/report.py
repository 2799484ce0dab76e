"""What a run found, weighed: suppressions, counts, exit code, and the verdict in the caller's terms."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sipctl.config.model import Ignored
from sipctl.errors import ExitCode
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.telephony.reach.row import Reach

_WEIGHT: Final = {level: weight for weight, level in enumerate(Level)}
_SUPPRESSIBLE: Final = (Level.ERROR, Level.WARN, Level.INFO)


@dataclass(frozen=True, slots=True)
class Report:
    """One run: findings in the order of their weight, how many of each level, and what the process ends with.

    `reach` is what becomes of the callers of each live room; None = the run is not about that.
    """

    verdict: str
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    exit_code: ExitCode
    fail_on: Level = Level.ERROR
    reach: tuple[Reach, ...] | None = None

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
