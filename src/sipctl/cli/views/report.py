"""A report of findings: for people, as JSON, as JUnit for CI, as Prometheus's text for monitoring."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sipctl.command_line import prose_text
from sipctl.doctor.report import Report
from sipctl.findings import Finding, Fix, Level
from sipctl.output.formats import encode_json
from sipctl.output.streams import Streams
from sipctl.output.text import printable

_ALWAYS: Final = frozenset({Level.ERROR, Level.WARN, Level.UNKNOWN, Level.INFO})
_COUNTED: Final = {
    "error": ("error", "errors"), "warn": ("warning", "warnings"), "unknown": ("unknown", "unknown"),
    "info": ("note", "notes"), "ok": ("ok", "ok"), "skipped": ("skipped", "skipped"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportView:
    """One run's findings; `name` is the run's name in JUnit and the metrics ("doctor", "config_validate")."""

    report: Report
    name: str

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The report as text."""
        match style:
            case "json":
                yield encode_json(report_record(self.report), indent=2) + "\n"
            case "jsonl":
                records = map(finding_record, self.report.findings)
                yield from (encode_json(one) + "\n" for one in records)
            case "name":
                yield from (f"{code}\n" for code in dict.fromkeys(one.code for one in _problems(self.report)))
            case "junit":
                yield junit_text(self.report, self.name)
            case "prometheus":
                yield metrics_text(self.report, self.name)
            case _:
                yield from self._for_people(all_levels=streams.verbose)

    def _for_people(self, *, all_levels: bool) -> Iterator[str]:
        yield f"{printable(self.report.verdict)}\n"
        shown = self.report.findings if all_levels else _problems(self.report)
        for finding in _grouped(shown):
            yield "".join(f"{printable(line)}\n" for line in _told(finding, with_source=all_levels))
        counts = [f"{count} {_COUNTED[level][count != 1]}" for level, count in self.report.counts.items() if count]
        if counts:
            yield f"\n{', '.join(counts)}{'' if all_levels else ' (-v lists all)'}\n"


def _problems(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.level in _ALWAYS]


def _grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with one in the place of all that are unknown for one reason."""
    groups: dict[object, list[Finding]] = {}
    for at, finding in enumerate(findings):
        groups.setdefault(finding.detail if finding.level is Level.UNKNOWN else at, []).append(finding)
    return [
        group[0] if len(group) == 1 else replace(group[0], resource=f"and {len(group) - 1} more")
        for group in groups.values()
    ]


def _told(finding: Finding, *, with_source: bool) -> Iterator[str]:
    """The lines of one finding: what, where, and what to do."""
    if finding.level in {Level.OK, Level.SKIPPED}:
        yield f"{finding.level.upper():7} {finding.code}  {finding.title}" + (
            f": {finding.detail}" if finding.detail else ""
        )
        return
    yield ""
    yield f"{finding.level.upper():7} {finding.code}  {finding.resource}".rstrip()
    yield f"        {finding.detail or finding.title}"
    yield from _evidence(finding, with_source=with_source)
    if finding.fix:
        yield f"        fix: {prose_text(finding.fix.text)}"
        if finding.fix.command:
            yield f"        $ {finding.fix.command}"


def _evidence(finding: Finding, *, with_source: bool) -> Iterator[str]:
    """What was seen that the detail does not hold already, what should be, and on demand where."""
    seen = finding.evidence
    parts = {
        "seen": "" if seen.observed in finding.detail else seen.observed,
        "expected": seen.expected,
        "source": seen.source if with_source and seen.source != finding.resource else "",
    }
    told = "; ".join(f"{label}: {text}" for label, text in parts.items() if text)
    if told:
        yield f"        {told}"


def report_record(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "schema": "sipctl/findings/v1",
        "verdict": report.verdict,
        "findings": [finding_record(finding) for finding in report.findings],
        "counts": dict(report.counts),
        "exit_code": int(report.exit_code),
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """One finding as JSON."""
    return {
        "code": finding.code,
        "level": finding.level.value,
        "area": finding.area.value,
        "resource": finding.resource,
        "title": finding.title,
        "detail": finding.detail,
        "evidence": {
            "observed": finding.evidence.observed,
            "expected": finding.evidence.expected,
            "source": finding.evidence.source,
        },
        "fix": {"text": prose_text(finding.fix.text), "command": str(finding.fix.command or "")}
        if finding.fix
        else None,
        "duration_ms": round(finding.duration_ms, 3),
    }


def _fix_record(fix: Fix) -> dict[str, str]:
    return {"text": prose_text(fix.text), "command": str(fix.command or "")}


def junit_text(report: Report, name: str) -> str:
    """JUnit XML: a test case a finding; it fails if the run does for it, other warnings and notes are its output."""
    from junitparser import Error, Failure, Skipped, TestCase, TestSuite

    from sipctl.cli.views.junit import suite_text

    suite = TestSuite(f"sipctl {name}")
    for finding in report.findings:
        title = f"{finding.code} {finding.title}" + (f" [{finding.resource}]" if finding.resource else "")
        case = TestCase(printable(title), f"sipctl.{finding.area.value}", finding.duration_ms / 1000)
        text = printable(finding.detail)
        if report.fails(finding):
            case.result = [Failure(text)]
        elif finding.level is Level.UNKNOWN:
            case.result = [Error(text)]
        elif finding.level is Level.SKIPPED:
            case.result = [Skipped(text)]
        elif finding.level is not Level.OK:
            case.system_out = f"{finding.level.value}: {text}"
        suite.add_testcase(case)
    return suite_text(suite)


def metrics_text(report: Report, name: str) -> str:
    """The report in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    counts = Gauge(f"sipctl_{name}_findings", "Findings of the last run by level.", ["level"], registry=registry)
    for level, count in report.counts.items():
        counts.labels(level).set(count)
    each = Gauge(
        f"sipctl_{name}_finding", "A finding that is not ok, by code.", ["code", "level", "resource"], registry=registry
    )
    for finding in _problems(report):
        each.labels(finding.code, finding.level.value, printable(finding.resource)).set(1)
    Gauge(f"sipctl_{name}_exit_code", "What the last run ended with.", registry=registry).set(report.exit_code)
    ended = Gauge(f"sipctl_{name}_last_run_timestamp_seconds", "When the last run ended.", registry=registry)
    ended.set(time.time())
    return generate_latest(registry).decode()
