"""`rules create` looks at a rule before it stores it: an error stops it, a warning is a line on stderr."""

import json
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import Result, assert_error, env_of, run

PIN = "4821930571"
TRUNK = ("trunk", "create", "--number", "+33199000001", "--allowed-address", "192.0.2.0/28", "--name", "provider")


@pytest.fixture
def env(livekit: Sandbox | RealLiveKit) -> dict[str, str]:
    env = env_of(livekit, ROOM_TELEPHONY_PIN_LENGTH="10", ROOM_TELEPHONY_PHONE_NUMBER="+33199000001")
    assert run(*TRUNK, env=env).code == 0
    return env


def create(env: dict[str, str], *words: str, pin: str = PIN) -> Result:
    return run("rules", "create", "--pin-stdin", *words, env=env, stdin=f"{pin}\n".encode())


def request(folder: Path, value: object) -> tuple[str, str]:
    file = folder / "rule.json"
    file.write_text(json.dumps(value))
    return "--from-file", str(file)


def test_a_sound_rule_is_silent(env: dict[str, str]) -> None:
    ended = create(env, "--room", "demo")
    assert (ended.code, ended.stderr) == (0, "")


def test_the_own_number_as_caller_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    rule = {"rule": {"dispatchRuleDirect": {"roomName": "demo", "pin": PIN}}, "inboundNumbers": ["+33199000001"]}
    words = ("rules", "create", *request(tmp_path, rule))
    assert_error(run(*words, env=env), 5, "which is the number people dial", "--allow RUL408")
    assert run(*words, "--allow", "RUL408", env=env).code == 0


def test_the_own_number_of_the_settings_counts_too(env: dict[str, str], tmp_path: Path) -> None:
    rule = {"rule": {"dispatchRuleDirect": {"roomName": "demo", "pin": PIN}}, "inboundNumbers": ["+33170189900"]}
    other = {**env, "ROOM_TELEPHONY_PHONE_NUMBER": "01 70 18 99 00", "ROOM_TELEPHONY_DEFAULT_COUNTRY": "FR"}
    assert_error(run("rules", "create", *request(tmp_path, rule), env=other), 5, "--allow RUL408")
    assert run("rules", "create", *request(tmp_path, rule), env=env).code == 0


def test_a_second_rule_for_a_live_room_is_a_warning(env: dict[str, str]) -> None:
    assert create(env, "--room", "demo").code == 0
    quiet = create(env, "--room", "demo", "--name", "again", pin="7703551264")
    assert (quiet.code, quiet.stderr) == (0, "")
    assert run("room", "create", "demo", env=env).code == 0
    ended = create(env, "--room", "demo", "--name", "more", pin="7703551265")
    assert ended.code == 0
    assert ended.stderr.startswith("warning: RUL411: room 'demo' is live, and SDR_")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("pin", "described"),
    [
        ("48219305", ["PIN502: the PIN has 8 digits, and ROOM_TELEPHONY_PIN_LENGTH is 10"]),
        ("1234567890", ["PIN507: the PIN is easy to guess: digits in a row"]),
        ("4444", ["PIN502: the PIN has 4 digits", "PIN507: the PIN is easy to guess: one digit repeated"]),
    ],
)
def test_a_pin_that_breaks_the_policy_is_a_warning(env: dict[str, str], pin: str, described: list[str]) -> None:
    for words in (("--dry-run",), ()):
        ended = create(env, "--room", "demo", *words, pin=pin)
        lines = ended.stderr.splitlines()
        assert (ended.code, len(lines)) == (0, len(described))
        assert all(line.startswith(f"warning: {words}") for line, words in zip(lines, described, strict=True))
        assert pin not in ended.stderr


def test_a_policy_of_the_profile(env: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[profiles.p]\nregistry = {leading_zero = false, doubles = false}\n")
    ended = create(env, "--config", str(config), "--room", "demo", pin="0482193577")
    assert ended.code == 0
    assert [line.partition(", which ")[0] for line in ended.stderr.splitlines()] == [
        "warning: the PIN begins with 0", "warning: the PIN repeats a digit",
    ]  # fmt: skip


def test_a_length_that_no_one_set_is_not_compared(livekit: Sandbox | RealLiveKit) -> None:
    ended = create(env_of(livekit), "--room", "demo", pin="48219305")
    assert (ended.code, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "value", [{}, {"rule": {}}, {"dispatchRule": {}}, {"rule": {"dispatchRuleDirect": {}}}, {"name": "x"}]
)
def test_a_request_without_a_room(env: dict[str, str], tmp_path: Path, value: object) -> None:
    assert_error(run("rules", "create", *request(tmp_path, value), env=env), 2, "no room", "--room NAME")
    assert json.loads(run("rules", "list", "-o", "json", env=env).stdout)["items"] == []
