"""`sipctl pin audit`: apart from the other PIN commands, which need neither the doctor nor LiveKit's SDK."""

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from sipctl.cli.context import Session
from sipctl.cli.examine import level_named
from sipctl.cli.pins import ask_livekit
from sipctl.cli.views.audit import AuditView
from sipctl.cli.views.report import ReportView
from sipctl.doctor.runner import Plan, examine_pins
from sipctl.findings import Area
from sipctl.operations.pins import pin_facts, policy_of
from sipctl.telephony.exposure import Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """What the options of `pin audit` say."""

    only: Sequence[str]
    skip: Sequence[str]
    lines: int
    seconds_per_call: float
    target: float
    ask_live: bool
    fail_on: str


def audit_pins(session: Session, wanted: Auditing) -> None:
    """`pin audit`: the PIN checks of the doctor, and the figures of a guesser's chances."""
    plan = Plan(
        only=frozenset(wanted.only or {Area.PINS.value}),
        skip=frozenset(wanted.skip),
        fail_on=level_named(wanted.fail_on),
    )
    plan.check_words()
    live = ask_livekit(session, ask=wanted.ask_live)
    with session.registry() as registry:
        facts = pin_facts(registry, policy_of(session.settings), session.settings)
    report = examine_pins(session.settings, facts, live, plan)
    rules = len({rule.pin for rule in live.rules if rule.pin}) if live else 0
    exposures = {
        name: Exposure(
            space=facts.policy.space, live=count, lines=wanted.lines, seconds_per_call=wanted.seconds_per_call
        )
        for name, count in (("live rules", rules), ("every room", facts.in_use))
    }
    session.emit(AuditView(ReportView(report, "pin_audit"), exposures, wanted.target))
    raise typer.Exit(report.exit_code)
