"""`sipctl pin` from the command line: the registry in its homes, LiveKit beside it, and every way to get it wrong."""

import csv
import io
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sipctl.operations.lock import run_lock
from sipctl.registry.database import open_engine
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES, Postgres
from tests.support.planting import plant_rule
from tests.support.running import Result, assert_error, clean_env, command, env_of, run
from tests.support.schemas import validate

CANARY = "736150928364"


def pin(*words: str, env: dict[str, str] | None = None, stdin: str = "", code: int = 0) -> Result:
    ended = run("pin", *words, env=env, stdin=stdin.encode())
    assert ended.code == code, ended
    return ended


def items(result: Result) -> list[dict[str, Any]]:
    value = json.loads(result.stdout)
    validate(value)
    listed: list[dict[str, Any]] = value["items"]
    return listed


def item(result: Result) -> dict[str, Any]:
    value = json.loads(result.stdout)
    validate(value)
    shown: dict[str, Any] = value["item"]
    return shown


def pins(env: dict[str, str] | None = None) -> dict[str, str]:
    return {one["room"]: one["pin"] for one in items(pin("list", "--show-pins", "-o", "json", env=env))}


def data_file() -> Path:
    return Path(os.environ["SIPCTL_DATA_DIR"]) / "pins.db"


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


@pytest.mark.parametrize("bad", ["12a4567890", "12 34", "123", "12345678901234567", "١٢٣٤٥٦", "None"])
def test_pins_that_are_none(bad: str) -> None:
    assert_error(run("pin", "assign", "a", "--pin-stdin", stdin=f"{bad}\n".encode()), 2, "4 to 16 digits")


@pytest.mark.parametrize(
    ("words", "stdin", "code", "described"),
    [
        ("assign", "", 2, "no room named"),
        ("assign --stdin", "", 2, "no room on stdin"),
        ("assign a --pin-stdin", "", 2, "no PIN on stdin"),
        ("assign a b --pin-stdin", "1234567890", 2, "for one room"),
        ("assign a --stdin --pin-stdin", "x", 2, "both read stdin"),
        ("assign a --live", "", 2, "--live goes with --missing"),
        ("rotate", "", 2, "no room named"),
        ("rotate a --recover", "", 2, "one of them"),
        ("rotate a --all", "", 2, "one of them"),
        ("rotate --all --stdin", "a", 2, "one of them"),
        ("rotate nobody", "", 7, "knows no room 'nobody'"),
        ("show nobody", "", 7, "'nobody'"),
        ("release nobody", "", 7, "'nobody'"),
        ("lookup", "", 2, "no PIN on stdin"),
        ("lookup", "5550123456", 7, "nobody has this PIN"),
        ("import nowhere.csv", "", 2, "nowhere.csv"),
        ("import -", "", 2, "the file is empty"),
        ("import -", "name;number\nx;1\n", 2, "columns are room, pin"),
        ("import -", "[1]", 2, "no object"),
        ("import -", '{"items": 1}', 2, "not JSON of PINs"),
        ("import -", '[{"room": "a", "pin": 1234567890}]', 2, "no text"),
        ("import -", "room,pin\na,12345678\n", 2, "8 digits instead of 10"),
        ("import -", "room,pin\na,12345678901234567\n", 2, "4 to 16 digits"),
        ("import -", "room,pin\nb,0123456789\na,1.23E+9\n", 2, "row 3: a spreadsheet made a number of the PIN of 'a'"),
        ("import -", "room,pin\ra,0123456789\r", 2, "row 1: new-line character"),
        ("import -", '[{"room": "\\ud800", "pin": "0123456789"}]', 2, "row 1 holds half a character"),
        ("export x.unknown", "", 2, "names no format"),
        ("audit --only NON999", "", 2, "NON999"),
        ("audit --fail-on never", "", 2, "never"),
        ("audit --also-profile nobody", "", 2, "config.toml"),
    ],
)
def test_words_that_make_no_sense(words: str, stdin: str, code: int, described: str) -> None:
    assert_error(run("pin", *words.split(), stdin=stdin.encode()), code, described)


