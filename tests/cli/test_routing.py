"""`rules explain`, `test` and `lint` from the command line: on servers, on files, and on what is wrong with both."""

import gzip
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sipctl.cli import app
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule, plant_trunk
from tests.support.running import Result, assert_error, clean_env, command, env_of, run, server_env

DATA = Path(__file__).parents[1] / "data"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
NUMBER, CALLER, PIN, OTHER_PIN = "+33199000001", "+33612345678", "482193057", "770315826"

TRUNK = {"sip_trunk_id": "ST_a", "name": "provider", "numbers": [NUMBER], "allowed_addresses": ["192.0.2.0/24"]}
RULE = DispatchRule(sip_dispatch_rule_id="SDR_a", name="SIP_standup", room_name="standup", pin=PIN, trunk_ids=("ST_a",))
RETRO = replace(RULE, sip_dispatch_rule_id="SDR_b", name="SIP_retro", room_name="retro", pin=OTHER_PIN)


def snapshot(*rules: DispatchRule, **more: Any) -> dict[str, Any]:
    return {"trunks": [TRUNK], "rules": [rule_to_json(rule) for rule in rules], "rooms": ["standup"], **more}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Writes a file, as JSON unless it is text or bytes already, and gives its path."""

    def write(content: object, name: str = "snapshot.json") -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command line in this process: the interpreter's start is most of what a command costs."""

    def run_here(*words: str) -> Result:
        code = app.run(words)
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run_here


def valid(text: str) -> Any:
    value = json.loads(text)
    schema = json.loads((SCHEMAS / f"{value['schema'].split('/')[1]}.v1.json").read_text())
    jsonschema.validate(value, schema)
    return value


CALL = ("rules", "explain", "--to", NUMBER, "--from", CALLER)


def plant(server: Sandbox | RealLiveKit) -> None:
    plant_trunk(server, "ST_a", name="provider", numbers=[NUMBER], allowed_addresses=["192.0.2.0/24"])
    plant_rule(server, "SDR_a", "standup", PIN, trunk_ids=["ST_a"])


@pytest.mark.timeout(120)
def test_live_on_either_server(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> None:
    plant(livekit)
    env = env_of(livekit, ROOM_TELEPHONY_PHONE_NUMBER=NUMBER)
    described = run("rules", "explain", "--from", CALLER, "--source-ip", "192.0.2.7", "--pin", PIN, env=env)
    assert described.code == 0
    assert described.stdout.startswith("The caller is asked for a PIN; •••••••57 opens room 'standup'.\n")
    assert PIN not in described.stdout
    cases = str(tmp_path / "routing.toml")
    assert run("rules", "test", cases, "--init", env=env).code == 0
    assert Path(cases).stat().st_mode & 0o777 == 0o600
    assert run("rules", "test", cases, env=env).stdout.endswith(" passed, 0 failed (-v names all)\n")
    linted = run("rules", "lint", "-o", "json", env=env)
    assert linted.code == 0
    assert valid(linted.stdout)["verdict"] == "Nothing wrong in 1 rule and 1 trunk."


def test_the_sandbox_evaluates_calls(sandbox: Sandbox) -> None:
    plant(sandbox)
    outcome = sandbox.call(**{"to": NUMBER, "from": CALLER, "source_ip": "192.0.2.7", "pin": PIN})
    assert (outcome["outcome"], outcome["room_name"], outcome["rule_id"]) == ("accept", "standup", "SDR_a")
    sandbox.fault("redis-lost")
    assert sandbox.call(**{"to": NUMBER, "from": CALLER})["error_code"] == "unavailable"


def test_a_server_that_is_down() -> None:
    env = server_env("http://127.0.0.1:1", "secret")
    for words in (CALL, ("rules", "lint"), ("rules", "explain", "--log", str(DATA / "logs" / "x.jsonl"))):
        assert_error(run(*words, env=env), 3, "127.0.0.1:1")


def test_no_server_at_all(here: Callable[..., Result]) -> None:
    assert_error(here(*CALL), 2, "no LiveKit server configured")


def test_json_is_as_the_schema_says(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE, RETRO))
    value = valid(here(*CALL, "--offline", path, "-o", "json").stdout)["item"]
    assert {one["allowed_by"]: one["outcome"] for one in value["sources"]} == {"ST_a": "request_pin", "": "drop"}
    assert [one["reason"] for one in value["rules"]] == ["won", "won"] or value["rules"][0]["reason"] == "room_name"
    national = here(*CALL, "--to", "0199000001", "--offline", path, "-o", "json", "--source-ip", "192.0.2.7")
    assert valid(national.stdout)["item"]["in_e164"]["to"] == NUMBER
    assert PIN not in national.stdout


