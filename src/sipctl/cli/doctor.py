"""`sipctl doctor`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.codes import code_named, code_view, codes_view
from sipctl.cli.command import ReportCommand, refuse_other_formats
from sipctl.cli.inputs import EXPORT_LIMIT, read_document
from sipctl.cli.options import FailOn
from sipctl.cli.report import finish, level_named
from sipctl.cli.session import Session
from sipctl.config.model import Settings
from sipctl.config.paths import own_folders
from sipctl.doctor.facts import Answer
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan, examine_offline, examine_unasked, selected
from sipctl.errors import ConfigError, SipctlError, UsageError
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area, Level
from sipctl.findings.symptoms import PICTURES, Picture, Symptom
from sipctl.operations.pins import PinFacts, pin_facts, policy_of
from sipctl.output.formats import COMMON_FORMATS
from sipctl.telephony.snapshot import read_snapshot

KIND: Final = ReportCommand


Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="CODE|AREA", help="Only these checks, such as RUL401 or TRK; repeatable."),
]
Skip = Annotated[
    list[str] | None, typer.Option("--skip", metavar="CODE|AREA", help="All checks but these; repeatable.")
]
CallersHear = Annotated[
    Symptom | None, typer.Option("--symptom", help="Only what explains this, the most frequent cause first.")
]
Explain = Annotated[
    str | None,
    typer.Option("--explain", metavar="CODE", help="Say what a code means, what callers hear, and what to do."),
]


Textfile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the metrics there too, for node_exporter.")]
ProbeWebhook = Annotated[
    bool, typer.Option("--probe-webhook", help="Send the backend signed events that change nothing, too.")
]


def run(
    ctx: typer.Context,
    only: Only = None,
    skip: Skip = None,
    symptom: CallersHear = None,
    explain: Explain = None,
    list_: Annotated[bool, typer.Option("--list", help="List the checks and what they mean; ask no one.")] = False,
    fail_on: FailOn = "error",
    deadline: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Time limit of all questions together.")
    ] = 30.0,
    settle: Annotated[
        float, typer.Option(min=0, max=600, metavar="SECONDS", help="Look again after this at what passes by itself.")
    ] = 5.0,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, metavar="SECONDS", help="Repeat until healthy, at most this long.")
    ] = 0.0,
    probe_webhook: ProbeWebhook = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no one: files and --snapshot alone.")] = False,
    snapshot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of trunks, rules and rooms, for --offline; - for stdin.")
    ] = None,
    textfile: Textfile = None,
) -> None:
    """Examine the deployment and say whether callers get in.

    Reads LiveKit, the profile's files and the health port of the SIP node, which it also asks by OPTIONS, and writes
    nothing. The backend is sent an event that is not signed, which it refuses (--skip WHK: none). Exit code 0: nothing
    found; 1: findings from --fail-on up; 3: something could not be checked.

    \b
    Examples:
      sipctl doctor
      sipctl doctor --only RUL -o json
      sipctl doctor --symptom ringing
      sipctl doctor --explain RUL401
    """
    session = Session.of(ctx)
    if explain is not None:
        refuse_other_formats(ctx, f"{ctx.command_path} --explain", COMMON_FORMATS)
        session.emit(code_view(code_named(explain)))
        return
    if list_:
        refuse_other_formats(ctx, f"{ctx.command_path} --list", COMMON_FORMATS)
    if symptom and only:
        raise UsageError("--symptom and --only exclude each other")
    picture = PICTURES[symptom] if symptom else None
    codes = [code for code in CODES if not code.startswith(Area.PROMPTS)]
    plan = Plan(
        only=selected(filter(codes.__contains__, picture.codes) if picture else only, codes),
        skip=selected(skip, codes),
        fail_on=level_named(fail_on), deadline_s=deadline, settle_s=settle, wait_s=wait,
    )  # fmt: skip
    plan.check_any_left(codes)
    if list_:
        session.emit(codes_view(code for code in sorted(CODES) if plan.includes(code)))
        return
    is_live = not (offline or snapshot)
    report = examine_live(session, plan, probe_webhook) if is_live else _examine_offline(session, snapshot, plan)
    finish(session, sorted_by_frequency(report, picture) if picture else report, "doctor", textfile, picture)


def sorted_by_frequency(report: Report, picture: Picture) -> Report:
    """The report with what may explain the symptom first, the most frequent cause before others."""
    order = {code: at for at, code in enumerate(picture.codes)}
    found = sorted(
        report.findings, key=lambda one: (one.level in {Level.OK, Level.SKIPPED}, order.get(one.code, len(order)))
    )
    return replace(report, findings=tuple(found))


def examine_live(session: Session, plan: Plan, probes_webhook: bool = False) -> Report:
    """Examine the live deployment and its files.

    Raises:
        ConfigError: there is neither a server nor a file.
    """
    findings = session.check_files(session.files, own_folders())
    settings = Settings()
    try:
        settings = session.settings
        return session.examine(findings, plan, lambda: _pins(session), probes_webhook=probes_webhook)
    except ConfigError as error:
        if not findings:
            raise
        return examine_unasked(error, settings, findings, plan)


def _examine_offline(session: Session, snapshot: Path | None, plan: Plan) -> Report:
    """Examine files, and a snapshot if there is one.

    Raises:
        UsageError: there is neither a file nor a snapshot.
    """
    if not session.files and snapshot is None:
        raise UsageError(
            "there is nothing to examine offline", hint="give --snapshot FILE, or a profile that names files"
        )
    held = read_snapshot([read_document(snapshot, EXPORT_LIMIT)], session.options.max_items) if snapshot else None
    findings = session.check_files(session.files, own_folders())
    try:
        settings = session.settings
    except ConfigError as error:
        if not session.files:
            raise
        return examine_unasked(error, Settings(), findings, plan)
    return examine_offline(settings, held, findings, plan)


def _pins(session: Session) -> Answer[PinFacts]:
    """What the registry holds, if there is one."""
    try:
        if not session.has_registry():
            return Answer(not_asked="there is no registry")
        policy = policy_of(session.settings)
        with session.registry() as opened:
            return Answer(value=pin_facts(opened, policy, session.settings))
    except SipctlError as error:
        return Answer(error=error)