@pytest.mark.parametrize(
    "text",
    [
        "room,pin\na,4.821930571E+09\n",
        "room;pin\na;4,821930571E+09\n",
        "room,pin\na,4821930571.0\n",
        "room,pin\na,4 821 930 571\n",
        'room,pin\na,"4,821,930,571"\n',
        "room,pin\na,48219305714821930571\n",
        "room,pin\na,48219305\n",
        "a,4821930571\nb,4821930572\n",
        "pin,room\nstandup,4821930571\n",
        "pin,room\nstandup,4.821930571E+09\n",
        '[{"room": "a", "pin": 4821930571}]',
        '[{"room": 4821930571, "pin": 5}]',
        '[{"room": {"pin": "4821930571"}, "pin": "0123456789"}]',
        '[{"room": "a", "pin": ["4821930571"]}]',
        '{"4821930571": "a"}',
        '{"items": [{"room": "a", "pin": "4821930571"',
    ],
)
def test_a_pin_that_was_mangled_is_never_shown(text: str) -> None:
    refused = run("pin", "import", "-", "--apply", stdin=text.encode())
    assert_error(refused, 2)
    assert not re.search("4.?821", refused.stderr), refused.stderr
    assert pins() == {}


def test_rooms_on_stdin_are_utf_8() -> None:
    refused = run("pin", "assign", "--stdin", "--dry-run", stdin=b"first\n\xff\n")
    assert (refused.code, "line 2 of stdin is not UTF-8" in refused.stderr) == (2, True)
    marked = run("pin", "assign", "--stdin", "-o", "name", stdin="\ufeffsalon d'été\r\nb\r\n".encode())
    assert marked.stdout.splitlines() == ["salon d'été", "b"]


def test_what_a_big_registry_exports_can_be_imported(tmp_path: Path) -> None:
    file = tmp_path / "pins.jsonl"
    rows = ({"room": f"{number:0250}", "pin": f"{number:010}"} for number in range(20_000))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(pin("import", str(file), "-o", "name").stdout.splitlines()) == 20_000


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


def test_exported_and_imported(tmp_path: Path) -> None:
    pin("assign", "a", "b", "naïve; room")
    held = pins()
    for name in ("pins.csv", "pins.json", "pins.jsonl"):
        file = tmp_path / name
        pin("export", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        fresh = clean_env(SIPCTL_DATA_DIR=str(tmp_path / f"other-{name}"))
        assert {one["result"] for one in items(pin("import", str(file), "-o", "json", env=fresh))} == {"would be added"}
        assert pins(fresh) == {}
        assert {one["result"] for one in items(pin("import", str(file), "--apply", "-o", "json", env=fresh))} == {
            "added"
        }
        assert pins(fresh) == held
        assert {one["result"] for one in items(pin("import", str(file), "--apply", "-o", "json", env=fresh))} == {
            "unchanged"
        }
    masked = pin("export", "-", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(masked.stdout)))
    assert [row["room"] for row in rows] == sorted(held)
    assert not set(held.values()) & {row["pin"] for row in rows}


def test_an_import_is_a_plan() -> None:
    pin("assign", "a", "--pin-stdin", stdin="1029384756")
    pin("assign", "b", "--pin-stdin", stdin="5647382910")
    text = (
        "resource_id;pin_code\na;1029384756\nb;9182736450\nc;1029384756\nd;1111222233\nd;4444555566\ne;1111222233\nf;\n"
    )
    expected = ["unchanged", "would be changed", "conflicting", "would be added", "conflicting", "conflicting"]
    assert [one["result"] for one in items(pin("import", "-", "-o", "json", stdin=text, code=5))] == expected
    assert len(pins()) == 2
    applied = items(pin("import", "-", "--apply", "-o", "json", stdin=text, code=5))
    assert [one["result"] for one in applied] == [one.removeprefix("would be ") for one in expected]
    assert pins() == {"a": "1029384756", "b": "9182736450", "d": "1111222233"}
    assert item(pin("lookup", "-o", "json", stdin="5647382910"))["state"] == "retired"


def undo_of(described: str) -> list[str]:
    """The words behind `sipctl` of the undo command that was printed."""
    (line,) = (line for line in described.splitlines() if line.startswith("undo"))
    return shlex.split(line.removeprefix("undo:").removeprefix("undo\t"))[1:]


@pytest.mark.parametrize("name", ["r" * 5000, "a\0b", " ", "é" * 129])
@pytest.mark.parametrize("style", ["csv", "json"])
def test_an_import_refuses_the_names_that_assign_refuses(name: str, style: str) -> None:
    rows = [{"room": "good", "pin": "4821930571"}, {"room": name, "pin": "4821930572"}]
    lines = "room,pin\n" + "".join(f'"{row["room"]}",{row["pin"]}\n' for row in rows)
    text = json.dumps(rows) if style == "json" else lines
    assert_error(run("pin", "import", "-", "--apply", stdin=text.encode()), 2, "row ", "a room name")
    assert pins() == {}


