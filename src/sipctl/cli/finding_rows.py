"""One finding as a row of JSON, and with a command that can be pasted."""

from dataclasses import replace
from typing import Annotated, Literal, TypedDict

from sipctl.cli.session import Session
from sipctl.command_line import prose_below, prose_text
from sipctl.findings.record import Finding, Fix


class EvidenceRow(TypedDict):
    """What was seen, what was expected, and where."""

    observed: str
    expected: str
    source: str


class FixRow(TypedDict):
    """What to do, in words and as a command ("" if none helps)."""

    text: str
    command: str


class FindingRow(TypedDict):
    """One answer to one question."""

    code: Annotated[str, {"pattern": "^[A-Z0-9]{3}[0-9]{3}$"}]
    level: Literal["error", "warn", "unknown", "info", "ok", "skipped"]
    area: str
    resource: str
    title: str
    detail: str
    evidence: EvidenceRow
    fix: FixRow | None
    page: str
    duration_ms: float


def finding_row(finding: Finding) -> FindingRow:
    """The finding as JSON."""
    fix = finding.fix
    return FindingRow(
        code=finding.code,
        level=finding.level.value,
        area=finding.area.value,
        resource=finding.resource,
        title=finding.title,
        detail=finding.detail,
        evidence=EvidenceRow(
            observed=finding.evidence.observed, expected=finding.evidence.expected, source=finding.evidence.source
        ),
        fix=FixRow(text=prose_text(fix.text), command=str(fix.command or "")) if fix else None,
        page=finding.page,
        duration_ms=round(finding.duration_ms, 3),
    )


def pasted(session: Session, finding: Finding) -> Finding:
    """The finding with its command as it must be typed after this run."""
    fix = finding.fix
    if fix is None:
        return finding
    command = session.options.again(fix.command) if fix.command else None
    return replace(finding, fix=Fix(text=prose_below(fix.text, session.options.deployment), command=command))
