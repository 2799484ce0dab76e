"""What `doctor` and `config validate` have in common: read, examine, show, end with the right code."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sipctl.cli.inputs import EXPORT_LIMIT, STDIN, check_stdin_files, read_document
from sipctl.cli.report import level_named
from sipctl.cli.session import Session
from sipctl.command_line import prose_text
from sipctl.config.checks.files import open_own_files
from sipctl.config.deployment import Source
from sipctl.config.kinds import Kind
from sipctl.config.model import Settings
from sipctl.config.paths import data_path, state_path
from sipctl.config.validate import profile_files, read_sources, validate
from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Answer
from sipctl.doctor.report import Report, make_report
from sipctl.doctor.runner import Plan, examine, examine_offline, examine_unasked
from sipctl.errors import ConfigError, SipctlError, UsageError
from sipctl.findings import Code, Finding, Level
from sipctl.output.formats import Listing
from sipctl.telephony.snapshot import read_snapshot

if TYPE_CHECKING:
    from sipctl.operations.pins import PinFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `doctor` say; times are seconds."""

    only: Sequence[str]
    skip: Sequence[str]
    fail_on: str
    deadline: float
    settle: float
    wait: float
    offline: bool
    snapshot: Path | None
    textfile: Path | None


def plan_of(session: Session, wanted: Wanted) -> Plan:
    """What the options ask for.

    Raises:
        UsageError: a word is no code, no area or no level.
    """
    plan = Plan(
        only=frozenset(word.upper() for word in wanted.only),
        skip=frozenset(word.upper() for word in wanted.skip),
        fail_on=level_named(wanted.fail_on),
        timeout_s=session.options.timeout,
        max_items=session.options.max_items,
        deadline_s=wanted.deadline,
        settle_s=wanted.settle,
        wait_s=wanted.wait,
    )
    plan.check_words()
    return plan


def run_doctor(session: Session, wanted: Wanted) -> Report:
    """Examine the live deployment, or files and a snapshot.

    Raises:
        UsageError: offline, and there is neither a file nor a snapshot.
        ConfigError: there is neither a server nor a file.
    """
    plan = plan_of(session, wanted)
    if wanted.offline:
        return _run_offline(session, wanted.snapshot, plan)
    files = _findings_of(_profile_files(session))
    settings = Settings()
    try:
        settings = session.settings
        return asyncio.run(examine(settings, files, plan, lambda: _pins(session), session.streams.progress))
    except ConfigError as error:
        if not files:
            raise
        return examine_unasked(error, settings, files, plan)


def _run_offline(session: Session, snapshot: Path | None, plan: Plan) -> Report:
    files = _profile_files(session)
    if not files and snapshot is None:
        raise UsageError(
            "there is nothing to examine offline", hint="give --snapshot FILE, or a profile that names files"
        )
    held = read_snapshot([read_document(snapshot, EXPORT_LIMIT)], plan.max_items) if snapshot else None
    findings = _findings_of(files)
    try:
        settings = session.settings
    except ConfigError as error:
        if not files:
            raise
        return examine_unasked(error, Settings(), findings, plan)
    return examine_offline(settings, held, findings, plan)


def _pins(session: Session) -> "Answer[PinFacts]":
    """What the registry holds, if there is one."""
    from sipctl.operations.pins import pin_facts, policy_of

    try:
        if not session.has_registry():
            return Answer(not_asked="there is no registry")
        policy = policy_of(session.settings)
        with session.registry() as opened:
            return Answer(value=pin_facts(opened, policy, session.settings))
    except SipctlError as error:
        return Answer(error=error)


Files = list[tuple[Path, Kind | None]]


def _profile_files(session: Session) -> Files:
    """The files of the profile and of `--env-file`, whether or not they can be merged."""
    options = session.options
    files: Files = [*profile_files(options.config, options.profile, os.environ)]
    return [*files, *((path, Kind.ENV) for path in options.env_file)]


def _findings_of(files: Files) -> list[Finding]:
    sources, unreadable = read_sources(files)
    if files:
        return [*unreadable, *validate(sources, _own_folders())]
    return [finding for folder in _own_folders() for finding in open_own_files(folder)]


def _own_folders() -> list[Path]:
    return list(dict.fromkeys((state_path(), data_path())))


def run_validate(session: Session, paths: Sequence[Path], kind: str | None, fail_on: str) -> Report:
    """Check the files named, or those of the profile.

    Raises:
        UsageError: there is no file to check, or no such kind.
    """
    level = level_named(fail_on)
    known = _kind_named(kind)
    named: Files = [(path, known) for path in paths] or _profile_files(session)
    if not named:
        raise UsageError("no file to check", hint="name the files, or a profile that names them")
    check_stdin_files(path for path, _ in named)
    stdin = [Source(Path("<stdin>"), read_document(path), kind) for path, kind in named if path == STDIN]
    sources, unreadable = read_sources((path, kind) for path, kind in named if path != STDIN)
    findings = [*unreadable, *validate([*sources, *stdin], () if paths else _own_folders())]
    return make_report(findings, _told(findings, len(named)), fail_on=level, ignored=())


def _kind_named(kind: str | None) -> Kind | None:
    if kind is not None and kind not in set(Kind):
        raise UsageError(f"--kind {kind!r} is no kind of file", hint=f"choose one of {', '.join(Kind)}")
    return Kind(kind) if kind else None


def _told(findings: Iterable[Finding], files: int) -> str:
    errors = sum(finding.level is Level.ERROR for finding in findings)
    where = f"{files} file{'s' if files != 1 else ''}"
    return f"{errors} error{'s' if errors != 1 else ''} in {where}." if errors else f"No error in {where}."


def codes_view(plan: Plan) -> Listing[Code]:
    """The codes of this version that a run would answer."""
    return Listing(
        schema="sipctl/codes/v1",
        items=[CODES[code] for code in sorted(CODES) if plan.includes(code)],
        columns=("code", "level", "what is checked"),
        row=lambda code: (code.code, code.level.value, code.title),
        record=lambda code: {
            "code": code.code, "level": code.level.value, "title": code.title, "cause": code.cause,
            "callers": code.callers, "fix": prose_text(code.fix),
        },
        name=lambda code: code.code,
    )  # fmt: skip
