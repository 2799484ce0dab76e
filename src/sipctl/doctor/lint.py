"""The lints alone, on a snapshot: what is wrong with its rules and trunks, or what an addition would make wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sipctl.config.model import Settings
from sipctl.doctor.facts import facts_offline
from sipctl.doctor.report import Report, make_report
from sipctl.doctor.runner import Plan, findings_of
from sipctl.findings.record import Finding, Level
from sipctl.telephony.linting.lints import LINTS
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.snapshot import Snapshot

NEW_ID: Final = "_new_"
"""Is part of the ids of rules and trunks that are not stored yet."""


def lint(settings: Settings, snapshot: Snapshot, plan: Plan) -> Report:
    """Everything that the lints of the plan find."""
    findings = _findings(settings, snapshot, plan)
    return _report(settings, findings, plan, _counted(snapshot))


def lint_with(
    settings: Settings, snapshot: Snapshot, added: Sequence[DispatchRule | InboundTrunk], plan: Plan
) -> Report:
    """What the lints find once rules and trunks were added, and do not find before."""
    after = replace(
        snapshot,
        rules=(*(snapshot.rules or ()), *(one for one in added if isinstance(one, DispatchRule))),
        trunks=(*(snapshot.trunks or ()), *(one for one in added if isinstance(one, InboundTrunk))),
    )
    known = {_identity(finding) for finding in _findings(settings, snapshot, plan)}
    findings = [one for one in _findings(settings, after, plan) if one.level is Level.OK or _identity(one) not in known]
    return _report(settings, map(_without_new_ids, findings), plan, f"{len(added)} to be added")


def _without_new_ids(finding: Finding) -> Finding:
    """No command can name what is not stored yet."""
    command = finding.fix.command if finding.fix else None
    if finding.fix and command and any(NEW_ID in word for word in command.argv):
        return replace(finding, fix=replace(finding.fix, command=None))
    return finding


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.resource, finding.detail


def _findings(settings: Settings, snapshot: Snapshot, plan: Plan) -> list[Finding]:
    codes = frozenset(code for code in LINTS if plan.includes(code))
    return findings_of(facts_offline(settings, snapshot, ()), Plan(only=codes)) if codes else []


def _report(settings: Settings, findings: Iterable[Finding], plan: Plan, what: str) -> Report:
    today = datetime.now(UTC).date()
    report = make_report(findings, "", fail_on=plan.fail_on, ignored=settings.ignored, today=today)
    return replace(report, verdict=f"{_describe(report.counts)} in {what}.")


def _describe(counts: Mapping[str, int]) -> str:
    levels = (("error", "error"), ("warn", "warning"))
    problems = [_number(counts[level], word) for level, word in levels if counts[level]]
    return " and ".join(problems) or "Nothing wrong"


def _counted(snapshot: Snapshot) -> str:
    parts = (("rule", snapshot.rules), ("trunk", snapshot.trunks))
    return " and ".join(_number(len(things), word) for word, things in parts if things is not None) or "rooms alone"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"
