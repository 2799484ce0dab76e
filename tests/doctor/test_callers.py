"""What the doctor says of those who call: its verdict, `reach`, and the findings of rooms that no one gets into."""

import asyncio
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from sipctl.config.model import Telephony
from sipctl.doctor.live import Sources, examine
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan
from sipctl.errors import ExitCode
from sipctl.findings.record import Finding, Level
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.peers.hostile import Answer, hostile
from tests.support.planting import (
    OTHER_PIN,
    PIN,
    PROVIDER,
    Server,
    diagnose,
    healthy,
    plant_rule,
    plant_trunk,
    settings_for,
)
from tests.support.running import env_of, run

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "findings.v1.json"
Plant = Callable[[Server], object]
OF_CALLERS = {"RUL407", "RUL421", "RUL422"}


def of_callers(report: Report) -> list[Finding]:
    """The findings that are about those who call."""
    shown = {Level.ERROR, Level.WARN, Level.INFO, Level.UNKNOWN}
    return [one for one in report.findings if one.code in OF_CALLERS and one.level in shown]


def rule(room: str = "standup", pin: str = PIN, **fields: Any) -> Plant:
    return lambda server: plant_rule(server, "SDR_1", room, pin, **({"trunk_ids": ["ST_provider"]} | fields))


def two_providers(server: Server) -> None:
    plant_trunk(server, "ST_other", **(PROVIDER | {"allowed_addresses": ["198.51.100.7"]}))
    rule()(server)


