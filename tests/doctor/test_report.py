"""What the report says and ends with, on planted facts and by the command line."""

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.running import assert_error, clean_env, env_of, run
from conftest import need_real_server
from doctor.planting import PROVIDER, codes, diagnose, plant_rule, plant_trunk, problems, settings_for
from doctor.relay import Relay
from doctor.test_planted import OTHER_PIN, PIN, healthy
from peers.livekit import RealLiveKit
from sipctl.config.model import Ignored
from sipctl.doctor.check import CHECKS
from sipctl.doctor.codes import CODES
from sipctl.errors import ExitCode
from sipctl.findings import Level
from sipctl.sandbox.server import Sandbox

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
FORMATS = ("table", "json", "jsonl", "name", "junit", "prometheus")


def test_every_check_has_a_code_and_every_live_code_a_check() -> None:
    live = {code for code in CODES if not code.startswith("CFG")}
    assert {check.code for check in CHECKS} == live


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


def test_only_and_skip(sandbox: Sandbox) -> None:
    settings = settings_for(sandbox)
    report = diagnose(settings, only=frozenset({"TRK", "RUL410"}))
    assert {finding.code for finding in report.findings if finding.code[:3] != "TRK"} == {"RUL410"}
    report = diagnose(settings, skip=frozenset({"TRK"}))
    assert not [finding for finding in report.findings if finding.code.startswith("TRK")]


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


def test_a_hanging_question_ends_at_the_deadline(sandbox: Sandbox) -> None:
    healthy(sandbox)
    sandbox.fault("hang@ListSIPInboundTrunk")
    report = diagnose(settings_for(sandbox), deadline_s=0.5)
    unknown = {finding.code for finding in report.findings if finding.level is Level.UNKNOWN}
    assert "TRK301" in unknown
    assert "RUL401" not in unknown
    assert report.exit_code is ExitCode.UNCHECKED


def test_the_report_in_every_format(sandbox: Sandbox, tmp_path: Path) -> None:
    healthy(sandbox)
    plant_rule(sandbox, "SDR_z", "other", PIN, trunk_ids=["ST_provider"])
    env = env_of(sandbox)
    base = ("doctor", "--settle", "0")
    assert run(*base, env=env).stdout.startswith("Callers cannot get in: calls fail, because SDR_")
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


def test_the_list_of_checks_needs_no_server() -> None:
    ended = run("doctor", "--list", "-o", "json")
    assert ended.code == 0
    assert {row["code"] for row in json.loads(ended.stdout)["items"]} == set(CODES)


def test_bad_words() -> None:
    for words in (("--only", "RUL999"), ("--fail-on", "never"), ("-o", "xml"), ("--snapshot", "/nowhere")):
        assert_error(run("doctor", *words, env=clean_env()), 2)


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
