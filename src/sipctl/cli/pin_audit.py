"""`sipctl pin audit`: apart from the other PIN commands, which need neither the doctor nor LiveKit's SDK."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sipctl.cli.endings import finish
from sipctl.cli.examine import level_named
from sipctl.cli.pins import ask_livekit
from sipctl.cli.session import Session
from sipctl.cli.views.audit import AuditView
from sipctl.cli.views.report import ReportView
from sipctl.doctor.gather import wrong_pins
from sipctl.doctor.runner import Plan, examine_pins
from sipctl.findings import Area
from sipctl.operations.pins import PinFacts, pin_facts, policy_of, shared_pins
from sipctl.telephony.exposure import Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """What the options of `pin audit` say."""

    only: Sequence[str]
    skip: Sequence[str]
    also_profiles: Sequence[str]
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
    facts = replace(facts, shared=tuple(_shared(session, wanted, facts)), target=wanted.target)
    wrong = asyncio.run(wrong_pins(session.settings, session.options.timeout))
    report = examine_pins(session.settings, facts, live, wrong, plan)
    rules = len({rule.pin for rule in live.rules if rule.pin}) if live else None
    exposures = {
        name: Exposure(policy=facts.policy, live=count, lines=wanted.lines, seconds_per_call=wanted.seconds_per_call)
        for name, count in (("live rules", rules), ("every room", facts.in_use))
        if count is not None
    }
    session.emit(AuditView(ReportView(report, "pin_audit"), exposures, wanted.target))
    finish(session, code=report.exit_code)


def _shared(session: Session, wanted: Auditing, facts: PinFacts) -> Iterator[tuple[str, str, str]]:
    for profile in wanted.also_profiles:
        with session.registry(session.settings_of(profile)) as other:
            yield from shared_pins(profile, other, facts.holdings)
