"""Every check of trunks, rules and the API: a fault planted in the sandbox and in the real server, found by code."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipctl.config.model import Telephony
from sipctl.errors import ExitCode
from sipctl.findings.record import Fix, Level
from sipctl.sandbox.server import Sandbox
from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode
from tests.support.peers.livekit import running_livekit
from tests.support.planting import (
    OTHER_PIN,
    PIN,
    PROVIDER,
    Server,
    codes,
    diagnose,
    healthy,
    plant_rule,
    plant_trunk,
    problems,
    settings_for,
)
from tests.support.relay import Relay
from tests.support.running import env_of, run

Act = Callable[[Server], object]


def trunk(**fields: Any) -> Act:
    """Another trunk."""
    return lambda server: plant_trunk(server, "ST_z", **fields)


def rule(room: str = "standup", pin: str = OTHER_PIN, **fields: Any) -> Act:
    """Another rule."""
    return lambda server: plant_rule(server, "SDR_z", room, pin, **({"trunk_ids": ["ST_provider"]} | fields))


def only_trunk(**fields: Any) -> Act:
    """The provider's trunk with other fields."""
    return lambda server: plant_trunk(server, "ST_provider", **(PROVIDER | fields))


def by_phone_alone(server: Server) -> None:
    server.join("lonely", "sip_+33612345678", kind="SIP")


def two_wildcards(server: Server) -> None:
    plant_trunk(server, "ST_y", allowed_addresses=["192.0.2.0/24"])
    plant_trunk(server, "ST_z", allowed_addresses=["192.0.2.0/24"])


PLANTED: dict[str, Act] = {
    "TRK302": two_wildcards,
    "TRK303": only_trunk(numbers=["01 70 18 99 00"]),
    "TRK304": only_trunk(numbers=["+33170189901"]),
    "TRK305": only_trunk(allowed_addresses=[]),
    "TRK306": only_trunk(allowed_addresses=["0.0.0.0/0"]),
    "TRK308": trunk(**PROVIDER),
    "TRK309": rule(room="standup", pin=OTHER_PIN, trunk_ids=[]),
    "TRK310": trunk(numbers=["+33170189902"], allowed_addresses=["198.51.100.7"]),
    "TRK311": only_trunk(allowed_addresses=["192.0.2.0/24", "192.0.2.7:5060"]),
    "TRK312": only_trunk(auth_username="meet"),
    "TRK313": trunk(**(PROVIDER | {"allowed_numbers": ["+33612345678"]})),
    "TRK314": only_trunk(allowed_addresses=["192.0.2.7, 192.0.2.8"]),
    "TRK315": only_trunk(allowed_addresses=["192.0.2.0/24", "sip.example.com"]),
    "RUL401": rule(room="other", pin=PIN),
    "RUL402": rule(pin="", numbers=["+33170189900"]),
    "RUL403": rule(pin="", inbound_numbers=[], trunk_ids=["ST_provider"]),
    "RUL404": rule(pin="None"),
    "RUL405": rule(room="ended"),
    "RUL407": rule(name="SIP_other"),
    "RUL408": rule(inbound_numbers=["+33170189900"]),
    "RUL409": rule(name="someone else's"),
    "RUL411": rule(),
    "RUL412": rule(room="", trunk_ids=[]),
    "RUL413": rule(hide_phone_number=True),
    "RUL414": rule(trunk_ids=["ST_gone"]),
    "RUL416": by_phone_alone,
    "RUL417": rule(room="other", pin=PIN, numbers=["+33170189900"]),
    "RUL418": rule(numbers=["33170189900"]),
    "RUL419": rule(numbers=["+33170189901"]),
    "RUL420": rule(pin=PIN, trunk_ids=[], numbers=["+33170189900"]),
}


def test_a_healthy_server_gives_nothing_above_info(livekit: Server) -> None:
    healthy(livekit)
    report = diagnose(settings_for(livekit))
    assert problems(report) == []
    assert report.exit_code is ExitCode.DONE
    assert report.verdict == "1 of 1 rooms with people in them can be called. SIP node not checked."


def test_an_idle_server_is_ready(livekit: Server) -> None:
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    report = diagnose(settings_for(livekit))
    assert codes(report) == {"RUL410"}
    assert report.exit_code is ExitCode.DONE
    assert report.verdict.startswith("Ready; no one is in a meeting, so a caller hears ringing now.")


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found(livekit: Server, code: str) -> None:
    healthy(livekit)
    PLANTED[code](livekit)
    report = diagnose(settings_for(livekit))
    hits = [finding for finding in problems(report) if finding.code == code]
    assert hits
    assert all(PIN not in str(finding) and OTHER_PIN not in str(finding) for finding in report.findings)
    expected = ExitCode.FINDINGS if any(one.level is Level.ERROR for one in problems(report)) else ExitCode.DONE
    assert report.exit_code is expected


