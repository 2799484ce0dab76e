"""A report of findings: for people, as JSON, as JUnit for CI, as Prometheus's text for monitoring."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NotRequired, TypedDict

from sipctl.cli import endings
from sipctl.cli.finding_rows import FindingRow, FixRow, finding_row, pasted
from sipctl.cli.report_text import PROBLEM_LEVELS, problems, report_text
from sipctl.cli.session import Session
from sipctl.command_line import prose_text
from sipctl.doctor.report import Report
from sipctl.errors import ExitCode, unknown_value
from sipctl.files import write_public
from sipctl.findings.record import Finding, Level
from sipctl.findings.symptoms import Picture
from sipctl.output.formats import encode_json
from sipctl.output.junit import Case, Ending, junit_text
from sipctl.output.metrics import Gauge, metrics_text
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.output.text import printable
from sipctl.telephony.reach.row import Reach, Reached, ReachWord

_NO_SUCCESS: Final[Mapping[Level, Ending]] = {Level.UNKNOWN: "error", Level.SKIPPED: "skipped"}
_FAIL_ON: Final = {"error": Level.ERROR, "warn": Level.WARN, "info": Level.INFO}


class ExposureRow(TypedDict):
    """A guesser's chances; `bits` is log2(space/pins), `minimum_length` null if even 16 digits are too few."""

    space: int
    pins: int
    bits: float
    lines: int
    seconds_per_call: float
    chance_per_day: float
    chance_per_30_days: float
    target: float
    minimum_length: int | None


class ReachRow(TypedDict):
    """What becomes of those who call a live room with its PIN; `attended` null = no one knows who is in it.

    `number` is the one dialled, of several the worst, "" = any that no list names; `rule` and `code` (of the finding
    that says why callers do not get in) are null where there is none.
    """

    room: str
    attended: bool | None
    outcome: ReachWord
    number: str
    rule: str | None
    code: str | None


class Findings(TypedDict):
    """A report of `doctor` (with `reach`), `config validate` or `pin audit` (with a guesser's chances).

    `next_steps` are what helps with a symptom beyond the checks.
    """

    schema: Literal["sipctl/findings/v1"]
    verdict: str
    findings: list[FindingRow]
    counts: dict[str, int]
    exit_code: int
    reach: NotRequired[list[ReachRow] | None]
    exposure: NotRequired[dict[str, ExposureRow] | None]
    next_steps: NotRequired[list[FixRow]]


PRINTS: Final = {"findings": Findings}


def level_named(word: str) -> Level:
    """The level that `--fail-on` names.

    Raises:
        UsageError: it names none.
    """
    if word not in _FAIL_ON:
        raise unknown_value("--fail-on", word, _FAIL_ON)
    return _FAIL_ON[word]


def finish(
    session: Session, report: Report, name: str, textfile: Path | None = None, picture: Picture | None = None
) -> None:
    """Show the report, write its metrics into the `textfile`, end with its exit code.

    With `--quiet` a healthy one shows nothing. `name` is as of `ReportView`; `picture` is the symptom asked for.
    """
    report = replace(report, findings=tuple(pasted(session, finding) for finding in report.findings))
    steps = picture.steps if picture else ()
    rows = tuple(FixRow(text=prose_text(text), command=session.paste(line)) for text, line in steps)
    view = ReportView(report, name, rows, session.options.deployment)
    try:
        endings.show(session, view, is_news=report.exit_code is not ExitCode.DONE)
    finally:
        if textfile and not session.options.dry_run:
            write_public(textfile, _metrics_text(report, name))
    endings.finish(session, code=report.exit_code)


@dataclass(frozen=True, slots=True)
class ReportView:
    """One run's findings; `name` is the run's name in JUnit and the metrics ("doctor", "config_validate").

    `next_steps` are for a symptom; `deployment` are the options with which a command meets the same deployment.
    """

    report: Report
    name: str
    next_steps: tuple[FixRow, ...] = ()
    deployment: tuple[str, ...] = ()

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The report as text."""
        match style:
            case "json":
                more = {"next_steps": self.next_steps} if self.next_steps else {}
                yield encode_json(report_record(self.report) | more) + "\n"
            case "jsonl":
                records = map(finding_row, self.report.findings)
                yield from (encode_json(one) + "\n" for one in records)
            case "name":
                yield from (f"{code}\n" for code in dict.fromkeys(one.code for one in problems(self.report)))
            case "junit":
                yield report_junit(self.report, self.name)
            case "prometheus":
                yield _metrics_text(self.report, self.name)
            case _:
                yield from report_text(self.report, streams, self.deployment)
                yield from for_people(self._cannot_see(), streams.out)

    def _cannot_see(self) -> Iterator[str]:
        if self.next_steps:
            yield from ("", "What doctor cannot see:")
        for step in self.next_steps:
            yield from (f"  {step['text']}:", f"    $ {step['command']}")


def report_record(report: Report) -> Findings:
    """The report as JSON."""
    record = Findings(
        schema="sipctl/findings/v1",
        verdict=report.verdict,
        findings=[finding_row(finding) for finding in report.findings],
        counts=dict(report.counts),
        exit_code=int(report.exit_code),
    )
    return record if report.reach is None else {**record, "reach": list(map(_reach_row, report.reach))}


def _reach_row(row: Reach) -> ReachRow:
    is_lost = row.outcome is Reached.UNREACHABLE and row.cause is not None
    return ReachRow(
        room=row.room,
        attended=row.attended,
        outcome=row.outcome.value,
        number=row.number,
        rule=row.rule.sip_dispatch_rule_id if row.rule else None,
        code=row.cause.code if row.cause and is_lost else None,
    )


def report_junit(report: Report, name: str) -> str:
    """JUnit XML: a test case a finding; it fails if the run does for it, other warnings and notes are its output."""
    return junit_text(f"sipctl {name}", (_case(report, finding) for finding in report.findings))


def _case(report: Report, finding: Finding) -> Case:
    fails = report.fails(finding)
    is_note = not fails and finding.level not in {*_NO_SUCCESS, Level.OK}
    lines = [f"{finding.level.value}: {finding.detail}"] if is_note else []
    lines += [f"page: {finding.page}"] if finding.level in PROBLEM_LEVELS else []
    return Case(
        name=f"{finding.code} {finding.title}" + (f" [{finding.resource}]" if finding.resource else ""),
        group=f"sipctl.{finding.area.value}",
        took_s=finding.duration_ms / 1000,
        ended="failed" if fails else _NO_SUCCESS.get(finding.level, "ok"),
        message=finding.detail,
        output=lines,
    )


def _metrics_text(report: Report, name: str) -> str:
    """The report in Prometheus's text format."""
    each = (((one.code, one.level.value, printable(one.resource)), 1.0) for one in problems(report))
    counts = (((level,), count) for level, count in report.counts.items())
    ended = "When the last run ended."
    return metrics_text(
        (
            Gauge(f"sipctl_{name}_findings", "Findings of the last run by level.", counts, ("level",)),
            Gauge(f"sipctl_{name}_finding", "A finding that is not ok, by code.", each, ("code", "level", "resource")),
            Gauge.of(f"sipctl_{name}_exit_code", "What the last run ended with.", report.exit_code),
            Gauge.of(f"sipctl_{name}_last_run_timestamp_seconds", ended, time.time()),
        )
    )