def test_formats(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    assert here(*CALL, "--offline", path, "-o", "name").stdout == "SDR_a\n"
    assert json.loads(here(*CALL, "--offline", path, "-o", "jsonl").stdout)["rule_id"] == "SDR_a"
    assert PIN in here(*CALL, "--offline", path, "--pin", PIN, "--show-pins").stdout
    assert_error(here(*CALL, "--offline", path, "-o", "csv"), 2, "no output format")


def test_addresses_give_their_user(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    for to, caller in (
        (f"sip:{NUMBER}@sip.example.org:5060;user=phone", f'"Ann" <sip:{CALLER}@provider.example>'),
        (f"tel:{NUMBER};phone-context=x", f"tel:{CALLER}"),
    ):
        words = ("rules", "explain", "--to", to, "--from", caller, "--offline", path, "-o", "json")
        call = valid(here(*words).stdout)["item"]["call"]
        assert (call["to"], call["from"]) == (NUMBER, CALLER)


def test_a_room_that_is_not_live_yet(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file({"trunks": [], "rules": [], "rooms": []})
    described = here(*CALL, "--offline", path, "--assume-live", "standup")
    assert described.stdout.startswith("The caller is asked for a PIN; •••••••••• opens room 'standup'.")
    typed = here(*CALL, "--offline", path, "--assume-live", "standup", "--pin", PIN)
    assert typed.stdout.startswith("The caller is asked for a PIN; •••••••57 opens room 'standup'.")


def test_many_rules_are_grouped(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rules = [replace(RULE, sip_dispatch_rule_id=f"SDR_{at:03}", room_name=f"r{at}", pin=f"{at:06}") for at in range(99)]
    path = file(snapshot(*rules))
    described = here(*CALL, "--offline", path, "--source-ip", "192.0.2.7").stdout
    assert "98 opened by its own PIN" in described
    assert "and 95 more (--all)" in described
    assert len(described.splitlines()) < 15
    assert "SDR_077" in here(*CALL, "--offline", path, "--source-ip", "192.0.2.7", "--all").stdout


def test_many_trunks_are_cut(here: Callable[..., Result], file: Callable[..., str]) -> None:
    trunks = [TRUNK | {"sip_trunk_id": f"ST_{at:02}", "numbers": [f"+3317700{at:04}"]} for at in range(20)]
    path = file(snapshot(RULE) | {"trunks": [*trunks, TRUNK]})
    described = here(*CALL, "--offline", path, "--source-ip", "192.0.2.7").stdout
    assert "✓ ST_a (provider) takes the call" in described
    assert "and 13 more (--all)" in described
    assert "ST_19" in here(*CALL, "--offline", path, "--source-ip", "192.0.2.7", "--all").stdout


MIXED = {
    "--pin means nothing with --calls": ("--calls", "x", "--pin", "1"),
    "--from means nothing with --log": ("--log", "x", "--from", "1"),
    "--calls means nothing with --log": ("--log", "x", "--calls", "x"),
    "--failed means nothing without --log": ("--from", "1", "--failed"),
    "--reasons means nothing without --calls": ("--from", "1", "--reasons"),
}


@pytest.mark.parametrize("described", MIXED)
def test_no_option_is_passed_over(here: Callable[..., Result], described: str) -> None:
    assert_error(here("rules", "explain", *MIXED[described]), 2, described)


@pytest.mark.parametrize("pin", [f"{PIN}#", "48 21 93", "None", "4821\n"])
def test_what_no_phone_key_types(here: Callable[..., Result], file: Callable[..., str], pin: str) -> None:
    described = here(*CALL, "--offline", file(snapshot(RULE)), "--pin", pin)
    assert_error(described, 2, "no phone key types")
    assert pin not in described.stderr


# --- many calls ---


def test_the_recorded_cases(here: Callable[..., Result]) -> None:
    path = DATA / "matcher" / "cases-000.jsonl.gz"
    described = here("rules", "explain", "--cases", str(path))
    rows = [json.loads(line) for line in described.stdout.splitlines()]
    with gzip.open(path, "rt") as lines:
        expected = [(case["case"], one) for case in map(json.loads, lines) for one in case["expected"]]
    assert (described.code, len(rows)) == (0, 4050)
    for row, (case, one) in zip(rows, expected, strict=True):
        assert (row["case"], row["id"], row["outcome"], row["rule_id"]) == (
            case,
            one["id"],
            one["outcome"],
            one["rule_id"],
        )


def test_calls_of_a_file(here: Callable[..., Result], file: Callable[..., str]) -> None:
    calls = [
        {"id": "a", "to": NUMBER, "from": CALLER, "pin": PIN},
        {"id": "b", "from": CALLER, "source_ip": "10.0.0.1"},
    ]
    path = file("\n".join(map(json.dumps, calls)), "calls.jsonl")
    words = ("rules", "explain", "--calls", path, "--offline", file(snapshot(RULE)))
    env = ("--env-file", file(f"ROOM_TELEPHONY_PHONE_NUMBER={NUMBER}\n", "meet.env"))
    value = valid(here(*words, *env, "-o", "json").stdout)
    assert [(one["id"], one["outcome"]) for one in value["items"]] == [("a", "accept"), ("b", "drop")]
    assert "trunks" not in value["items"][0]
    assert "trunks" in valid(here(*words, *env, "-o", "json", "--reasons").stdout)["items"][0]
    assert here(*words, *env).stdout.splitlines()[1].split("\t") == [
        "a", CALLER, NUMBER, "accept", "standup", "SDR_a", "ST_a",
    ]  # fmt: skip


def test_a_broken_line_is_told_and_the_rest_goes_on(here: Callable[..., Result], file: Callable[..., str]) -> None:
    good = json.dumps({"id": "good", "to": NUMBER, "from": CALLER})
    bad = ["{", '{"to": 1, "from": "2"}', '{"too": "1"}', "[]", '{"from": "1"}', "\u0000"]
    path = file("\n".join([good, *bad, "", good]), "calls.jsonl")
    described = here("rules", "explain", "--calls", path, "--offline", file(snapshot(RULE)), "-o", "jsonl")
    assert described.code == 6
    assert len(described.stdout.splitlines()) == 2
    assert all(f"line {number} of {path}: " in described.stderr for number in range(2, 7))
    assert "6 lines of" in described.stderr
    assert "Traceback" not in described.stderr
    quiet = here("rules", "explain", "--calls", path, "--offline", file(snapshot(RULE)), "-o", "jsonl", "--quiet")
    assert (quiet.code, quiet.stdout, quiet.stderr) == (6, described.stdout, described.stderr)


def test_stdin_is_read_once(here: Callable[..., Result], file: Callable[..., str]) -> None:
    for words in (
        ("explain", "--calls", "-", "--offline", "-"),
        ("explain", "--log", "-", "--offline", "-"),
        ("explain", "--from", "1", "--to", "1", "--offline", "-", "--offline", "-"),
        ("test", "-", "--offline", "-"),
        ("lint", "--with", "-", "--offline", "-"),
    ):
        assert_error(here("rules", *words), 2, "stdin")


def test_a_reader_that_has_seen_enough(file: Callable[..., str]) -> None:
    calls = file((json.dumps({"to": NUMBER, "from": CALLER}) + "\n") * 5000, "calls.jsonl")
    words = " ".join(command("rules", "explain", "--calls", calls, "--offline", file(snapshot(RULE)), "-o", "jsonl"))
    ended = subprocess.run(
        f"{words} | head -1", shell=True, env=clean_env(), capture_output=True, timeout=40, check=False
    )
    assert (ended.stdout.count(b"\n"), ended.stderr) == (1, b"")


# --- snapshots that are none, or odd ---

BAD = {
    "no-json": ("hello", "not JSON"),
    "empty": ("", "not JSON"),
    "truncated": (json.dumps(snapshot(RULE))[:-40], "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "other-json": ({"items": [{"hello": 1}]}, "neither dispatch rules, nor trunks, nor rooms"),
    "a-list": ([1], "this is no snapshot"),
    "a-number": (7, "this is no snapshot"),
    "trunks-only": ({"trunks": [TRUNK]}, "does not say which rules there are"),
    "rules-only": ({"rules": []}, "does not say which trunks there are"),
    "no-list": ({"trunks": {}, "rules": []}, "trunks of the snapshot is no list"),
    "no-object": ({"trunks": [], "rules": [7]}, "rule 1 of the snapshot is no object"),
    "wrong-type": (
        snapshot(pins=[]) | {"rules": [{"trunk_ids": "ST_a"}]},
        "trunk_ids of rule 1 of the snapshot is a text",
    ),
    "type-as-text": (
        snapshot() | {"rules": [{"rule": "direct"}]},
        "rule of rule 1 of the snapshot is no object but a text",
    ),
    "half-a-character": (
        snapshot() | {"rules": [{"trunk_ids": ["\ud800"]}]},
        "trunk_ids of rule 1 of the snapshot holds half a character",
    ),
    "pin-as-number": (
        snapshot() | {"rules": [{"rule": {"dispatchRuleDirect": {"roomName": "demo", "pin": 1234}}}]},
        "pin of dispatch_rule_direct of rule 1 of the snapshot is a number, not a text",
    ),
    "new-rule-type": (snapshot() | {"rules": [{"rule": {"dispatch_rule_magic": {}}}]}, "dispatch_rule_magic"),
    "masked": (snapshot(replace(RULE, pin="•••••••57")), "masked"),
    "not-utf-8": (b"\xff\xfe{}", "not UTF-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_snapshot(here: Callable[..., Result], file: Callable[..., str], name: str) -> None:
    content, words = BAD[name]
    described = here(*CALL, "--offline", file(content))
    assert_error(described, 2, words, "hint: ") if name != "not-utf-8" else assert_error(described, 2, words)


def test_a_snapshot_that_is_too_large(here: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    assert_error(here(*CALL, "--offline", str(path)), 2, "over 128 MiB")


def test_a_snapshot_that_is_not_there(here: Callable[..., Result], tmp_path: Path) -> None:
    assert_error(here(*CALL, "--offline", str(tmp_path / "none")), 2, "cannot read")
    assert_error(here(*CALL, "--offline", str(tmp_path)), 2, "cannot read")


def test_fields_of_a_newer_livekit_are_told_once(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rules = [{**rule_to_json(rule), "color": "red", "sipctl": {}} for rule in (RULE, RETRO)]
    described = here(*CALL, "--offline", file(snapshot() | {"rules": rules}), "--source-ip", "192.0.2.7")
    assert described.code == 0
    assert described.stderr.count("color") == 1
    assert "sipctl" not in described.stderr
    assert "2 looked at" in described.stdout


def test_camel_case_and_what_is_left_out(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rule = {
        "sipDispatchRuleId": "SDR_a",
        "rule": {"dispatchRuleIndividual": {"roomPrefix": "call", "noRandomness": True}},
        "trunkIds": ["ST_a"],
        "mediaEncryption": 0,
        "roomConfig": None,
    }
    path = file({"trunks": [TRUNK], "rules": [rule], "rooms": [{"name": "x", "creationTime": "1"}]})
    value = valid(here(*CALL, "--offline", path, "-o", "json", "--source-ip", "192.0.2.7").stdout)["item"]
    assert value["room_name"] == f"call_{CALLER}"


def test_livekits_own_list_answers(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rules = file({"items": [rule_to_json(RULE)]}, "rules.json")
    outbound = {"sip_trunk_id": "ST_out", "address": "sip.example.com"}
    trunks = file({"items": [TRUNK, outbound]}, "trunks.json")
    described = here(*CALL, "--offline", rules, "--offline", trunks, "--source-ip", "192.0.2.7")
    assert described.stdout.startswith("The caller is asked for a PIN")
    empty = file({"items": []}, "empty.json")
    described = here(*CALL, "--offline", rules, "--offline", empty)
    assert "trunks  there is none" in described.stdout


ODD_SOURCES = ("192.0.2.0/24", "192.0.2.7:5060", "[2001:db8::1]", "host.example", "192.0.2.07", "fe80::1%")


@pytest.mark.parametrize("source", ODD_SOURCES)
def test_a_source_that_is_no_address(here: Callable[..., Result], file: Callable[..., str], source: str) -> None:
    assert_error(here(*CALL, "--source-ip", source, "--offline", file(snapshot(RULE))), 2, "no IP address")


@pytest.mark.parametrize("source", ["2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.7"])
def test_sources_of_version_six(here: Callable[..., Result], file: Callable[..., str], source: str) -> None:
    described = here(*CALL, "--source-ip", source, "--offline", file(snapshot(RULE)))
    assert described.stdout.startswith("The caller hears ringing without end: no trunk matches")


@pytest.mark.parametrize("number", ["", "room 42", "ä", "+", "(", "0" * 300, "\x1b[31m"])
def test_a_number_that_is_none(here: Callable[..., Result], file: Callable[..., str], number: str) -> None:
    words = ("rules", "explain", "--to", number, "--from", number, "--offline", file(snapshot(RULE)))
    described = here(*words)
    assert described.code == 0
    assert "\x1b" not in described.stdout


def test_who_calls_whom(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    assert_error(here("rules", "explain", "--to", NUMBER, "--offline", path), 2, "--from NUMBER")
    assert_error(here("rules", "explain", "--from", CALLER, "--offline", path), 2, "ROOM_TELEPHONY_PHONE_NUMBER")


# --- the log ---


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "livekit-sip.jsonl"
    path.write_bytes(gzip.decompress((DATA / "logs" / "livekit-sip-1.8.0.jsonl.gz").read_bytes()))
    return str(path)


def test_a_log(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    value = valid(here("rules", "explain", "--log", log, "--offline", path, "-o", "json").stdout)
    assert len(value["items"]) == 58
    failed = valid(here("rules", "explain", "--log", log, "--offline", path, "--failed", "-o", "json").stdout)
    assert 0 < len(failed["items"]) < 58
    assert all(one["failed"] for one in failed["items"])
    since = here("rules", "explain", "--log", log, "--offline", path, "--since", "2026-11-22T21:15:00Z", "-o", "name")
    assert 0 < len(since.stdout.splitlines()) < 58
    gone = here("rules", "explain", "--log", log, "--offline", path, "--since", "2999-01-01", "-o", "name")
    assert (gone.code, gone.stdout, gone.stderr) == (0, "", f"note: no such call in {log}\n")


def test_no_pin_of_a_log_is_ever_printed(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    for words in ((), ("-o", "json"), ("--show-pins",), ("--show-pins", "--call", "SCL_QUMsUZRAZfdc")):
        described = here("rules", "explain", "--log", log, "--offline", path, *words)
        assert described.code == 0
        assert '"4321"' not in described.stdout
        assert " 4321" not in described.stdout
        assert "4321#" not in described.stdout


def test_one_call_of_a_log(here: Callable[..., Result], file: Callable[..., str], log: str) -> None:
    path = file(snapshot(RULE))
    described = here("rules", "explain", "--log", log, "--offline", path, "--call", "SCL_csvuWUJKH3VF").stdout
    assert "no trunk matched, and no rule: it rang without end" in described
    assert "not in the log: which condition of a trunk or rule failed" in described
    assert "trunks  1 looked at" in described
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--call", "SCL_none"), 7, "SCL_none")
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--since", "soon"), 2, "no time")
    assert_error(here("rules", "explain", "--log", log, "--offline", path, "--since", "999999d"), 2, "no time")


def test_a_log_with_broken_lines_and_without_rules(here: Callable[..., Result], log: str) -> None:
    with Path(log).open("ab") as file:
        file.write(b"\xff\xfe\nhalf a line {\n")
    described = here("rules", "explain", "--log", log)
    assert described.code == 0
    assert "this is the log alone" in described.stderr
    assert f"note: 2 lines of {log} are not livekit-sip's" in described.stderr
    assert described.stdout.count("SCL_") >= 58


def test_a_file_that_is_no_log(here: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_text("hello\n{}\n")
    described = here("rules", "explain", "--log", str(path))
    assert (described.code, described.stdout) == (6, "")
    assert f"error: no line of {path} is one of livekit-sip's" in described.stderr
    path.write_text("\n")
    assert here("rules", "explain", "--log", str(path)).code == 0


FORMS = DATA / "logs" / "forms"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("end-by-closing-line.log", "no RTP came from the caller's side"),
        ("flood-without-ended-line.log", "no trunk matched, and no rule: it rang without end"),
        ("flood.log", "no trunk matched, and no rule: it rang without end"),
        ("columns-of-blanks.log", "no trunk matched, and no rule: it rang without end"),
        ("invite-without-sdp.log", "INVITE without SDP (a delayed offer): 500"),
    ],
)
def test_logs_as_people_have_them(here: Callable[..., Result], name: str, words: str) -> None:
    described = here("rules", "explain", "--log", str(FORMS / name))
    assert (described.code, described.stderr.count("\n")) == (0, 1)
    assert described.stdout.splitlines()[1] == f"  {words}"


def test_an_older_log_beside_the_rules_of_its_server(here: Callable[..., Result]) -> None:
    words = ("--offline", str(FORMS / "flood.snapshot.json"))
    for name in ("flood.log", "flood-without-ended-line.log", "columns-of-blanks.log"):
        described = here("rules", "explain", "--log", str(FORMS / name), *words).stdout
        assert "does not list 198.51.100.77 in allowed_addresses" in described
    value = valid(here("rules", "explain", "--log", str(FORMS / "flood.log"), *words, "-o", "json").stdout)
    assert [(one["reason"], one["agrees"], one["guesses"]) for one in value["items"]] == [("flood", True, [])]


# --- tests of routing ---

TESTS = f"""
[defaults]
to = "{NUMBER}"
source_ip = "192.0.2.7"
[[calls]]
name = "the standup"
from = "{CALLER}"
pin = "{PIN}"
[calls.expect]
outcome = "accept"
room = "standup"
rule = "SIP_standup"
trunk = "provider"
[[calls]]
name = "strangers"
from = "{CALLER}"
source_ip = ""
[calls.expect]
must_not_reach = ["lobby"]
"""


def test_expectations(here: Callable[..., Result], file: Callable[..., str]) -> None:
    tests = file(TESTS, "routing.toml")
    words = ("rules", "test", tests, "--offline")
    good = here(*words, file(snapshot(RULE)))
    assert (good.code, good.stdout) == (0, "2 passed, 0 failed (-v names all)\n")
    assert here(*words, file(snapshot(RULE)), "--quiet").stdout == ""
    lobby = replace(RULE, sip_dispatch_rule_id="SDR_o", room_name="lobby", name="lobby", pin="")
    bad = here(*words, file(snapshot(replace(RULE, room_name="other"), lobby)))
    assert bad.code == 1
    assert "expected room 'standup', got 'other'" in bad.stdout
    assert "must not reach room 'lobby', and does from 192.0.2.0 with # alone" in bad.stdout
    assert "0 passed, 2 failed" in bad.stdout
    assert PIN not in bad.stdout
    junit = here(*words, file(snapshot(replace(RULE, room_name="other"), lobby)), "-o", "junit")
    assert 'failures="2"' in junit.stdout
    value = valid(here(*words, file(snapshot(RULE)), "-o", "json").stdout)
    assert [one["passed"] for one in value["items"]] == [True, True]


def test_the_same_tests_in_yaml_and_json_lines(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    yaml = f'calls:\n- {{name: a, to: "{NUMBER}", from: "{CALLER}", pin: "{PIN}", expect: {{room: standup}}}}\n'
    lines = json.dumps({"to": NUMBER, "from": CALLER, "pin": "1", "expect": {"outcome": "drop"}})
    assert here("rules", "test", file(yaml, "t.yaml"), "--offline", path).code == 0
    assert here("rules", "test", file(lines, "t.jsonl"), "--offline", path).code == 0


BAD_TESTS = {
    "no-toml": ("calls = ", "t.toml", "not TOML"),
    "no-yaml": ("calls: [", "t.yaml", "not YAML"),
    "no-json": ("{", "t.jsonl", "line 1 is not JSON"),
    "nothing": ("", "t.toml", "no test"),
    "number-unquoted": (
        'calls:\n- {to: 33, from: "1", expect: {room: a}}',
        "t.yaml",
        "write numbers and PINs in quotes",
    ),
    "expects-nothing": ('[[calls]]\nname = "x"\nto = "1"\nfrom = "1"', "t.toml", "x: it expects nothing"),
    "no-outcome": ('{"to": "1", "from": "1", "expect": {"outcome": "won"}}', "t.jsonl", "'won' is no outcome"),
    "no-expectation": ('{"to": "1", "from": "1", "expect": {"rom": "a"}}', "t.jsonl", "'rom' is nothing"),
    "room-no-text": ('{"to": "1", "from": "1", "expect": {"room": 7}}', "t.jsonl", "7 is no text"),
    "no-table": ("[[1]]", "t.jsonl", "test 1 is no table"),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_bad_tests(here: Callable[..., Result], file: Callable[..., str], name: str) -> None:
    text, path, words = BAD_TESTS[name]
    assert_error(here("rules", "test", file(text, path), "--offline", file(snapshot(RULE))), 2, words)


def test_tests_are_not_overwritten(here: Callable[..., Result], file: Callable[..., str]) -> None:
    tests = file("precious", "routing.toml")
    assert_error(here("rules", "test", tests, "--init", "--offline", file(snapshot(RULE))), 5, "exists")
    assert Path(tests).read_text() == "precious"
    assert_error(here("rules", "test", "-", "--init", "--offline", file(snapshot(RULE))), 2, "writes a file")


# --- lint ---


def test_lint_of_additions(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    shadow = {"dispatch_rule": rule_to_json(replace(RETRO, pin=PIN, numbers=(NUMBER,))) | {"sip_dispatch_rule_id": ""}}
    described = here("rules", "lint", "--offline", path, "--with", file(shadow, "rule.json"), "-o", "json")
    assert described.code == 1
    value = valid(described.stdout)
    assert {one["code"] for one in value["findings"] if one["level"] == "error"} == {"RUL417"}
    assert PIN not in described.stdout
    harmless = {"dispatch_rule": rule_to_json(RETRO) | {"sip_dispatch_rule_id": ""}}
    quiet = here("rules", "lint", "--offline", path, "--with", file(harmless, "rule.json"), "--quiet")
    assert (quiet.code, quiet.stdout) == (0, "")
    trunk = {"trunk": {"numbers": [NUMBER]}}
    both = file(json.dumps(harmless) + "\n" + json.dumps(trunk), "both.jsonl")
    described = here("rules", "lint", "--offline", path, "--with", both, "-o", "name")
    assert "TRK308" in described.stdout
    assert_error(here("rules", "lint", "--offline", path, "--with", file("{", "rule.json")), 2, "rule.json", "not JSON")
    for nothing in ("", "[]"):
        none = here("rules", "lint", "--offline", path, "--with", file(nothing, "rule.json"))
        assert_error(none, 2, "no request in", "rule.json", "hint: a request is")
    assert_error(here("rules", "lint", "--offline", path, "--only", "RUL999"), 2, "RUL999")
    assert_error(here("rules", "lint", "--offline", path, "--only", "PIN502"), 2, "no check is left")


def test_lint_formats(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE, replace(RULE, sip_dispatch_rule_id="SDR_c")))
    assert 'failures="1"' in here("rules", "lint", "--offline", path, "-o", "junit").stdout
    assert "sipctl_rules_lint_findings" in here("rules", "lint", "--offline", path, "-o", "prometheus").stdout
    assert here("rules", "lint", "--offline", path, "--skip", "RUL").code == 0


def test_writes_are_linted(sandbox: Sandbox) -> None:
    plant(sandbox)
    env = env_of(sandbox)

    def create(*words: str, pin: str = "") -> Result:
        stdin = ("--pin-stdin",) if pin else ("--allow", "open")
        return run("rules", "create", "--room", "lobby", *stdin, *words, env=env, stdin=f"{pin}\n".encode())

    number = ("--trunk", "ST_a")
    assert create(*number).code == 0
    (lobby,) = (key for key in sandbox.store.rules if key != "SDR_a")
    narrow = run("rules", "update", lobby, "--number", NUMBER, env=env)
    assert_error(narrow, 5, "wins over SDR_a", "--allow RUL402")
    assert run("rules", "update", lobby, "--number", NUMBER, "--allow", "RUL402", env=env).code == 5
    allowed = ("--allow", "RUL402", "--allow", "RUL417")
    assert run("rules", "update", lobby, "--number", NUMBER, *allowed, env=env).code == 0
    assert_error(create("--trunk", "ST_a", "--allow", "RUL999", pin=OTHER_PIN), 2, "RUL417")
    assert_error(create("--trunk", "ST_a", pin=PIN), 5, "already takes calls")