def test_rules_of_a_room_for_other_calls_are_no_fault(livekit: Server) -> None:
    healthy(livekit)
    plant_trunk(livekit, "ST_other", numbers=["+49301234567"], allowed_addresses=["192.0.2.0/24"])
    rule(pin=PIN, trunk_ids=["ST_other"])(livekit)
    assert not codes(diagnose(settings_for(livekit))) & {"RUL411", "RUL420"}
    rule(pin=PIN, trunk_ids=[])(livekit)
    assert "RUL411" in codes(diagnose(settings_for(livekit)))


COMMANDED = ("RUL401", "RUL402", "RUL403", "RUL405", "RUL408", "RUL412", "RUL413", "RUL418", "TRK308")


@pytest.mark.parametrize("code", COMMANDED)
def test_the_command_of_a_finding_repairs_it(livekit: Server, code: str) -> None:
    healthy(livekit)
    PLANTED[code](livekit)
    before = diagnose(settings_for(livekit))
    commands = [one.fix.command for one in before.findings if one.code == code and one.fix and one.fix.command]
    assert commands
    for command in commands:
        assert run(*command.argv, env=env_of(livekit)).code == ExitCode.DONE
    assert code not in codes(diagnose(settings_for(livekit)))
    assert "standup" in _rooms_with_rules(livekit)


def _rooms_with_rules(server: Server) -> list[str]:
    items = json.loads(run("rules", "list", "-o", "json", env=env_of(server)).stdout)["items"]
    return [inner["room_name"] for item in items for inner in (item["rule"] or {}).values()]


def test_the_rule_of_a_live_room_is_the_one_to_keep(livekit: Server) -> None:
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    livekit.join("standup", "alice")
    plant_rule(livekit, "SDR_a", "ended", PIN, trunk_ids=["ST_provider"])
    plant_rule(livekit, "SDR_b", "standup", PIN, trunk_ids=["ST_provider"])
    (finding,) = (one for one in diagnose(settings_for(livekit)).findings if one.code == "RUL401")
    assert finding.fix
    assert str(finding.fix.command) == "sipctl rules delete SDR_a"


def test_the_trunk_that_rules_name_is_the_one_to_keep(livekit: Server) -> None:
    healthy(livekit)
    plant_trunk(livekit, "ST_a", **PROVIDER)
    (finding,) = (one for one in diagnose(settings_for(livekit)).findings if one.code == "TRK308")
    assert finding.fix
    assert str(finding.fix.command) == "sipctl trunk delete ST_a"


def test_every_finding_with_a_command_is_in_the_list(sandbox: Sandbox) -> None:
    commanded = set()
    for code, act in PLANTED.items():
        sandbox.store.rules.clear()
        sandbox.store.inbound.clear()
        healthy(sandbox)
        act(sandbox)
        findings = diagnose(settings_for(sandbox)).findings
        commanded |= {one.code for one in findings if one.code == code and one.fix and one.fix.command}
    assert commanded == set(COMMANDED)


def test_no_trunk_at_all(livekit: Server) -> None:
    assert "TRK301" in codes(diagnose(settings_for(livekit)))


def test_owned_rules_while_telephony_is_off(livekit: Server) -> None:
    healthy(livekit)
    off = Telephony(enabled=False, given=frozenset({"ROOM_TELEPHONY_ENABLED"}))
    assert "RUL415" in codes(diagnose(settings_for(livekit, telephony=off)))


def test_wrong_key_and_wrong_secret(livekit: Server) -> None:
    settings = settings_for(livekit)
    for fields in ({"api_key": "nobody"}, {"api_secret": type(livekit.api_secret)("another-secret-of-32-characters-")}):
        report = diagnose(replace(settings, connection_or_none=replace(settings.connection, **fields)))
        assert "API202" in codes(report)
        assert report.exit_code is ExitCode.FINDINGS
        assert report.verdict.startswith("Whether callers get in could not be checked: ")


def test_a_proxy_that_drops_the_token(livekit: Server) -> None:
    healthy(livekit)
    settings = settings_for(livekit)
    with Relay(livekit.url, drops_tokens=True) as relay:
        report = diagnose(replace(settings, connection_or_none=replace(settings.connection, url=relay.url)))
    found = {one.resource: one for one in report.findings if one.code == "API203"}
    assert found.keys() == {"grant sip.admin", "grant video.roomList", "grant video.roomAdmin"}
    assert "dropped the Authorization header" in (found["grant sip.admin"].fix or Fix(text="")).text
    assert not {"API201", "API202"} & codes(report)
    assert report.exit_code is ExitCode.FINDINGS


def test_the_version_is_not_guessed(livekit: Server) -> None:
    (found,) = (one for one in diagnose(settings_for(livekit)).findings if one.code == "API206")
    assert found.level is Level.SKIPPED
    assert "only to those who join a room" in found.detail


