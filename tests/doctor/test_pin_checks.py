"""Every PIN check: a fault planted in the registry or beside it, found by its code; a clean registry gives nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.config.model import Settings
from sipctl.doctor.facts import Answer
from sipctl.doctor.live import Sources
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan, examine_pins
from sipctl.errors import UncheckedError
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area, Finding, Level
from sipctl.lkapi.health import WrongPins
from sipctl.operations.pins import pin_facts
from sipctl.operations.snapshot import Live
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import PinPolicy
from sipctl.telephony.registered import Holding
from tests.support.desk import Desk
from tests.support.homes import Home, opened
from tests.support.peers.hostile import hostile, says
from tests.support.planting import settings_for

GOOD, OTHER = "5029384756", "7703158264"
RULE = DispatchRule(sip_dispatch_rule_id="SDR_a", name="SIP_a", room_name="a", pin=GOOD)
QUIET = Answer(value=WrongPins(0, 24))
METRICS = """\
# TYPE livekit_sip_calls_terminated counter
livekit_sip_calls_terminated{dir="inbound",reason="wrong-pin",result="client_error",to="sip.example.org"} 700
livekit_sip_calls_terminated{dir="inbound",reason="wrong-pin",result="client_error",to="unknown"} 20
livekit_sip_calls_terminated{dir="inbound",reason="hangup",result="success",to="sip.example.org"} 9000
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1e9
"""


def old(home: Home) -> None:
    home.clock.advance(-400)
    home.registry.give([("old", OTHER)])
    home.clock.advance(400)


def given(pin: str) -> Callable[[Home], object]:
    return lambda home: home.registry.give([("b", pin)])


PLANTED: dict[str, Callable[[Home], object]] = {
    "PIN502": given("770315826"),
    "PIN503": given("77031 8264"),
    "PIN504": given("77031582647703158"),
    "PIN507": given("1111111111"),
    "PIN508": old,
    "PIN509": given(f"{GOOD}12"),
    "PIN510": lambda home: home.registry.begin_rotation("a", GOOD, OTHER),
}
ALSO = {"PIN504": {"PIN502"}, "PIN509": {"PIN502"}, "PIN510": {"PIN505"}}
"""Codes that a planted fault brings with it."""


@pytest.fixture
def home(tmp_path: Path) -> object:
    with opened("sqlite", tmp_path, None) as one:
        one.registry.give([("a", GOOD)])
        yield one


def audited(home: Home, *rules: DispatchRule, wrong: Answer[WrongPins] = QUIET) -> Report:
    facts = pin_facts(home.registry, PinPolicy(), Settings())
    live = Live(rules=rules or (RULE,), rooms=frozenset({"a"}))
    return examine_pins(Settings(), facts, live, wrong, Plan(only=frozenset({Area.PINS.value})))


def problems(report: Report) -> dict[str, Finding]:
    shown = {Level.ERROR, Level.WARN, Level.UNKNOWN, Level.INFO}
    return {finding.code: finding for finding in report.findings if finding.level in shown}


def test_a_clean_registry(home: Home) -> None:
    report = audited(home)
    assert problems(report) == {}
    assert {finding.code for finding in report.findings} == {code for code in CODES if code.startswith("PIN")}
    assert report.verdict == "Nothing wrong with the PINs."


@pytest.mark.parametrize("code", PLANTED)
def test_planted(home: Home, code: str) -> None:
    PLANTED[code](home)
    found = problems(audited(home))
    assert code in found
    assert set(found) <= {code} | ALSO.get(code, set())
    assert found[code].level is CODES[code].level
    for pin in (GOOD, OTHER, "1111111111"):
        assert pin not in str(found)


def test_a_room_of_meets_without_a_pin(tmp_path: Path, postgres: object) -> None:
    with opened("meet", tmp_path, postgres) as meet:  # type: ignore[arg-type]
        finding = problems(audited(meet, RULE))["PIN501"]
    assert finding.fix
    assert str(finding.fix.command).startswith("sipctl pin assign 00000000-")


def test_a_rule_with_another_pin(home: Home) -> None:
    assert problems(audited(home, replace(RULE, pin=OTHER)))["PIN505"].resource == "rule SDR_a"
    foreign = replace(RULE, sip_dispatch_rule_id="SDR_f", name="theirs", room_name="other")
    fix = problems(audited(home, RULE, foreign))["PIN506"].fix
    assert fix
    rotate = "sipctl pin rotate a --allow foreign --allow live-room"
    assert str(fix.command) == f"{rotate} && sipctl rules sync --room a --apply"


def test_a_rule_that_accepts_a_pin_in_quarantine(home: Home) -> None:
    home.registry.retire(Holding(room="a", pin=GOOD))
    foreign = replace(RULE, sip_dispatch_rule_id="SDR_f", name="theirs")
    elsewhere = replace(foreign, sip_dispatch_rule_id="SDR_e", room_name="other")

    def command_for(rule: DispatchRule) -> str:
        found = problems(audited(home, rule))["PIN514"]
        assert found.resource == f"rule {rule.sip_dispatch_rule_id}"
        assert found.fix
        return str(found.fix.command)

    assert command_for(RULE) == "sipctl pin assign a"
    assert command_for(foreign) == "sipctl rules delete SDR_f --allow foreign --allow live-room"
    assert command_for(elsewhere) == "None"
    home.registry.give([("a", OTHER)])
    assert command_for(RULE) == "sipctl rules sync --room a --apply"
    home.clock.advance(400)
    assert "PIN514" not in problems(audited(home, foreign))


def test_wrong_pins_beyond_the_budget(home: Home) -> None:
    finding = problems(audited(home, wrong=Answer(value=WrongPins(50_000, 24))))["PIN511"]
    assert finding.level is Level.WARN
    assert finding.evidence.observed == "2083.33 an hour"
    unknown = audited(home, wrong=Answer(error=UncheckedError("nobody answers")))
    assert problems(unknown)["PIN511"].level is Level.UNKNOWN


def test_what_the_sip_node_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    desk = Desk(server=sandbox, folder=tmp_path)

    def counted(url: str) -> Answer[WrongPins]:
        return asyncio.run(Sources(settings=settings_for(desk.server, sip_metrics_url=url), timeout_s=5).wrong_pins())

    with hostile(says(200, METRICS, "text/plain")) as node:
        value = counted(node.url).get()
    assert (value.count, value.hours > 200_000, 0 < value.per_hour < 1) == (720, True, True)
    with hostile(says(200, "<html>hello</html>")) as page:
        assert counted(page.url).error
    assert counted("http://127.0.0.1:9").error
    assert asyncio.run(Sources(settings=settings_for(desk.server)).wrong_pins()).not_asked