LOST: dict[str, tuple[Plant, str, str]] = {
    "no rule": (lambda _server: None, "RUL421", "hear ringing without end, because no rule leads there"),
    "another trunk": (rule(trunk_ids=["ST_b"]), "RUL422", "its rule serves only trunk ST_b (which does not exist)"),
    "another number": (rule(numbers=["0170189900"]), "RUL422", "its rule takes only calls to [\"0170189900\"]"),
    "its name": (rule(room="retro", name="SIP_standup"), "RUL407", "the rule of its name leads elsewhere: SDR_1"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_an_attended_room_that_callers_do_not_get_into_is_an_error(livekit: Server, name: str) -> None:
    plant, code, why = LOST[name]
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    livekit.join("standup", "alice")
    plant(livekit)
    report = diagnose(settings_for(livekit))
    (found,) = of_callers(report)
    assert (found.code, found.level, report.exit_code) == (code, Level.ERROR, ExitCode.FINDINGS)
    assert why in found.detail
    assert report.verdict.startswith("0 of 1 rooms with people in them can be called; callers of 'standup' ")
    (row,) = report.reach or ()
    assert (row.room, row.attended, row.outcome.value, row.cause and row.cause.code) == (
        "standup", True, "unreachable", code,
    )  # fmt: skip


def test_the_verdict_is_the_sum_of_the_rooms(sandbox: Sandbox) -> None:
    healthy(sandbox)
    for at, room in enumerate(("daily", "lobby", "retro", "weekly")):
        sandbox.join(room, "bob")
        pin, trunk_ids = ("" if room == "lobby" else f"55{at}9"), ["ST_b" if room == "retro" else "ST_provider"]
        if room != "daily":
            plant_rule(sandbox, f"SDR_{at}", room, pin, trunk_ids=trunk_ids)
    verdict = diagnose(settings_for(sandbox)).verdict
    assert verdict.startswith(
        "3 of 5 rooms with people in them can be called; callers of 'daily' are asked for a PIN that does not exist,"
        " because no rule leads there (and 1 more room); callers of 'lobby' get in without a PIN, by # alone: SDR_1"
    )


def test_while_telephony_is_off_it_is_information(livekit: Server) -> None:
    livekit.join("standup", "alice")
    for given, roomkit, level in (
        ({"ROOM_TELEPHONY_ENABLED"}, False, Level.INFO),
        ({"ROOM_TELEPHONY_ENABLED"}, True, Level.ERROR),
        (set(), False, Level.ERROR),
    ):
        telephony = Telephony(enabled=False, roomkit=roomkit, given=frozenset(given))
        report = diagnose(settings_for(livekit, telephony=telephony))
        assert [one.level for one in of_callers(report)] == [level]
        assert report.exit_code is (ExitCode.DONE if level is Level.INFO else ExitCode.FINDINGS)
        assert report.verdict.startswith("Telephony is off: ") is (level is Level.INFO)


def test_what_depends_is_a_warning(livekit: Server) -> None:
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    livekit.join("standup", "alice")
    for plant, on in (
        (two_providers, "get in from 192.0.2.0/24; those from 198.51.100.7 hear ringing"),
        (rule(inbound_numbers=["+33612345678"]), "only if a list names them, as it does +33612345678"),
    ):
        plant(livekit)  # fmt: skip
        report = diagnose(settings_for(livekit), skip=frozenset({"TRK"}))
        (found,) = of_callers(report)
        assert (found.code, found.level, report.exit_code) == ("RUL422", Level.WARN, ExitCode.DONE)
        assert on in found.detail
        assert on in report.verdict
        if isinstance(livekit, Sandbox):
            livekit.store.inbound.pop("ST_other", None)
        else:
            break  # the real server was shown one of the two


def test_no_one_is_missed_in_a_room_without_people(livekit: Server) -> None:
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    livekit.join("standup", "sip_+33612345678", kind="SIP")
    report = diagnose(settings_for(livekit))
    assert of_callers(report) == []
    assert [(row.attended, row.outcome.value) for row in report.reach or ()] == [(False, "unreachable")]
    assert report.verdict.startswith("Ready; no one is in a meeting")


def test_a_room_of_a_name_that_this_backend_never_makes(livekit: Server) -> None:
    plant_trunk(livekit, "ST_provider", **PROVIDER)
    livekit.join("aaa-bbbb-ccc", "alice")
    report = diagnose(settings_for(livekit, room_pattern="[0-9a-f-]{36}"))
    (found,) = of_callers(report)
    assert (found.code, found.level, report.exit_code, report.reach) == ("RUL421", Level.INFO, ExitCode.DONE, ())
    shown = "someone is in 'aaa-bbbb-ccc', and this backend never makes a rule for a room of such a name"
    assert shown in report.verdict
    assert "never makes a rule" in found.detail


@pytest.mark.parametrize("method", ["ListSIPInboundTrunk", "ListSIPDispatchRule"])
def test_a_list_that_cannot_be_read_leaves_the_outcome_unknown(sandbox: Sandbox, method: str) -> None:
    healthy(sandbox)
    sandbox.fault(f"status=503@{method}")
    report = diagnose(settings_for(sandbox))
    assert report.exit_code is ExitCode.UNCHECKED
    assert [row.outcome.value for row in report.reach or ()] == ["unknown"]
    assert report.verdict.startswith("Whether callers get in could not be checked: ")


def test_a_rule_that_comes_a_moment_later_is_no_fault(sandbox: Sandbox) -> None:
    plant_trunk(sandbox, "ST_provider", **PROVIDER)
    sandbox.join("standup", "alice")
    sandbox.fault("empty-list@ListSIPDispatchRule", times=1)
    rule()(sandbox)
    report = diagnose(settings_for(sandbox), settle_s=0.05)
    assert of_callers(report) == []
    assert report.verdict.startswith("1 of 1 rooms with people in them can be called.")


def test_a_room_that_starts_between_two_observations_is_not_missed_yet(sandbox: Sandbox) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "ended", OTHER_PIN, trunk_ids=["ST_provider"])  # so that there is a second one

    def between(_line: str) -> None:
        sandbox.join("late", "bob")

    report = asyncio.run(examine(Sources(settings=settings_for(sandbox)), (), Plan(settle_s=0.05), between))
    outcomes = {row.room: row.outcome.value for row in report.reach or ()}
    assert outcomes == {"late": "unreachable", "standup": "reachable"}
    assert of_callers(report) == []
    assert report.verdict.startswith("1 of 1 rooms with people in them can be called.")


def test_the_json_holds_reach(livekit: Server) -> None:
    healthy(livekit)
    livekit.join("retro", "bob")
    schema = json.loads(SCHEMA.read_text())
    for words in ((), ("--only", "RUL421")):
        report = json.loads(run("doctor", "--settle", "0", *words, "-o", "json", env=env_of(livekit)).stdout)
        jsonschema.validate(report, schema)
        assert report["reach"] == [
            {"room": "retro", "attended": True, "outcome": "unreachable", "number": PROVIDER["numbers"][0],
             "rule": None, "code": "RUL421"},
            {"room": "standup", "attended": True, "outcome": "reachable", "number": PROVIDER["numbers"][0],
             "rule": "SDR_standup", "code": None},
        ]  # fmt: skip
    report = json.loads(run("doctor", "--only", "TRK", "-o", "json", env=env_of(livekit)).stdout)
    assert report["reach"] == []  # no one asked


def busy(times: int) -> Answer:
    """Under load so often, then well."""
    answers = iter([web.Response(status=429, text="UnderLoad") for _ in range(times)])

    async def answer(_request: web.Request) -> web.StreamResponse:
        return next(answers, None) or web.Response(text="OK")

    return answer


def test_a_node_under_load_is_asked_again_and_still_takes_calls(sandbox: Sandbox) -> None:
    healthy(sandbox)
    for times, levels in ((1, []), (9, [Level.WARN])):
        with hostile(busy(times)) as node:
            report = diagnose(settings_for(sandbox, sip_health_url=node.url))
            assert len(node.paths) == 2
        found = [one.level for one in report.findings if one.code == "SIP705" and one.level is not Level.OK]
        assert (found, report.exit_code) == (levels, ExitCode.DONE)
        assert report.verdict.startswith("1 of 1 rooms with people in them can be called.")


def test_a_registry_that_cannot_be_read_leaves_the_outcome_unknown(sandbox: Sandbox) -> None:
    healthy(sandbox)
    env = env_of(sandbox, SIPCTL_REGISTRY_URL="postgresql://nobody@127.0.0.1:1/none")
    ended = run("doctor", "--settle", "0", "-o", "json", env=env)
    report = json.loads(ended.stdout)
    assert [row["outcome"] for row in report["reach"]] == ["unknown"]
    assert report["verdict"].startswith("Whether callers get in could not be checked: ")
    assert ended.code == ExitCode.UNCHECKED


FIXED: dict[str, tuple[Plant, ...]] = {
    "RUL421": (lambda server: server.join("standup", "alice"),),
    "RUL422 trunk": (lambda server: server.join("standup", "alice"), rule(trunk_ids=["ST_b"])),
    "RUL422 number": (lambda server: server.join("standup", "alice"), rule(numbers=["0170189900"])),
    "RUL407": (lambda server: server.join("standup", "alice"), rule(room="retro", name="SIP_standup")),
    "RUL403": (
        lambda server: server.join("standup", "alice"),
        lambda server: plant_rule(server, "SDR_f", "front", OTHER_PIN, name="theirs", trunk_ids=["ST_provider"]),
        rule(pin=""),
    ),
    "RUL401": (
        healthy,
        lambda server: plant_rule(server, "SDR_z", "ended", PIN, trunk_ids=["ST_provider"]),
    ),
    "RUL408": (lambda server: server.join("standup", "alice"), rule(inbound_numbers=["+33170189900"])),
    "RUL412": (healthy, lambda server: plant_rule(server, "SDR_z", trunk_ids=["ST_provider"])),
}


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("registry", [False, True])
def test_the_fix_lets_callers_in(sandbox: Sandbox, name: str, *, registry: bool) -> None:
    """By the one line that is printed, the finding goes, and the meeting can be called."""
    env = env_of(sandbox, ROOM_TELEPHONY_PHONE_NUMBER="+33170189900")
    plant_trunk(sandbox, "ST_provider", **PROVIDER)
    for plant in FIXED[name]:
        plant(sandbox)
    if registry:
        pin = b"" if name in {"RUL421", "RUL403"} else PIN.encode()
        own = ("--pin-stdin", "--no-live") if pin else ("--no-live",)
        assert run("pin", "assign", "standup", *own, env=env, stdin=pin).code == 0
    before = json.loads(run("doctor", "--settle", "0", "-o", "json", env=env).stdout)
    assert [row["outcome"] for row in before["reach"]] != ["reachable"]
    code = name.split(maxsplit=1)[0]
    (found,) = (one for one in before["findings"] if one["code"] == code and one["level"] == "error")
    assert found["fix"]["command"]
    for line in found["fix"]["command"].split(" && "):
        words: tuple[str, ...] = tuple(shlex.split(line)[1:])
        ended = run(*words, env=env, stdin=PIN.encode() if "--pin-stdin" in words else b"")
        assert ended.code == 0, (line, ended)
    after = json.loads(run("doctor", "--settle", "0", "-o", "json", env=env).stdout)
    assert [row["outcome"] for row in after["reach"]] == ["reachable"], after["verdict"]
    assert not [one for one in after["findings"] if one["code"] == code and one["level"] == "error"]


MEET = Path(__file__).parents[1] / "data" / "meet"


@pytest.mark.parametrize("from_env", [True, False])
def test_a_room_of_meets_that_is_named_by_its_slug(sandbox: Sandbox, tmp_path: Path, *, from_env: bool) -> None:
    """Meet lets such rooms exist, and makes rules for UUIDs alone: no meeting has to be started."""
    plant_snapshot(sandbox.store, (MEET / "slug-room.json").read_text())
    sandbox.join("aaa-bbbb-ccc", "alice")
    env, words = env_of(sandbox), ["doctor", "--settle", "0", "-o", "json"]
    if from_env:
        named = (line.split("=", 1) for line in (MEET / "slug-room.env").read_text().splitlines() if "=" in line)
        env = {name: value for name, value in named if not name.startswith("LIVEKIT_")} | env
    else:
        config = tmp_path / "config.toml"
        config.write_text(f'[profiles.meet]\nenv_files = ["{MEET / "slug-room.env"}"]\n')
        env["SIPCTL_CONFIG"] = str(config)
    report = json.loads(run(*words, env=env).stdout)
    shown = "this backend never makes a rule for a room of such a name"
    assert shown in report["verdict"]
    assert report["reach"] == []
    described = run("rules", "explain", "--from", "+33612345678", env=env).stdout
    assert f"note    room 'aaa-bbbb-ccc' is live, and {shown}" in described
    assert "start the meeting" not in described
