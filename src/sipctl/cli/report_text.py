"""A report of findings as text for people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from sipctl.command_line import CommandLine, prose_text
from sipctl.doctor.report import Report
from sipctl.errors import ExitCode
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.output.people import BAD, GOOD, for_people
from sipctl.output.streams import Streams

PROBLEM_LEVELS: Final = frozenset({Level.ERROR, Level.WARN, Level.UNKNOWN, Level.INFO})
_COUNTED: Final = {
    "error": ("error", "errors"), "warn": ("warning", "warnings"), "unknown": ("unknown", "unknown"),
    "info": ("note", "notes"), "ok": ("ok", "ok"), "skipped": ("skipped", "skipped"),
}  # fmt: skip
_EACH_SHOWN: Final = 3
"""More findings with one code and one fix than these are shown as one, with the first of them by name."""
_INDENT: Final = " " * 8


def problems(report: Report) -> list[Finding]:
    """The findings that are neither fine nor skipped."""
    return [finding for finding in report.findings if finding.level in PROBLEM_LEVELS]


def report_text(report: Report, streams: Streams, deployment: Sequence[str]) -> Iterator[str]:
    """The verdict, the findings and their counts; with `-v` every finding by itself, those of checks passed too.

    `deployment` are the options with which a command meets the same deployment.
    """
    style = GOOD if report.exit_code is ExitCode.DONE else BAD
    yield from for_people([report.verdict], streams.out, style)
    shown = report.findings if streams.verbose else problems(report)
    explained: set[str] = set()
    for found in _grouped(shown, all_levels=streams.verbose):
        group = _with_one_fix(found, deployment)
        code = group[0].code
        lines = [*finding_lines(group, with_source=streams.verbose)]
        if group[0].level in PROBLEM_LEVELS and code not in explained:
            lines.append(f"{_INDENT}more: {CommandLine.of('doctor', '--explain', code).below(*deployment)}")
        explained.add(code)
        yield "".join(for_people(lines, streams.out))
    counts = [f"{count} {_COUNTED[level][count != 1]}" for level, count in report.counts.items() if count]
    if counts:
        yield f"\n{', '.join(counts)}{'' if streams.verbose else ' (-v lists all)'}\n"


def _grouped(findings: Iterable[Finding], *, all_levels: bool) -> Iterator[Sequence[Finding]]:
    """The findings, those together that say one thing: unknown for one reason, or many of one code with one fix."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        fix = prose_text(finding.fix.text) if finding.fix else ""
        is_unknown = finding.level is Level.UNKNOWN
        groups.setdefault(finding.detail if is_unknown else (finding.code, finding.level, fix), []).append(finding)
    for key, group in groups.items():
        if isinstance(key, str) or (len(group) > _EACH_SHOWN and not all_levels):
            yield group
        else:
            yield from ([one] for one in group)


def _with_one_fix(group: Sequence[Finding], deployment: Sequence[str]) -> Sequence[Finding]:
    """The same, where there are several with the command that repairs all of them."""
    first = group[0]
    for_all = CODES[first.code].for_all if group[1:] and first.code in CODES else None
    if for_all is None or first.fix is None:
        return group
    return [replace(first, fix=replace(first.fix, command=for_all.below(*deployment))), *group[1:]]


def finding_lines(group: Sequence[Finding], *, with_source: bool) -> Iterator[str]:
    """The lines of findings that say one thing: what, where, how it should be, and what to do."""
    first = group[0]
    if first.level not in PROBLEM_LEVELS:
        yield f"{first.level.upper():7} {first.code}  {first.title}" + (f": {first.detail}" if first.detail else "")
        return
    yield ""
    yield f"{first.level.upper():7} {first.code}  {_resources(group)}".rstrip()
    is_first_of_many = bool(group[1:]) and first.level is not Level.UNKNOWN
    yield f"{_INDENT}{first.detail or first.title}" + (f" (the first of {len(group):,})" if is_first_of_many else "")
    if first.detail:
        yield f"{_INDENT}should be: {first.title}"
    yield from _evidence(first, with_source=with_source)
    if first.fix:
        yield f"{_INDENT}fix: {prose_text(first.fix.text)}"
        if first.fix.command:
            yield f"{_INDENT}$ {first.fix.command}"


def _resources(group: Sequence[Finding]) -> str:
    if group[0].level is Level.UNKNOWN:
        return f"and {len(group) - 1} more" if group[1:] else group[0].resource
    names = [one.resource for one in group if one.resource]
    more = f" and {len(names) - _EACH_SHOWN:,} more" if len(names) > _EACH_SHOWN else ""
    return ", ".join(names[:_EACH_SHOWN]) + more


def _evidence(finding: Finding, *, with_source: bool) -> Iterator[str]:
    """What was seen that the detail does not hold already, what should be, and on demand where."""
    seen = finding.evidence
    parts = {
        "seen": "" if seen.observed in finding.detail else seen.observed,
        "expected": seen.expected,
        "source": seen.source if with_source and seen.source != finding.resource else "",
    }
    described = "; ".join(f"{label}: {text}" for label, text in parts.items() if text)
    if described:
        yield f"{_INDENT}{described}"
