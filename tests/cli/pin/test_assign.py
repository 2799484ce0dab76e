"""`pin assign`: a PIN for a room, once and for ever."""

import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import CANARY, data_file, item, items, pin, pins
from tests.support.running import assert_error, clean_env, command, env_of, run


def test_assigned_once_kept_for_ever() -> None:
    first = items(pin("assign", "a", "b", "-o", "json"))
    assert [(one["room"], one["result"]) for one in first] == [("a", "assigned"), ("b", "assigned")]
    assert all(re.fullmatch("•{8}\\d\\d", one["pin"]) for one in first)
    held = pins()
    again = items(pin("assign", "b", "c", "a", "b", "-o", "json"))
    assert [(one["room"], one["result"]) for one in again] == [("b", "kept"), ("c", "assigned"), ("a", "kept")]
    assert {room: pin for room, pin in pins().items() if room != "c"} == held
    assert all(re.fullmatch("\\d{10}", one) for one in pins().values())
    assert stat.S_IMODE(data_file().stat().st_mode) == 0o600


def test_rooms_from_a_pipe_and_a_dry_run() -> None:
    described = pin("assign", "--stdin", "--dry-run", stdin="a\n\nb\r\na\n")
    assert [line.split("\t")[0::2] for line in described.stdout.splitlines()[1:]] == [
        ["a", "would be assigned"],
        ["b", "would be assigned"],
    ]
    assert pins() == {}
    pin("assign", "--stdin", stdin="a\n\nb\r\na\n")
    assert sorted(pins()) == ["a", "b"]


def test_a_chosen_pin_and_whose_it_is() -> None:
    described = pin("assign", "a", "--pin-stdin", stdin="0042917365\n")
    assert "sipctl pin release a" in described.stderr
    assert pins() == {"a": "0042917365"}
    pin("assign", "a", "--pin-stdin", stdin="0042917365\n")
    refused = run("pin", "assign", "b", "--pin-stdin", stdin=b"0042917365\n")
    assert_error(refused, 5, "room 'a' has it")
    assert_error(run("pin", "assign", "a", "--pin-stdin", stdin=b"1357924680\n"), 5, "pin rotate")
    found = item(pin("lookup", "-o", "json", stdin="0042917365"))
    assert found == {"room": "a", "state": "active", "rules": None, "live": None}
    pin("release", "a")
    assert item(pin("lookup", "-o", "json", stdin="0042917365"))["state"] == "retired"
    assert_error(run("pin", "assign", "b", "--pin-stdin", stdin=b"0042917365\n"), 5, "room 'a' had it")
    pin("assign", "a", "--pin-stdin", stdin="0042917365\n")
    assert pins() == {"a": "0042917365"}


@pytest.mark.parametrize("bad", ["12a4567890", "12 3x", "123", "12345678901234567", "١٢٣٤٥٦", "None"])
def test_pins_that_are_none(bad: str) -> None:
    assert_error(run("pin", "assign", "a", "--pin-stdin", stdin=f"{bad}\n".encode()), 2, "4 to 16 digits")


def test_rooms_on_stdin_are_utf_8() -> None:
    refused = run("pin", "assign", "--stdin", "--dry-run", stdin=b"first\n\xff\n")
    assert (refused.code, "line 2 of stdin is not UTF-8" in refused.stderr) == (2, True)
    marked = run("pin", "assign", "--stdin", "-o", "name", stdin="\ufeffsalon d'été\r\nb\r\n".encode())
    assert marked.stdout.splitlines() == ["salon d'été", "b"]


def test_a_setting_that_makes_no_pin() -> None:
    for name, value in (("PIN_LENGTH", "3"), ("PIN_LENGTH", "17"), ("PIN_LENGTH", "x")):
        env = clean_env(**{f"ROOM_TELEPHONY_{name}": value})
        assert_error(run("pin", "assign", "a", env=env), 2, f"ROOM_TELEPHONY_{name}={value}")
    env = clean_env(ROOM_TELEPHONY_PIN_MAX_RETRIES="0")
    assert_error(run("pin", "assign", "a", env=env), 5, "no free PIN for 'a' in 0 draws")


