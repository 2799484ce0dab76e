"""`sipctl pin audit`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

from sipctl.cli.command import ReportCommand
from sipctl.cli.endings import finish
from sipctl.cli.options import FailOn, given_options
from sipctl.cli.pin.common import NoLive, ask_livekit, pin_registry
from sipctl.cli.report import ExposureRow, ReportView, level_named, report_record
from sipctl.cli.session import Session
from sipctl.doctor.runner import Plan, examine_pins, selected
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area, Level
from sipctl.operations.pins import PinFacts, pin_facts, policy_of, shared_pins
from sipctl.output.formats import name_lines
from sipctl.output.streams import Streams
from sipctl.output.text import escaped_json
from sipctl.telephony.explaining.wire import EARLY_DIGITS
from sipctl.telephony.exposure import Exposure, odds

KIND: Final = ReportCommand

_DAYS: Final = 30
_INLINE_S: Final = 0.01
"""How long livekit-sip takes to judge an INVITE, in seconds: measured 5 to 13 ms."""
_SHOWN: Final = (Level.ERROR, Level.WARN, Level.INFO)


def run(
    ctx: typer.Context,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="CODE", help="Only these codes.")] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CODE", help="All but these codes.")] = None,
    also_profile: Annotated[
        list[str] | None,
        typer.Option("--also-profile", metavar="NAME", help="Another profile that shares the LiveKit; repeatable."),
    ] = None,
    lines: Annotated[int, typer.Option(min=1, max=100_000, help="Calls that a guesser can make at a time.")] = 30,
    seconds_per_call: Annotated[float, typer.Option(min=0.1, max=3600, help="How long one guess takes.")] = 8.0,
    inline_pin: Annotated[
        bool, typer.Option("--inline-pin", help="The gateway takes a PIN from a header: a guess needs no call.")
    ] = False,
    target: Annotated[float, typer.Option(min=1e-12, max=1, help="The chance in 30 days that you accept.")] = 0.0001,
    no_live: NoLive = False,
    fail_on: FailOn = "error",
) -> None:
    """Check the PINs, and say how likely it is that someone guesses one.

    La Suite's own gateway takes a PIN from the header X-PIN. Where strangers reach its port, a guess takes as long as
    an answer, not as a call: --inline-pin counts so, unless --seconds-per-call says how long.

    \b
    Examples:
      sipctl pin audit
      sipctl pin audit --lines 100 --inline-pin
      sipctl pin audit --only PIN507 -o name
      sipctl pin audit --also-profile staging
    """
    session = Session.of(ctx)
    codes = [code for code in CODES if code.startswith(Area.PINS)]
    plan = Plan(only=selected(only or [Area.PINS], codes), skip=selected(skip, codes), fail_on=level_named(fail_on))
    plan.check_any_left(codes)
    live = ask_livekit(session, ask=not no_live)
    facts = replace(_facts(session, also_profile or ()), target=target)
    report = examine_pins(session.settings, facts, live, session.wrong_pins(), plan)
    in_use = {"live rules": len(live.pins - {""})} if live else {}
    seconds = _INLINE_S if inline_pin and "--seconds-per-call" not in given_options(ctx) else seconds_per_call
    exposures = {
        name: Exposure(policy=facts.policy, live=count, lines=lines, seconds_per_call=seconds)
        for name, count in (in_use | {"every room": facts.in_use}).items()
    }
    view = ReportView(report, "pin_audit", deployment=session.options.deployment)
    session.emit(_View(view, exposures, target, inline_pin=inline_pin))
    finish(session, code=report.exit_code)


def _facts(session: Session, also_profiles: Sequence[str]) -> PinFacts:
    """What the registry holds, and which of its PINs other profiles use, too."""
    with pin_registry(session) as registry:
        facts = pin_facts(registry, policy_of(session.settings), session.settings)
    return replace(facts, shared=tuple(_shared(session, also_profiles, facts)))


def _shared(session: Session, profiles: Sequence[str], facts: PinFacts) -> Iterator[tuple[str, str, str]]:
    for profile in profiles:
        with session.registry(session.settings_of(profile)) as other:
            yield from shared_pins(profile, other, facts.holdings)


@dataclass(frozen=True, slots=True)
class _View:
    """A report with a guesser's chances; `target` is the chance in 30 days that is accepted.

    `inline_pin` = the gateway takes a PIN from a header, so that a guess needs no call.
    """

    report: ReportView
    exposures: Mapping[str, Exposure]
    target: float
    inline_pin: bool = False

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The report as text; `name` gives the rooms concerned, ready for `pin rotate --stdin`."""
        if style == "json":
            record = report_record(self.report.report) | {"exposure": dict(self._figures())}
            yield escaped_json(json.dumps(record, ensure_ascii=False)) + "\n"
        elif style == "name":
            concerned = (one for one in self.report.report.findings if one.level in _SHOWN)
            rooms = (one.resource.removeprefix("room ") for one in concerned if one.resource.startswith("room "))
            yield from name_lines(dict.fromkeys(rooms), streams)
        else:
            yield from self.report.render(style, streams)
            if style == "table":
                yield from self._for_people()

    def _figures(self) -> Iterator[tuple[str, ExposureRow]]:
        for name, exposure in self.exposures.items():
            figures = ExposureRow(
                space=exposure.policy.space,
                pins=exposure.live,
                bits=round(exposure.bits, 1),
                lines=exposure.lines,
                seconds_per_call=exposure.seconds_per_call,
                chance_per_day=exposure.chance(1),
                chance_per_30_days=exposure.chance(_DAYS),
                target=self.target,
                minimum_length=exposure.minimum_length(_DAYS, self.target),
            )
            yield name, figures

    def _for_people(self) -> Iterator[str]:
        one = next(iter(self.exposures.values()))
        space = f"{one.policy.space:,} possible PINs"
        guess = "guess" if self.inline_pin else "call"
        yield f"\nA guesser with {one.lines} lines at {one.seconds_per_call:g} s a {guess}, {space}:\n"
        for name, figures in self._figures():
            length = figures["minimum_length"]
            enough = f"{length} digits keep that below" if length else "not even 16 digits keep that below"
            day, days = odds(figures["chance_per_day"]), odds(figures["chance_per_30_days"])
            yield (
                f"  {name}: {figures['pins']:,} PINs, {figures['bits']} bits; {day} of a hit within a day,"
                f" {days} within {_DAYS} days; {enough} {odds(self.target)}\n"
            )
        if self.inline_pin:
            yield (
                "  a wrong PIN in a header ends as flood, which PIN511 does not count: let a firewall or a proxy that"
                " takes X-PIN out of requests be before the gateway\n"
            )
        lengths = (one.policy.length, *(figures["minimum_length"] or 0 for _, figures in self._figures()))
        if max(lengths) >= EARLY_DIGITS:
            yield (
                f"  callers type a PIN of {EARLY_DIGITS} digits or more after the prompt: of the keys pressed during it"
                f" only the first {EARLY_DIGITS} count, and the # is lost\n"
            )
