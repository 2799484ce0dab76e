"""What the report says and ends with, on planted facts and by the command line."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sipctl.cli.report import report_junit
from sipctl.config.model import Ignored
from sipctl.doctor.checks import CHECKS
from sipctl.doctor.facts import Answer
from sipctl.doctor.live import Sources, examine
from sipctl.doctor.report import Report, make_report
from sipctl.doctor.runner import Plan
from sipctl.errors import ExitCode
from sipctl.findings.codes import CODES
from sipctl.findings.record import Level
from sipctl.sandbox.server import Sandbox
from tests.support.hostile_text import ANY_TEXT
from tests.support.needs import need_real_server
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import (
    OTHER_PIN,
    PIN,
    PROVIDER,
    codes,
    diagnose,
    healthy,
    plant_rule,
    plant_trunk,
    problems,
    settings_for,
)
from tests.support.relay import Relay
from tests.support.running import assert_error, clean_env, env_of, run

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
FORMATS = ("table", "json", "jsonl", "name", "junit", "prometheus")


def test_every_check_has_a_code_and_every_live_code_a_check() -> None:
    live = {code for code in CODES if not code.startswith(("CFG", "PRM"))}
    assert sorted(check.code for check in CHECKS) == sorted(live)


def test_suppressions_by_code_and_resource_and_their_dates(sandbox: Sandbox) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "ended", OTHER_PIN, trunk_ids=["ST_provider"])
    for resource in (None, "rule SDR_z", "SDR_z"):
        ignored = (Ignored(code="RUL405", reason="known", resource=resource),)
        assert "RUL405" not in codes(diagnose(settings_for(sandbox, ignored=ignored)))
    others = (Ignored(code="RUL405", reason="known", resource="SDR_y"),)
    assert "RUL405" in codes(diagnose(settings_for(sandbox, ignored=others)))
    expired = (Ignored(code="RUL405", reason="known", until=date(2020, 1, 1)), Ignored(code="RUL999", reason="typo"))
    assert {"RUL405", "CFG138"} <= codes(diagnose(settings_for(sandbox, ignored=expired)))


@given(ANY_TEXT, ANY_TEXT, st.sampled_from(Level))
def test_junit_is_xml_whatever_the_names(resource: str, detail: str, level: Level) -> None:
    finding = CODES["RUL405"].finding(resource, detail, level=level)
    report = make_report([finding], "", fail_on=Level.ERROR, ignored=())
    (case,) = ElementTree.fromstring(report_junit(report, "doctor")).iter("testcase")
    assert finding.title in str(case.get("name"))


def test_only_and_skip(sandbox: Sandbox) -> None:
    settings = settings_for(sandbox)
    report = diagnose(settings, only=frozenset({"TRK", "RUL410"}))
    assert {finding.code for finding in report.findings if finding.code[:3] != "TRK"} == {"RUL410"}
    report = diagnose(settings, skip=frozenset({"TRK"}))
    assert not [finding for finding in report.findings if finding.code.startswith("TRK")]


def test_only_what_is_needed_is_asked(sandbox: Sandbox) -> None:
    healthy(sandbox)
    settings = settings_for(sandbox)
    for words, methods in (
        ({"TRK302"}, {"ListSIPInboundTrunk"}), ({"RUL404"}, {"ListSIPDispatchRule"}), ({"CFG"}, set()),
        ({"API201"}, {"ListRooms"}), ({"RUL416"}, {"ListRooms", "ListParticipants", "SendData"}),
    ):  # fmt: skip
        sandbox.calls.clear()
        report = diagnose(settings, only=frozenset(words))
        assert {call.method for call in sandbox.calls} == methods
        assert not [finding for finding in report.findings if finding.level is Level.UNKNOWN]


def test_words_are_codes_and_areas_in_either_case(sandbox: Sandbox) -> None:
    ended = run("doctor", "--only", "trk", "--skip", "Trk309", "-o", "json", env=env_of(sandbox))
    codes_reported = {one["code"] for one in json.loads(ended.stdout)["findings"]}
    assert {code[:3] for code in codes_reported} == {"TRK"}
    assert "TRK309" not in codes_reported
    listed = run("doctor", "--list", "--only", "trk", "-o", "name")
    assert {code[:3] for code in listed.stdout.split()} == {"TRK"}


def test_a_run_of_some_checks_does_not_speak_for_callers(sandbox: Sandbox) -> None:
    healthy(sandbox)
    assert diagnose(settings_for(sandbox), only=frozenset({"TRK"})).verdict == "Nothing wrong in the checks asked for."
    plant_rule(sandbox, "SDR_z", "ended", "None")
    report = diagnose(settings_for(sandbox), only=frozenset({"RUL"}))
    assert report.verdict == "1 error and 1 warning in the checks asked for."


def test_fail_on(sandbox: Sandbox) -> None:
    settings = settings_for(sandbox)
    exits = {level: diagnose(settings, fail_on=level).exit_code for level in (Level.ERROR, Level.WARN, Level.INFO)}
    assert exits == {Level.ERROR: 0, Level.WARN: 1, Level.INFO: 1}


def test_what_passes_by_itself_is_looked_at_twice(sandbox: Sandbox) -> None:
    healthy(sandbox)
    sandbox.fault("empty-list@ListRooms", times=1)
    assert codes(diagnose(settings_for(sandbox), settle_s=0.1)) == set()
    sandbox.lift_faults()
    sandbox.fault("empty-list@ListRooms")
    assert codes(diagnose(settings_for(sandbox), settle_s=0.1)) == {"RUL405"}


def test_wait_until_healthy(sandbox: Sandbox) -> None:
    healthy(sandbox)
    sandbox.fault("status=503", times=4)
    report = diagnose(settings_for(sandbox), wait_s=20.0)
    assert report.exit_code is ExitCode.DONE


@pytest.mark.parametrize(
    ("method", "silent", "answered"),
    [
        ("ListSIPInboundTrunk", {"TRK301", "RUL414"}, {"RUL401", "RUL405", "API207"}),
        ("ListSIPDispatchRule", {"RUL401", "RUL405"}, {"TRK301"}),
        ("ListRooms", {"RUL405", "API207"}, {"TRK301", "RUL401", "RUL404"}),
        ("ListParticipants", {"RUL416"}, {"TRK301", "RUL401", "RUL405", "API201", "API207"}),
        ("SendData", {"API207"}, {"TRK301", "RUL401", "RUL405", "RUL416", "API201"}),
    ],
)
def test_a_hanging_question_ends_at_the_deadline_and_leaves_the_others_answered(
    sandbox: Sandbox, method: str, silent: set[str], answered: set[str]
) -> None:
    healthy(sandbox)
    sandbox.fault(f"hang@{method}")
    report = diagnose(settings_for(sandbox), deadline_s=0.5)
    unknown = {finding.code for finding in report.findings if finding.level is Level.UNKNOWN}
    assert silent <= unknown
    assert not answered & unknown
    assert "API201" not in codes(report)
    assert report.exit_code is ExitCode.UNCHECKED
    assert report.verdict.startswith("Whether callers get in could not be checked: no answer within 0.5 s.")


def test_both_looks_share_the_deadline(sandbox: Sandbox) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "ended", OTHER_PIN, trunk_ids=["ST_provider"])
    sandbox.fault("latency=400@ListRooms")
    started = time.monotonic()
    report = diagnose(settings_for(sandbox), deadline_s=0.6, settle_s=0.1)
    assert time.monotonic() - started < 1.5
    assert "RUL405" in {finding.code for finding in report.findings if finding.level is Level.UNKNOWN}


def test_ghosts_are_looked_for_once(sandbox: Sandbox) -> None:
    healthy(sandbox)
    sandbox.join("gone", "bob")
    sandbox.store.rooms["gone"].ghost = True
    plant_rule(sandbox, "SDR_z", "ended", OTHER_PIN, trunk_ids=["ST_provider"])
    report = diagnose(settings_for(sandbox), settle_s=0.05)
    assert {"API207", "RUL405"} <= codes(report)
    assert len([call for call in sandbox.calls if call.method == "SendData"]) == 3  # twice the ghost, once the other
    assert len([call for call in sandbox.calls if call.method == "ListSIPDispatchRule"]) == 2


def test_the_registry_is_read_beside_livekit(sandbox: Sandbox) -> None:
    begun, asked = threading.Event(), threading.Event()

    def read_pins() -> Answer[Any]:
        begun.set()
        assert asked.wait(20), "LiveKit is asked only once the registry was read"
        return Answer(not_asked="read")

    sources = Sources(settings=settings_for(sandbox), read_pins=read_pins)

    async def both() -> Report:
        task = asyncio.ensure_future(examine(sources, (), Plan(settle_s=0)))
        while not (sandbox.calls and begun.is_set()):  # noqa: ASYNC110 - two threads are waited for
            await asyncio.sleep(0.01)
        asked.set()
        return await task

    assert {one.detail for one in asyncio.run(both()).findings if one.code == "PIN501"} == {"read"}


def test_the_report_in_every_format(sandbox: Sandbox, tmp_path: Path) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "other", PIN, trunk_ids=["ST_provider"])
    env = env_of(sandbox)
    base = ("doctor", "--settle", "0")
    assert run(*base, env=env).stdout.startswith("0 of 1 rooms with people in them can be called; ")
    ended = run(*base, "-o", "json", env=env)
    assert ended.code == 1
    report = json.loads(ended.stdout)
    jsonschema.validate(report, json.loads((SCHEMAS / "findings.v1.json").read_text()))
    assert report["exit_code"] == 1
    assert sum(report["counts"].values()) == len(report["findings"])
    lines = run(*base, "-o", "jsonl", env=env).stdout.splitlines()
    assert len(lines) == len(report["findings"])
    assert "RUL401" in run(*base, "-o", "name", env=env).stdout.split()
    suite = ElementTree.fromstring(run(*base, "-o", "junit", env=env).stdout)
    assert suite.findall(".//failure")
    metrics = tmp_path / "sipctl.prom"
    text = run(*base, "-o", "prometheus", "--textfile", str(metrics), env=env).stdout
    for written in (text, metrics.read_text()):
        families = {family.name: family for family in text_string_to_metric_families(written)}
        assert families["sipctl_doctor_exit_code"].samples[0].value == 1
    assert list(tmp_path.glob("sipctl.prom*")) == [metrics]


def test_what_fails_the_run_fails_in_junit(sandbox: Sandbox) -> None:
    env = env_of(sandbox)  # no trunk: a warning
    for level, failures in (("error", 0), ("warn", 1)):
        ended = run("doctor", "--settle", "0", "--fail-on", level, "-o", "junit", env=env)
        assert ended.code == failures
        suite = ElementTree.fromstring(ended.stdout)
        assert [one.get("name", "")[:6] for one in suite.findall(".//failure/..")] == ["TRK301"] * failures


def test_a_finding_comes_with_evidence_and_fix(sandbox: Sandbox) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "other", "abc", trunk_ids=["ST_gone"])
    text = run("doctor", "--settle", "0", env=env_of(sandbox)).stdout
    assert "        seen: •••; expected: 4 to 16 digits\n        fix: give the room a PIN" in text
    assert "        expected: ids of inbound trunks\n" in text
    assert "source: " not in text
    text = run("doctor", "--settle", "0", "-v", env=env_of(sandbox)).stdout
    assert "source: ListSIPDispatchRule" in text
    idle = run("doctor", "--settle", "0", "--only", "RUL410", env=env_of(sandbox)).stdout
    assert "fix: " not in idle  # there is a rule
    sandbox.store.rules.clear()
    sandbox.leave("standup", "alice")
    assert "fix: nothing, if no meeting is on" in run("doctor", "--only", "RUL410", env=env_of(sandbox)).stdout


def test_a_text_file_that_cannot_be_written_does_not_take_the_report_along(sandbox: Sandbox) -> None:
    ended = run("doctor", "--settle", "0", "--textfile", "/nowhere/x.prom", env=env_of(sandbox))
    assert ended.code == ExitCode.UNCHECKED
    assert ended.stdout.startswith("Ready;")
    assert ended.stderr == "error: cannot write /nowhere/x.prom: No such file or directory\n"


def test_the_list_of_checks_needs_no_server() -> None:
    ended = run("doctor", "--list", "-o", "json")
    assert ended.code == 0
    assert {row["code"] for row in json.loads(ended.stdout)["items"]} == set(CODES)


@pytest.mark.parametrize("style", ["junit", "prometheus"])
def test_the_list_of_checks_is_no_report(style: str) -> None:
    assert_error(run("doctor", "--list", "-o", style), 2, style, "table, json, jsonl, name")


def test_bad_words() -> None:
    for words in (("--only", "RUL999"), ("--fail-on", "never"), ("-o", "xml"), ("--snapshot", "/nowhere")):
        assert_error(run("doctor", *words, env=clean_env()), 2)


@pytest.mark.parametrize(
    "words", [("--only", "E2E"), ("--skip", "PRM"), ("--only", "e2e", "--list"), ("--only", "RUL,")]
)
def test_words_that_name_nothing_checked_are_refused(words: Sequence[str]) -> None:
    assert_error(run("doctor", *words, env=clean_env()), 2, "checked here", "areas are CFG, API, TRK, RUL, PIN")


def test_areas_in_one_word(sandbox: Sandbox) -> None:
    ended = run("doctor", "--only", "rul,TRK", "--settle", "0", "-o", "json", env=env_of(sandbox))
    assert {one["code"][:3] for one in json.loads(ended.stdout)["findings"]} == {"RUL", "TRK"}


@pytest.mark.parametrize("words", [("--only", "RUL", "--skip", "rul"), ("--only", "RUL", "--skip", "RUL", "--list")])
def test_a_run_without_checks_is_refused(words: Sequence[str]) -> None:
    assert_error(run("doctor", *words, env=clean_env()), 2, "no check is left", "--list")


def test_where_nothing_was_checked_nothing_is_called_right(sandbox: Sandbox) -> None:
    for code in ("SIP705", "CFG120"):  # no health port is configured, and no file
        ended = run("doctor", "--only", code, env=env_of(sandbox))
        assert ended.code == 0
        assert ended.stdout.startswith("Nothing was checked: what that needs is not there.\n")


def test_offline_on_a_snapshot(tmp_path: Path) -> None:
    rule = {"name": "SIP_a", "rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "None"}}}
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps({"trunks": [PROVIDER], "rules": [rule], "rooms": ["b"]}))
    ended = run("doctor", "--offline", "--snapshot", str(file), "-o", "json")
    report = json.loads(ended.stdout)
    found = {one["code"] for one in report["findings"] if one["level"] in {"error", "warn"}}
    assert {"RUL404", "RUL405"} <= found
    assert ended.code == 1
    skipped = {one["code"] for one in report["findings"] if one["level"] == "skipped"}
    assert {"API201", "SIP705", "RUL416"} <= skipped


def test_nothing_to_examine_offline(tmp_path: Path) -> None:
    assert_error(run("doctor", "--offline"), 2, "nothing to examine offline")
    (tmp_path / "broken.toml").write_text("[profiles.p\n")
    ended = run("--config", str(tmp_path / "broken.toml"), "doctor", "--offline", "-o", "json")
    assert ended.code == ExitCode.FINDINGS
    assert "CFG101" in {one["code"] for one in json.loads(ended.stdout)["findings"] if one["level"] == "error"}


def test_files_without_a_server_are_examined(tmp_path: Path) -> None:
    (tmp_path / "livekit.yaml").write_text("port: http\n")
    config = tmp_path / "config.toml"
    config.write_text('[profiles.p]\nlivekit_yaml = "livekit.yaml"\n')
    ended = run("--config", str(config), "doctor", "-o", "json")
    levels = {one["code"]: one["level"] for one in json.loads(ended.stdout)["findings"]}
    assert (levels["CFG105"], levels["RUL401"], ended.code) == ("error", "unknown", ExitCode.FINDINGS)


def test_broken_files_do_not_stop_the_examination(tmp_path: Path, sandbox: Sandbox) -> None:
    env_file = tmp_path / "common"
    env_file.write_text("ROOM_TELEPHONY_ENABLED=perhaps\n")
    config = tmp_path / "config.toml"
    config.write_text('[profiles.p]\nenv_files = ["common"]\n')
    ended = run("--config", str(config), "doctor", "-o", "json", env=env_of(sandbox))
    levels = {one["code"]: one["level"] for one in json.loads(ended.stdout)["findings"]}
    assert levels["CFG113"] == "error"
    assert levels["RUL401"] == "unknown"
    assert ended.code == 1


def test_canaries_are_in_no_output(sandbox: Sandbox, tmp_path: Path) -> None:
    canary_pin, canary = "918273645546", "canary-0123456789-0123456789-0123456789"
    sandbox.api_secret = type(sandbox.api_secret)(canary)
    sandbox._api.api_secret = sandbox.api_secret
    plant_trunk(sandbox, "ST_a", **(PROVIDER | {"auth_username": "u", "auth_password": canary}))
    for identifier in ("SDR_a", "SDR_b"):
        plant_rule(sandbox, identifier, "room", canary_pin)
    plant_rule(sandbox, "SDR_c", "other", canary_pin + "a")
    files = {
        "common": f"LIVEKIT_API_KEY=devkey\nLIVEKIT_API_SECRET={canary}x\nDB_PASSWORD=<{canary}>\n",
        "livekit.yaml": f"keys: {{devkey: {canary}}}\nredis: {{address: a, password: {canary}}}\n",
        "sip.yaml": f"api_key: devkey\napi_secret: {canary}y\nws_url: http://u:{canary}@x\nredis: {{address: b}}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[profiles.p]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret = "{canary}"\n'
        'env_files = ["common"]\nlivekit_yaml = "livekit.yaml"\nsip_yaml = "sip.yaml"\n'
    )
    for command in (("doctor", "--settle", "0"), ("config", "validate")):
        for style in FORMATS:
            ended = run("--config", str(config), *command, "-v", "-o", style)
            assert ended.code == 1
            assert canary not in ended.stdout + ended.stderr, (command, style)
            assert canary_pin not in ended.stdout + ended.stderr
    for command in (
        ("rules", "list"),
        ("rules", "show", "SDR_c"),
        ("trunk", "list"),
        ("trunk", "show", "ST_a"),
        ("config", "show"),
    ):
        for style in ("table", "json", "jsonl"):
            ended = run("--config", str(config), *command, "-o", style)
            assert ended.code == 0
            assert canary not in ended.stdout + ended.stderr
            assert canary_pin not in ended.stdout + ended.stderr


WRITES = (
    "rules create --room other --pin-stdin", "rules create --room third --pin-stdin --dry-run",
    "rules create --room third --pin-stdin", "rules create --room third --pin-stdin",
    "rules update SIP_third --metadata x --dry-run", "rules update SIP_third --room other --allow foreign",
    "rules update SIP_a --pin-stdin --allow live-room", "rules delete SIP_third --dry-run", "room show a",
    "rules delete SIP_a", "rules delete SIP_a --allow live-room", "rules list -v",
)  # fmt: skip


@pytest.mark.parametrize("style", ["table", "json", "jsonl"])
def test_canaries_are_in_no_output_of_a_write(sandbox: Sandbox, style: str) -> None:
    canary_pin = "918273645546"
    sandbox.join("a", "alice")
    plant_rule(sandbox, "SDR_a", "a", canary_pin)
    for words in WRITES:
        pin = canary_pin if "other" in words else f"{canary_pin[::-1]}1"
        ended = run(*words.split(), "-o", style, env=env_of(sandbox), stdin=f"{pin}\n".encode())
        assert ended.code in {0, 5, 7}, (words, ended)
        for hidden in (canary_pin, canary_pin[::-1], sandbox.api_secret.reveal()):
            assert hidden not in ended.stdout + ended.stderr, words


@pytest.mark.parametrize("server", ["sandbox", pytest.param("real", marks=pytest.mark.real)])
def test_the_doctor_never_writes(server: str, request: pytest.FixtureRequest) -> None:
    if server == "real":
        need_real_server()
    target: Sandbox | RealLiveKit = request.getfixturevalue(server)
    healthy(target)
    plant_rule(target, "SDR_z", "other", PIN, trunk_ids=["ST_provider"])
    with Relay(target.url) as relay:
        assert run("doctor", "--settle", "0", env=env_of(target, LIVEKIT_URL=relay.url)).code == 1
    allowed = {
        "ListRooms",
        "ListParticipants",
        "ListSIPDispatchRule",
        "ListSIPInboundTrunk",
        "ListSIPOutboundTrunk",
        "SendData",
    }
    assert {path.rpartition("/")[2] for path in relay.paths} == allowed
    assert all(not path.endswith("/SendData") or b"sipctl-nobody" in body for path, body in relay.requests)


def test_problems_come_by_weight(sandbox: Sandbox) -> None:
    plant_rule(sandbox, "SDR_a", "ended", "None")
    plant_rule(sandbox, "SDR_b", "", name="typeless")
    levels = [finding.level for finding in problems(diagnose(settings_for(sandbox)))]
    assert levels == sorted(levels, key=list(Level).index)


def test_many_findings_of_one_kind_are_one_with_the_first_names(sandbox: Sandbox) -> None:
    for at in range(500):
        plant_rule(sandbox, f"SDR_{at:03}", f"gone-{at}", f"{4000000000 + at}")
    ended = run("doctor", "--only", "RUL", "--settle", "0", env=env_of(sandbox))
    (heading,) = (line for line in ended.stdout.splitlines() if "RUL405" in line and not line.startswith(" "))
    assert heading.endswith(" and 497 more")
    assert "(the first of 500)" in ended.stdout
    assert "should be: Every owned rule has a live room" in ended.stdout
    assert len(ended.stdout.splitlines()) < 30


@pytest.mark.parametrize(("other", "is_fatal"), [("redis:6380'", True), ("redis:6379'\n  db: 1", False)])
def test_two_databases_of_one_redis_fail_no_call(tmp_path: Path, other: str, *, is_fatal: bool) -> None:
    keys = "api_key: meet\napi_secret: 0123456789abcdefghijklmnopqrstuvwxyz\nws_url: ws://livekit:7880\n"
    (tmp_path / "livekit.yaml").write_text(
        "port: 7880\nredis: {address: 'redis:6379'}\nkeys: {meet: 0123456789abcdefghijklmnopqrstuvwxyz}\n"
    )
    (tmp_path / "sip.yaml").write_text(f"{keys}use_external_ip: true\nredis:\n  address: '{other}\n")
    config = tmp_path / "config.toml"
    config.write_text('[profiles.p]\nlivekit_yaml = "livekit.yaml"\nsip_yaml = "sip.yaml"\n')
    ended = run("--config", str(config), "doctor", "--offline", "-o", "json")
    report = json.loads(ended.stdout)
    assert ended.code == ExitCode.FINDINGS
    assert {one["code"] for one in report["findings"] if one["level"] == "error"} == {"CFG121"}
    assert ("calls fail" in report["verdict"]) == is_fatal
