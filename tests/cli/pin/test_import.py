"""`pin import`: first the plan, then what it says, and nothing of what it refuses."""

import json
import re
from pathlib import Path

import pytest

from sipctl.operations.lock import run_lock
from sipctl.sandbox.server import Sandbox
from tests.support.homes import ROOMS
from tests.support.pin_commands import item, items, pin, pins
from tests.support.planting import plant_rule
from tests.support.running import assert_error, clean_env, env_of, run


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


def test_what_a_big_registry_exports_can_be_imported(tmp_path: Path) -> None:
    file = tmp_path / "pins.jsonl"
    rows = ({"room": f"{number:0250}", "pin": f"{number:010}"} for number in range(20_000))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(pin("import", str(file), "-o", "name").stdout.splitlines()) == 20_000


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
    """One that it has no more, and one in the place of another; no one else's."""
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


def test_pins_of_live_rules_are_brought_in(sandbox: Sandbox) -> None:
    """The way out of two systems that hand out PINs: the registry learns what the rules carry."""
    env = env_of(sandbox)
    for room, number in (("standup", "4821930571"), ("short", "58204"), ("ended", "7703158264")):
        plant_rule(sandbox, f"SDR_{room}", room, number)
    plant_rule(sandbox, "SDR_theirs", "standup", "1234509876", name="theirs", trunk_ids=["ST_x"])
    for room in ("standup", "short", "new"):
        sandbox.join(room, "alice")
    refused = run("pin", "assign", "new", env=env)
    assert_error(refused, 5, "pin import --from-rules")
    assert pins(env) == {}
    plan = pin("import", "--from-rules", env=env)
    assert "Nothing was changed; the same with --apply does it" in plan.stderr
    pin("import", "--from-rules", "--apply", env=env)
    assert pins(env) == {"standup": "4821930571", "short": "58204"}
    pin("assign", "new", env=env)


@pytest.mark.parametrize("words", [("pins.csv", "--from-rules"), (), ("--from-rules", "--no-live")])
def test_one_source_is_named(words: tuple[str, ...]) -> None:
    assert_error(run("pin", "import", *words), 2, "--from-rules")