def test_a_policy_without_space(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[profiles.p]\n[profiles.p.registry]\nleading_zero = false\ndoubles = false\n")
    env = clean_env(SIPCTL_CONFIG=str(config), ROOM_TELEPHONY_PIN_LENGTH="4", ROOM_TELEPHONY_PIN_MAX_RETRIES="2")
    rooms = "".join(f"room-{at}\n" for at in range(4000))
    ended = run("pin", "assign", "--stdin", "-o", "name", env=env, stdin=rooms.encode())
    assert ended.code == 6, ended.stderr
    assert re.search(r"at most [\d,]+ of 6,561 are left", ended.stderr)
    assert re.search(r"note: (\d+) rooms were done", ended.stderr)
    held = pins(env)
    assert len(held) == len(ended.stdout.splitlines()) == len(set(held.values()))
    assert not [one for one in held.values() if one[0] == "0" or re.search(r"(\d)\1", one)]


@pytest.mark.parametrize("name", ["", " ", "r" * 257])
def test_a_name_that_no_room_can_have(name: str) -> None:
    assert_error(run("pin", "assign", "demo", name), 2, "1 to 256 bytes")
    assert pins(clean_env()) == {}


def test_missing_rooms_that_are_live(sandbox: Sandbox) -> None:
    env = env_of(sandbox, SIPCTL_ROOM_PATTERN="team-.*")
    for room in ("team-a", "team-b", "elsewhere"):
        sandbox.join(room, "alice")
    pin("assign", "--missing", "--live", env=env)
    assert sorted(pins(env)) == ["team-a", "team-b"]


def test_two_systems_never_hand_out_pins_together(sandbox: Sandbox, tmp_path: Path) -> None:
    env = env_of(sandbox)
    sandbox.join("meeting", "alice")
    assert run("rules", "create", "--room", "meeting", "--pin-stdin", env=env, stdin=CANARY.encode()).code == 0
    for words in (("assign", "x"), ("assign", "--missing", "--live"), ("rotate", "--all", "--apply")):
        refused = run("pin", *words, env=env)
        assert_error(refused, 5, "another backend, probably Meet", 'layout = "meet"')
        assert CANARY not in refused.stderr
    assert pins(env) == {}
    pin("import", "-", "--apply", env=env | {"ROOM_TELEPHONY_PIN_LENGTH": "12"}, stdin=f"room,pin\nmeeting,{CANARY}\n")
    pin("assign", "x", env=env)


def test_a_pin_that_a_rule_carries_is_not_given(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    assert run("rules", "create", "--room", "other", "--pin-stdin", env=env, stdin=CANARY.encode()).code == 0
    refused = run("pin", "assign", "a", "--pin-stdin", env=env, stdin=CANARY.encode())
    assert_error(refused, 5, "a dispatch rule of LiveKit carries it")
    planned = items(pin("import", "-", "-o", "json", env=env, stdin=f"room,pin\na,{CANARY}\n", code=5))
    assert planned[0]["result"] == "conflicting"


def test_it_is_said_once_that_no_livekit_is_asked() -> None:
    assert pin("assign", "a").stderr.count("no LiveKit is configured") == 1


def test_rooms_that_got_their_pins_before_an_error_are_counted() -> None:
    rooms = "".join(f"room-{at}\n" for at in range(1000)).encode()
    ended = run("pin", "assign", "--stdin", "-o", "name", stdin=rooms + b"\xff\n")
    assert ended.code == 6
    assert "1000 rooms got a PIN; then: line 1001 of stdin is not UTF-8" in ended.stderr
    assert len(pins()) == len(ended.stdout.splitlines()) == 1000
    assert_error(run("pin", "assign", "--stdin", stdin=b"\xff\n"), 2, "line 1 of stdin")


def test_a_full_disk_loses_nothing() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("wb") as full:
        words = command("pin", "assign", "--stdin", "-o", "name")
        ended = subprocess.run(
            words, env=clean_env(), input=b"a\nb\n", stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 6
    assert b"Traceback" not in ended.stderr
    assert sorted(pins()) == ["a", "b"]


def test_interrupted_in_the_middle_complete_batches_stand() -> None:
    process = subprocess.Popen(
        command("pin", "assign", "--stdin", "-o", "name"), env=clean_env(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write("".join(f"room-{at}\n" for at in range(2500)))
    process.stdin.flush()
    assert process.stdout.readline() == "room-0\n"  # one batch is stored, and the run waits for more rooms
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "rooms were done" in err
    assert "Traceback" not in err
    held = pins()
    assert len(held) % 1000 == 0
    assert set(out.split()) < set(held) | {"room-0"}