def test_a_server_that_is_down(livekit: Server) -> None:
    settings = settings_for(livekit)
    dead = replace(settings.connection, url="http://127.0.0.1:1")
    report = diagnose(replace(settings, connection_or_none=dead))
    assert {one.level for one in report.findings if one.code == "API201"} == {Level.UNKNOWN}
    assert report.exit_code is ExitCode.UNCHECKED
    assert report.verdict.startswith(
        "Whether callers get in could not be checked: cannot connect to http://127.0.0.1:1"
    )
    elsewhere = replace(settings.connection, url="http://nowhere.invalid")
    report = diagnose(replace(settings, connection_or_none=elsewhere))
    assert report.verdict.startswith("Whether callers get in could not be checked: cannot resolve 'nowhere.invalid'.")


def test_rooms_that_no_one_can_enter_do_not_count(livekit: Server) -> None:
    healthy(livekit)
    plant_rule(livekit, "SDR_y", "ended", OTHER_PIN, trunk_ids=["ST_provider"])
    plant_rule(livekit, "SDR_z", "lobby", "778899", trunk_ids=["ST_gone"])
    assert diagnose(settings_for(livekit)).verdict.startswith("1 of 1 rooms with people in them can be called.")


def test_an_error_is_reported_in_the_caller_s_terms(sandbox: Sandbox) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "other", "None", trunk_ids=["ST_provider"])
    verdict = diagnose(settings_for(sandbox)).verdict
    assert "the PIN of room 'other' lets no one in: it is the word None" in verdict
    assert "For callers: The PIN prompt, and no PIN that opens this room." in verdict


@pytest.mark.parametrize(
    ("pin", "level", "described"),
    [
        ("None", "error", "lets no one in: it is the word None"), ("12ab", "error", "no one in: it is 4 characters"),
        ("1" * 17, "error", "lets no one in: it is 17 digits"), ("12#4", "error", "lets no one in"),
        ("123", "warn", "can be typed, but is 3 digits"), ("12*4", "warn", "can be typed, but is 4 characters"),
        ("1234", None, ""), ("1" * 16, None, ""),
    ],
)  # fmt: skip
def test_pins_that_a_phone_can_and_cannot_enter(sandbox: Sandbox, pin: str, level: str | None, described: str) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "other", pin, trunk_ids=["ST_provider"])
    found = [one for one in diagnose(settings_for(sandbox)).findings if one.code == "RUL404" and one.level != "ok"]
    assert [one.level for one in found] == ([level] if level else [])
    assert all(described in one.detail for one in found)


def test_clocks_that_differ(sandbox: Sandbox) -> None:
    sandbox.advance(30)
    assert {finding.level for finding in diagnose(settings_for(sandbox)).findings if finding.code == "API204"} == {
        "warn"
    }
    sandbox.advance(30_000)
    report = diagnose(settings_for(sandbox))
    assert {"API202", "API204"} <= codes(report)


@pytest.mark.parametrize("fault", ["no-redis", "redis-lost"])
def test_sandbox_without_redis(sandbox: Sandbox, fault: str) -> None:
    sandbox.fault(fault)
    report = diagnose(settings_for(sandbox))
    assert "API205" in codes(report)
    assert "API201" not in codes(report)


def test_ghosts_in_the_sandbox(sandbox: Sandbox) -> None:
    healthy(sandbox)
    sandbox.store.rooms["standup"].ghost = True
    assert "API207" in codes(diagnose(settings_for(sandbox)))


@pytest.mark.real
def test_real_server_without_redis_and_with_a_lost_one(tmp_path: Path) -> None:
    need_real_server()
    (tmp_path / "a").mkdir()
    with running_livekit(tmp_path / "a", redis=False) as alone:
        assert "API205" in codes(diagnose(settings_for(alone)))
    (tmp_path / "b").mkdir()
    with running_livekit(tmp_path / "b") as server:
        assert server.redis
        server.redis.stop()
        assert "API205" in codes(diagnose(settings_for(server)))


@pytest.mark.real
def test_a_killed_server_leaves_ghosts(tmp_path: Path) -> None:
    need_real_server()
    with running_livekit(tmp_path) as server:
        healthy(server)
        server.crash()
        assert "API201" in codes(diagnose(settings_for(server)))
        assert server.redis
        server.redis.command(b"DEL", b"nodes")  # or the next server gives rooms to the dead node for some seconds
        server.start_server()
        report = diagnose(settings_for(server), deadline_s=40.0)
        assert [finding.resource for finding in report.findings if finding.code == "API207"] == ["room standup"]


@pytest.mark.real
def test_the_health_port_of_a_real_sip_node(real: Server, tmp_path: Path) -> None:
    need(sipnode.missing())
    assert not isinstance(real, Sandbox)
    with sipnode.running_sip_node(real, tmp_path) as node:
        url = node.health_url
        healthy(real)
        report = diagnose(settings_for(real, sip_health_url=url))
        assert {one.level for one in problems(report)} <= {Level.WARN}  # a busy machine is under load
        assert "not checked" not in report.verdict
    report = diagnose(settings_for(real, sip_health_url=url))
    assert codes(report) == {"SIP705"}
    assert report.verdict.startswith("Callers cannot get in")