@pytest.mark.parametrize("home", ["sqlite", "postgresql", "meet"])
def test_a_room_gets_its_own_pin_back_by_an_import(home: str, request: pytest.FixtureRequest) -> None:
    """One that it has no more, and one in the place of another; nobody else's."""
    env = clean_env()
    if home == "postgresql":
        env["SIPCTL_REGISTRY_URL"] = request.getfixturevalue("postgres").new_database()
    elif home == "meet":
        env = request.getfixturevalue("meet")
    released, rotated, other = ROOMS[:3]
    pin("assign", released, rotated, other, env=env)
    before = pins(env)
    pin("release", released, env=env)
    pin("rotate", rotated, env=env)
    table = f"room,pin\n{released},{before[released]}\n{rotated},{before[rotated]}\n"
    assert pin("import", "-", env=env, stdin=table).stdout.count("out of quarantine") == 2
    applied = items(pin("import", "-", "--apply", "-o", "json", env=env, stdin=table))
    assert [(one["result"], "quarantine" in one["why"]) for one in applied] == [("added", True), ("changed", True)]
    assert pins(env) == before
    pin("release", released, env=env)
    foreign = f"room,pin\n{ROOMS[3]},{before[released]}\n"
    assert "had this PIN" in pin("import", "-", "--apply", env=env, stdin=foreign, code=5).stdout


