"""`rules explain`: one call and many, live and from snapshots, also from those that are none."""

import gzip
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.offline import CALL, CALLER, DATA, NUMBER, PIN, RETRO, RULE, TRUNK, plant, snapshot, valid
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule
from tests.support.running import Result, assert_error, clean_env, command, env_of, run, server_env


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
    for words in (CALL, ("rules", "lint"), ("rules", "explain", "--log", str(DATA / "logs" / "forms" / "flood.log"))):
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


@pytest.mark.parametrize("pin", [f"{PIN}#", f"{PIN[:3]} {PIN[3:6]} {PIN[6:]}", f"{PIN[:3]}-{PIN[3:]}", f"{PIN}\n"])
def test_a_pin_is_taken_as_meet_shows_it(here: Callable[..., Result], file: Callable[..., str], pin: str) -> None:
    described = here(*CALL, "--offline", file(snapshot(RULE)), "--pin", pin)
    assert "opens room 'standup'" in described.stdout


@pytest.mark.parametrize("pin", ["None", "4821x", "4,821"])
def test_what_no_phone_key_types(here: Callable[..., Result], file: Callable[..., str], pin: str) -> None:
    described = here(*CALL, "--offline", file(snapshot(RULE)), "--pin", pin)
    assert_error(described, 2, "no phone key types")
    assert pin not in described.stderr


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


def test_a_broken_line_is_reported_and_the_rest_goes_on(here: Callable[..., Result], file: Callable[..., str]) -> None:
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


def test_without_a_pin_it_says_what_the_pin_of_each_live_room_does(sandbox: Sandbox) -> None:
    plant(sandbox)
    for room in ("standup", "retro"):
        sandbox.join(room, "alice")
    plant_rule(sandbox, "SDR_b", "retro", "770315826", trunk_ids=["ST_gone"])
    words = ("rules", "explain", "--from", CALLER, "--to", NUMBER, "--source-ip", "192.0.2.7")
    rooms = valid(run(*words, "-o", "json", env=env_of(sandbox)).stdout)["item"]["rooms"]
    assert {one["room"]: one["reach"] for one in rooms} == {"retro": "unreachable", "standup": "reachable"}
    lost = "its rule serves only trunk ST_gone (which does not exist), and the call comes by ST_a"
    assert rooms[0]["why"] == f"callers hear that the PIN is wrong, because {lost}"
    described = run(*words, env=env_of(sandbox)).stdout
    assert "rooms   2 live, called with their PINs\n  ✗ retro: callers hear" in described
    assert "  ✓ standup: its PIN opens it\n" in described
    assert "rooms" not in run(*words, "--pin", PIN, env=env_of(sandbox)).stdout
    run("pin", "assign", "standup", "--no-live", env=env_of(sandbox))  # another PIN than the rule's
    assert (
        "✗ standup: callers hear that the PIN is wrong, because its rule has another PIN"
        in run(*words, env=env_of(sandbox)).stdout
    )
