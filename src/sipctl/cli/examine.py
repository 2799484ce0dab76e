"""What `doctor` and `config validate` have in common: read, examine, show, end with the right code."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sipctl.cli.inputs import EXPORT_LIMIT, read_document
from sipctl.cli.report import level_named
from sipctl.cli.session import Session
from sipctl.command_line import prose_text
from sipctl.config.model import Settings
from sipctl.config.paths import own_folders
from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Answer
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan, examine, examine_offline, examine_unasked
from sipctl.errors import ConfigError, SipctlError, UsageError
from sipctl.findings import Code
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
    files = session.check_files(session.files, own_folders())
    settings = Settings()
    try:
        settings = session.settings
        return asyncio.run(examine(settings, files, plan, lambda: _pins(session), session.streams.progress))
    except ConfigError as error:
        if not files:
            raise
        return examine_unasked(error, settings, files, plan)


def _run_offline(session: Session, snapshot: Path | None, plan: Plan) -> Report:
    if not session.files and snapshot is None:
        raise UsageError(
            "there is nothing to examine offline", hint="give --snapshot FILE, or a profile that names files"
        )
    held = read_snapshot([read_document(snapshot, EXPORT_LIMIT)], plan.max_items) if snapshot else None
    findings = session.check_files(session.files, own_folders())
    try:
        settings = session.settings
    except ConfigError as error:
        if not session.files:
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