def test_what_undoes_it_meets_the_same_room_and_profile(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[profiles.one]\n[profiles.two]\n")
    of_one = ("--config", str(config), "--profile", "one")
    pin("assign", "--all", *of_one, code=2)
    assigned = pin("assign", *of_one, "--", "--all")
    released = pin("release", *of_one, "--", "--all")
    pin("assign", *of_one, "--", "--all")
    before = pin("list", *of_one, "--show-pins").stdout
    rotated = pin("rotate", *of_one, "--", "--all")
    assert undo_of(assigned.stderr) == [*of_one, "pin", "release", "--", "--all"]
    assert undo_of(released.stdout) == [*of_one, "pin", "assign", "--pin-stdin", "--", "--all"]
    assert run(*undo_of(rotated.stderr)).code == 0
    assert _without_times(pin("list", *of_one, "--show-pins").stdout) == _without_times(before)
    assert run(*undo_of(assigned.stderr)).code == 0
    assert items(pin("list", *of_one, "-o", "json")) == []


def _without_times(table: str) -> list[str]:
    return [line.rpartition("\t")[0] for line in table.splitlines()]


def test_a_rotation_of_live_rooms_with_odd_names_and_short_pins_is_undone(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    names = ["live", "line\u2028break", "next\u0085line", " spaces ", "two\nlines", "x" * 256]
    run("room", "create", "live", env=env)
    pin("assign", *names, env=env | {"ROOM_TELEPHONY_PIN_LENGTH": "6"})
    before = pins(env)
    rotated = pin("rotate", *names, "--apply", "--allow", "live-room", env=env)
    assert pins(env).keys() == before.keys()
    assert not set(pins(env).values()) & set(before.values())
    assert run(*undo_of(rotated.stderr), env=env).code == 0
    assert pins(env) == before


def test_what_is_on_the_protect_list_keeps_its_pin(sandbox: Sandbox, tmp_path: Path) -> None:
    env = env_of(sandbox)
    pin("assign", "by-name", "by-rule", "live", "free", env=env)
    run("room", "create", "live", env=env)
    rule = run("rules", "create", "--room", "by-rule", "--pin-from-registry", "-o", "name", env=env).stdout.strip()
    config = tmp_path / "config.toml"
    config.write_text(f'default_profile = "default"\n[profiles.default]\nprotect = ["SIP_by-name", "{rule}"]\n')
    env["SIPCTL_CONFIG"] = str(config)
    before = pins(env)
    for room in ("by-name", "by-rule"):
        assert_error(run("pin", "rotate", room, env=env), 5, "on the profile's protect list", "--allow protected")
    described = pin("rotate", "--all", "--apply", env=env).stderr
    for room, reason in (("by-name", "protected"), ("by-rule", "protected"), ("live", "live")):
        assert f"note: room '{room}' is left out: {reason}" in described
    assert {room for room, held in pins(env).items() if held != before[room]} == {"free"}
    plan = pin("import", "-", "--apply", "-o", "json", env=env, stdin="room,pin\nby-rule,9988776655\n")
    assert items(plan)[0]["result"] == "left out: protected"
    rotated = pin("rotate", "by-rule", "--allow", "protected", env=env)
    assert pins(env)["by-rule"] != before["by-rule"]
    assert run(*undo_of(rotated.stderr), env=env).code == 0
    assert pins(env)["by-rule"] == before["by-rule"]


def test_nothing_to_rotate_is_nothing_to_undo() -> None:
    assert "undo" not in pin("rotate", "--all", "--apply").stderr


def test_a_rotation_that_livekit_refused_is_nothing_to_undo(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", "b", env=env)
    before = pins(env)
    for room, number in before.items():
        run("rules", "create", "--room", room, "--name", f"SIP_{room}", "--pin-stdin", env=env, stdin=number.encode())
    for twin in ("SDR_twin", "SDR_twin2"):
        plant_rule(sandbox, twin, "elsewhere", "7777777", name="theirs")
    refused = run("pin", "rotate", "--all", "--apply", env=env)
    assert refused.code != 0
    assert "undo" not in refused.stderr
    assert pins(env) == before
    del sandbox.store.rules["SDR_twin"]
    assert "undo" in pin("rotate", "--all", "--apply", env=env).stderr


def test_sets_are_rotated_only_with_apply(tmp_path: Path) -> None:
    pin("assign", "a", "b", "c")
    before = pins()
    for words in (("a", "b"), ("--all",), ("--stdin",)):
        plan = items(pin("rotate", *words, "-o", "json", stdin="a\n"))
        assert {one["plan"] for one in plan} == {"rotate"}
    assert pins() == before
    done = pin("rotate", "--all", "--apply", "-o", "json")
    assert len(items(done)) == 3
    after = pins()
    assert not set(before.values()) & set(after.values())
    (file,) = Path(os.environ["SIPCTL_STATE_DIR"]).glob("rotation-*.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {row["room"]: row["pin"] for row in map(json.loads, file.read_text().splitlines())} == before
    undo = re.search("undo: sipctl (.*)", done.stderr)
    assert undo
    assert run(*undo[1].split()).code == 0
    assert pins() == before


def test_found_by_the_audit_and_rotated() -> None:
    pin("assign", "long", env=clean_env(ROOM_TELEPHONY_PIN_LENGTH="12"))
    pin("assign", "trivial", "--pin-stdin", stdin="1234567890")
    pin("assign", "good", "--pin-stdin", stdin="5029384756")
    report = json.loads(pin("audit", "-o", "json", code=0).stdout)
    validate(report)
    found = {(one["code"], one["resource"]) for one in report["findings"] if one["level"] == "warn"}
    assert found == {("PIN502", "room long"), ("PIN507", "room trivial")}
    assert report["exposure"]["every room"]["pins"] == 3
    named = pin("audit", "--only", "PIN502", "-o", "name").stdout
    assert named == "long\n"
    pin("rotate", "--stdin", "--apply", stdin=named)
    assert len(pins()["long"]) == 10
    pin("rotate", "trivial")
    assert json.loads(pin("audit", "-o", "json").stdout)["counts"]["warn"] == 0


def test_the_figures_name_their_inputs() -> None:
    pin("assign", "a")
    described = pin("audit", "--lines", "100", "--seconds-per-call", "4", "--target", "0.001").stdout
    assert "100 lines at 4 s a call" in described
    assert "10,000,000,000 possible PINs" in described
    assert "keep that under 0.001" in described


# --- with a LiveKit ---


def test_registry_and_live_rule(sandbox: Sandbox) -> None:
    env = env_of(sandbox, ROOM_TELEPHONY_PHONE_NUMBER="01 70 18 99 00", ROOM_TELEPHONY_DEFAULT_COUNTRY="FR")
    sandbox.join("standup", "alice")
    pin("assign", "standup", env=env)
    held = pins(env)["standup"]
    assert run("rules", "create", "--room", "standup", "--pin-from-registry", env=env).code == 0
    shown = item(pin("show", "standup", "--show-pins", "-o", "json", env=env))
    assert shown["one_tap"] == f"+33170189900,,{held}#"
    assert shown["live"] is True
    assert shown["caller_hears"] == "the PIN opens the room"
    assert held not in pin("show", "standup", env=env).stdout
    for words in ("rotate", "release"):
        assert_error(run("pin", words, "standup", env=env), 5, "--allow live-room")
    assert [one["plan"] for one in items(pin("rotate", "--all", "-o", "json", env=env))] == ["left out: live"]
    done = items(pin("rotate", "standup", "--allow", "live-room", "--show-pins", "-o", "json", env=env))
    rule = next(iter(sandbox.store.rules.values()))
    assert rule.rule.dispatch_rule_direct.pin == pins(env)["standup"] == done[0]["pin"] != held
    assert done[0]["rules"] == [rule.sip_dispatch_rule_id]
    found = item(pin("lookup", "-o", "json", stdin=done[0]["pin"], env=env))
    assert found == {"room": "standup", "state": "active", "rules": [rule.sip_dispatch_rule_id], "live": True}
    assert item(pin("lookup", "-o", "json", stdin=held, env=env))["state"] == "retired"


def test_the_pin_of_a_live_room_is_not_released(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "standup", env=env)
    sandbox.join("standup", "alice")
    assert_error(run("pin", "release", "standup", env=env), 5, "it is live", "--allow live-room")
    assert "standup" in pins(env)


def test_a_pin_that_a_rule_carries_is_not_released(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "standup", env=env)
    assert run("rules", "create", "--room", "standup", "--pin-from-registry", env=env).code == 0
    assert_error(run("pin", "release", "standup", env=env), 5, "carries its PIN", "--allow live-room")
    assert "standup" in pins(env)


def test_what_is_on_the_protect_list_is_not_released(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[profiles.default]\nprotect = ["lobby"]\n')
    env = clean_env(SIPCTL_CONFIG=str(config))
    pin("assign", "lobby", env=env)
    assert_error(run("pin", "release", "lobby", env=env), 5, "protect list", "--allow protected")
    pin("release", "lobby", "--allow", "protected", env=env)
    assert pins(env) == {}


@pytest.mark.parametrize("name", ["", " ", "r" * 257])
def test_a_name_that_no_room_can_have(name: str) -> None:
    assert_error(run("pin", "assign", "demo", name), 2, "1 to 256 bytes")
    assert pins(clean_env()) == {}


def test_a_rotation_draws_no_pin_that_a_live_rule_carries(sandbox: Sandbox) -> None:
    """Of all PINs with four digits only one is neither the room's own nor a foreign rule's."""
    taken = (f"{number:04}" for number in range(10_000) if number not in {4821, 7703})
    rules = [{"name": "theirs", "rule": {"dispatch_rule_direct": {"room_name": "theirs", "pin": one}}} for one in taken]
    plant_snapshot(sandbox.store, json.dumps({"trunks": [], "rules": rules, "rooms": []}))
    env = env_of(sandbox, ROOM_TELEPHONY_PIN_LENGTH="4", ROOM_TELEPHONY_PIN_MAX_RETRIES="1000000")
    pin("assign", "standup", "--pin-stdin", env=env, stdin="4821")
    pin("rotate", "standup", env=env)
    assert pins(env) == {"standup": "7703"}


def test_missing_rooms_that_are_live(sandbox: Sandbox) -> None:
    env = env_of(sandbox, SIPCTL_ROOM_PATTERN="team-.*")
    for room in ("team-a", "team-b", "elsewhere"):
        sandbox.join(room, "alice")
    pin("assign", "--missing", "--live", env=env)
    assert sorted(pins(env)) == ["team-a", "team-b"]


def test_no_second_truth(sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_livekit_down(sandbox: Sandbox) -> None:
    env = env_of(sandbox, LIVEKIT_URL="http://127.0.0.1:9")
    for words in (("assign", "a"), ("assign", "--missing", "--live"), ("rotate", "--all", "--apply")):
        assert_error(run("pin", *words, env=env), 3, "127.0.0.1:9")
    assert pins(env) == {}
    pin("assign", "a", "--no-live", env=env)
    pin("rotate", "a", "--no-live", env=env)
    assert sorted(pins(env)) == ["a"]
    assert_error(run("pin", "show", "a", env=env), 3)
    pin("show", "a", "--no-live", env=env)


def test_told_once_that_no_livekit_is_asked() -> None:
    assert pin("assign", "a").stderr.count("no LiveKit is configured") == 1


def test_half_way_is_named_and_finished(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", env=env)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    sandbox.fault("cut@UpdateSIPDispatchRule")
    ended = pin("rotate", "a", env=env, code=6)
    assert "stands half-way" in ended.stderr
    assert "pin rotate --recover" in ended.stderr
    sandbox.lift_faults()
    report = json.loads(pin("audit", "-o", "json", env=env, code=1).stdout)
    assert "PIN510" in {one["code"] for one in report["findings"] if one["level"] == "error"}
    assert [one["room"] for one in items(pin("rotate", "--recover", "--dry-run", "-o", "json", env=env))] == ["a"]
    pin("rotate", "--recover", env=env)
    assert json.loads(pin("audit", "-o", "json", env=env).stdout)["counts"]["error"] == 0
    rule = next(iter(sandbox.store.rules.values()))
    assert rule.rule.dispatch_rule_direct.pin == pins(env)["a"]
    pin("rotate", "--recover", env=env)


def test_an_import_that_fails_in_part_shows_what_it_did(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", env=env)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    sandbox.fault("cut@UpdateSIPDispatchRule")
    ended = pin("import", "-", "--apply", "-o", "json", env=env, stdin="room,pin\na,4455667788\nb,5566778899\n", code=6)
    assert [(one["room"], one["result"]) for one in items(ended)] == [("a", "partly done"), ("b", "added")]
    assert "pin rotate --recover" in ended.stderr


def test_an_import_adds_nothing_while_another_run_writes(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    with run_lock(Path(env["SIPCTL_STATE_DIR"]), sandbox.url):
        assert_error(run("pin", "import", "-", "--apply", env=env, stdin=b"room,pin\nb,5566778899\n"), 8, "another")
    assert pins(env) == {}


def test_an_import_without_an_audit_adds_and_changes_nothing(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", "--pin-stdin", env=env, stdin="1122334455")
    audit = Path(env["SIPCTL_STATE_DIR"]) / "audit.jsonl"
    audit.unlink()
    audit.mkdir()
    ended = run("pin", "import", "-", "--apply", env=env, stdin=b"room,pin\na,4455667788\nb,5566778899\n")
    assert_error(ended, 3, "cannot write the audit")
    assert pins(env) == {"a": "1122334455"}


def test_an_import_of_which_a_part_is_refused_is_no_refusal(sandbox: Sandbox) -> None:
    """What the file adds is there before the rules are listed."""
    env = env_of(sandbox)
    pin("assign", "a", env=env)
    before = pins(env)
    sandbox.fault("status=403@UpdateSIPDispatchRule")
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    text = "room,pin\na,4455667788\nb,5566778899\n"
    ended = pin("import", "-", "--apply", "-o", "json", env=env, stdin=text, code=6)
    assert [(one["room"], one["result"]) for one in items(ended)] == [("a", "failed"), ("b", "added")]
    assert pins(env) == {**before, "b": "5566778899"}


@pytest.mark.parametrize(
    "bad", [b"\0" * 40, b'{"room": "b", "pi', b'd\xff"}', b'{"room": "\xff", "pin": "1"}', b"[]", b"{}"]
)
def test_a_damaged_line_of_a_list_of_old_pins_spoils_none_of_the_others(sandbox: Sandbox, bad: bytes) -> None:
    env = env_of(sandbox)
    pin("assign", "a", "c", env=env)
    before = pins(env)
    pin("rotate", "a", "c", "--apply", env=env)
    (file,) = Path(env["SIPCTL_STATE_DIR"]).glob("rotation-*.jsonl")
    first, second = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([bad, first, bad, second, bad]))
    ended = pin("import", str(file), "--apply", env=env, code=6)
    assert ended.stderr.count(f"note: 3 lines of {file} passed over: ") == 1
    assert pins(env) == before


def test_a_list_of_which_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_bytes(b"\0\0\n")
    assert_error(run("pin", "import", str(tmp_path / "list.jsonl")), 2, "no line of the file is an object")


def test_rooms_that_got_their_pins_before_an_error_are_counted() -> None:
    rooms = "".join(f"room-{at}\n" for at in range(1000)).encode()
    ended = run("pin", "assign", "--stdin", "-o", "name", stdin=rooms + b"\xff\n")
    assert ended.code == 6
    assert "1000 rooms got a PIN; then: line 1001 of stdin is not UTF-8" in ended.stderr
    assert len(pins()) == len(ended.stdout.splitlines()) == 1000
    assert_error(run("pin", "assign", "--stdin", stdin=b"\xff\n"), 2, "line 1 of stdin")


def test_lists_of_old_pins_are_kept_for_thirty_days(sandbox: Sandbox) -> None:
    """The next rotation after that removes them, and nothing else."""
    env = env_of(sandbox)
    state = Path(env["SIPCTL_STATE_DIR"])
    pin("assign", "a", env=env)
    pin("rotate", "a", env=env)
    (first,) = state.glob("rotation-*.jsonl")
    others = [state / name for name in ("rotation-mine.txt", "notes.jsonl", ".sipctl-draft", "rotation-folder.jsonl")]
    for path in others[:3]:
        path.touch(mode=0o600)
    others[3].mkdir()
    now = time.time()
    for days, stays in ((29.9, True), (30.1, False)):
        for path in (first, *others):
            os.utime(path, (now - days * 86_400,) * 2)
        pin("rotate", "a", env=env)
        assert first.exists() is stays
    assert [path.exists() for path in others] == [True, True, False, True]
    assert len(list(state.glob("rotation-*.jsonl"))) == 3


def test_the_doctor_knows_the_registry(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    sandbox.join("a", "alice")
    pin("assign", "a", env=env)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    pin("rotate", "a", "--no-live", env=env)
    report = json.loads(run("doctor", "--settle", "0", "-o", "json", env=env).stdout)
    assert "PIN505" in {one["code"] for one in report["findings"] if one["level"] == "error"}


def test_two_profiles_do_not_share_pins_unseen(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[profiles.one]\n[profiles.two]\n")
    env = clean_env(SIPCTL_CONFIG=str(config))
    for profile, room in (("one", "a"), ("two", "b")):
        pin("assign", room, "--pin-stdin", "--profile", profile, env=env, stdin="5029384756")
    assert sorted(one.name for one in Path(env["SIPCTL_DATA_DIR"]).glob("*.db")) == ["pins-one.db", "pins-two.db"]
    report = json.loads(pin("audit", "--profile", "one", "--also-profile", "two", "-o", "json", env=env, code=1).stdout)
    (error,) = (one for one in report["findings"] if one["level"] == "error")
    assert (error["code"], error["resource"]) == ("PIN506", "room a")
    assert "'two'" in error["detail"]


@pytest.mark.parametrize("style", ["table", "json", "jsonl", "name", "csv", "junit", "prometheus"])
def test_no_format_shows_a_pin(sandbox: Sandbox, style: str) -> None:
    env = env_of(sandbox, ROOM_TELEPHONY_PIN_LENGTH="12", ROOM_TELEPHONY_PHONE_NUMBER="+33170189900")
    pin("assign", "a", "--pin-stdin", env=env, stdin=CANARY)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    described = ""
    for words, stdin in (
        (("list",), ""), (("show", "a"), ""), (("lookup",), CANARY), (("audit", "-v"), ""), (("export",), ""),
        (("assign", "a"), ""), (("rotate", "a", "--dry-run"), ""), (("import", "-"), f"room,pin\nb,{CANARY}\n"),
        (("assign", "b", "--pin-stdin"), CANARY), (("rotate", "a"), ""), (("release", "a"), ""),
    ):  # fmt: skip
        ended = run("pin", *words, "-o", style, env=env, stdin=stdin.encode())
        described += ended.stdout + ended.stderr
    assert CANARY not in described
    assert not set(pins(env).values()) & set(described.split())


# --- homes ---


@pytest.fixture
def meet(postgres: Postgres, tmp_path: Path) -> dict[str, str]:
    """The environment of a profile that leads to Meet's tables by Meet's own env file."""
    url = postgres.new_database(MEETS_TABLES)
    engine = open_engine(url)
    add_meet_rooms(engine, ROOMS)
    engine.dispose()
    database, host = re.search(r"@/(\w+)\?host=(.*)", url).groups()  # type: ignore[union-attr]
    (tmp_path / "password").write_text("unused\n")
    (tmp_path / "common").write_text(
        f"DB_HOST = {host}\nDB_NAME={database}\nDB_USER='postgres'\nDB_PASSWORD_FILE={tmp_path / 'password'}\n"
    )
    config = tmp_path / "c.toml"
    config.write_text('[profiles.p]\nenv_files = ["common"]\n[profiles.p.registry]\nlayout = "meet"\n')
    return clean_env(SIPCTL_CONFIG=str(config))


def test_meets_rooms(meet: dict[str, str]) -> None:
    assert len(items(pin("list", "--missing", "-o", "json", env=meet))) == len(ROOMS)
    pin("assign", ROOMS[0].upper(), "room 1", "room-2-0000-0003", env=meet)
    assert sorted(room for room, one in pins(meet).items() if one) == sorted(ROOMS[:3])
    assert_error(run("pin", "assign", "nobody", env=meet), 7, "Meet knows no room 'nobody'")
    pin("rotate", "room 1", env=meet)
    pin("rotate", "room 1", ROOMS[1], "--apply", env=meet)
    pin("release", ROOMS[2], env=meet)
    pin("assign", "--missing", env=meet)
    assert all(pins(meet).values())
    described = pin("import", "-", env=meet, stdin=f"resource_id,pin_code\nno-uuid,0123456789\n{ROOMS[0]},\n", code=5)
    assert "Meet has no such room" in described.stdout
    engine = open_engine(_url_of(meet))
    add_meet_rooms(engine, [ROOMS[0].replace("0000-", "1111-", 1)])
    engine.dispose()
    ambiguous = run("pin", "show", "room 0", env=meet)
    assert_error(ambiguous, 2, ROOMS[0], ROOMS[0].replace("0000-", "1111-", 1))


def _url_of(env: dict[str, str]) -> str:
    text = (Path(env["SIPCTL_CONFIG"]).parent / "common").read_text()
    host, name = (re.search(rf"{key} ?= ?(.*)", text)[1] for key in ("DB_HOST", "DB_NAME"))  # type: ignore[index]
    return f"postgresql://postgres@/{name}?host={host}"


def test_a_rule_for_a_room_of_meets_by_whatever_name(meet: dict[str, str], sandbox: Sandbox) -> None:
    env = env_of(sandbox, SIPCTL_CONFIG=meet["SIPCTL_CONFIG"])
    pin("assign", "room 1", env=env)
    assert run("rules", "create", "--room", "room 1", "--pin-from-registry", env=env).code == 0
    (rule,) = sandbox.store.rules.values()
    assert (rule.name, rule.rule.dispatch_rule_direct.room_name) == (f"SIP_{ROOMS[1]}", ROOMS[1])


def test_meet_without_its_tables_rights_or_server(meet: dict[str, str], postgres: Postgres, tmp_path: Path) -> None:
    empty = postgres.new_database()
    for url, described in (
        (empty, "has not the tables"),
        (empty.replace("postgres@", "nobody@"), "role"),
        (re.sub(r"@/\w+", "@/missing", empty), "does not exist"),
        (f"postgresql://x@127.0.0.1:{9}/x", "cannot be used"),
    ):
        ended = run("pin", "list", env=meet | {"SIPCTL_REGISTRY_URL": url})
        assert ended.code in {2, 3}, ended
        assert described in ended.stderr, ended
        assert "Traceback" not in ended.stderr


def test_postgresql_of_our_own(postgres: Postgres) -> None:
    env = clean_env(SIPCTL_REGISTRY_URL=postgres.new_database())
    pin("assign", "a", "b", env=env)
    pin("rotate", "a", env=env)
    pin("release", "b", env=env)
    assert sorted(pins(env)) == ["a"]
    assert not data_file().exists()


def test_a_state_database_beside_a_registry_of_our_own(postgres: Postgres) -> None:
    env = clean_env(SIPCTL_REGISTRY_STATE_URL=postgres.new_database())
    pin("assign", "a", env=env)
    (old,) = pins(env).values()
    pin("rotate", "a", env=env)
    chosen = pin("assign", "b", "--pin-stdin", env=env, stdin=old, code=5)
    assert "room 'a' had it" in chosen.stderr
    assert pins(clean_env()) == pins(env)


@pytest.mark.parametrize("url", ["postgresql://one:5432,two:5433/pins", "postgresql://host:port/pins"])
def test_urls_that_are_none(url: str) -> None:
    assert_error(run("pin", "list", env=clean_env(SIPCTL_REGISTRY_URL=url)), 2, "no database url")


@pytest.mark.parametrize("port", ["text", "0", "65536", "5432x", "١٢"])
def test_a_port_of_meets_database_that_is_none(meet: dict[str, str], port: str) -> None:
    common = Path(meet["SIPCTL_CONFIG"]).parent / "common"
    common.write_text(f"{common.read_text()}DB_PORT={port}\n")
    assert_error(run("pin", "list", env=meet), 2, "DB_PORT", "is no port")


def test_databases_that_cannot_be_used(tmp_path: Path) -> None:
    pin("assign", "a")
    locked = open_engine(f"sqlite:///{data_file()}")
    with locked.begin():
        assert_error(run("pin", "assign", "b", "--timeout", "0.2"), 3, "locked by another program")
        pin("list")
    locked.dispose()
    data_file().chmod(0o400)
    if os.getuid():
        assert_error(run("pin", "assign", "b"), 3, "read")
    data_file().chmod(0o600)
    for bad in ("mysql://u:secret-word@h/d", "nonsense secret-word"):
        refused = run("pin", "list", env=clean_env(SIPCTL_REGISTRY_URL=bad))
        assert refused.code == 2
        assert "secret-word" not in refused.stderr
    data_file().write_bytes(b"this is no database" * 200)
    for extra in data_file().parent.glob("pins.db-*"):
        extra.unlink()
    assert_error(run("pin", "list"), 2, "corrupt")


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


def test_show_loads_no_sdk_where_it_is_not_needed() -> None:
    pin("assign", "a")
    code = "import runpy, sys\nsys.argv[0] = 'sipctl'\ntry:\n    runpy.run_module('sipctl', run_name='__main__')\n"
    code += "except SystemExit:\n    pass\nsys.stderr.write(' '.join(sys.modules))"
    ended = subprocess.run(
        [command()[0], "-c", code, "pin", "show", "a", "--no-live"], env=clean_env(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    loaded = set(ended.stderr.split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"livekit", "aiohttp", "google.protobuf"}


def test_errors_as_json() -> None:
    ended = run("pin", "show", "nobody", "-o", "json")
    error = json.loads(ended.stderr.splitlines()[-1])["error"]
    assert (ended.code, error["code"], error["exit_code"]) == (7, "not-found", 7)
    jsonschema.validate(error["hint"], {"type": "string", "minLength": 1})
