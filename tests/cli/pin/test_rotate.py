"""`pin rotate`: another PIN, in the registry and in the live rule together, and back."""

import json
import os
import re
import stat
import time
from pathlib import Path

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import item, items, pin, pins, undo_of
from tests.support.planting import plant_rule
from tests.support.running import assert_error, env_of, run


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
    assert undo_of(released.stdout)[: len(of_one) + 2] == [*of_one, "pin", "import"]
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


def test_registry_and_live_rule(sandbox: Sandbox) -> None:
    env = env_of(sandbox, ROOM_TELEPHONY_PHONE_NUMBER="01 70 18 99 00", ROOM_TELEPHONY_DEFAULT_COUNTRY="FR")
    sandbox.join("standup", "alice")
    pin("assign", "standup", env=env)
    held = pins(env)["standup"]
    assert run("rules", "create", "--room", "standup", "--pin-from-registry", env=env).code == 0
    shown = item(pin("show", "standup", "--show-pins", "-o", "json", env=env))
    assert shown["one_tap"] == f"+33170189900,,{held}#"
    assert shown["live"] is True
    assert shown["caller_hears"].endswith(" get in with its PIN")
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


def test_a_rotation_draws_no_pin_that_a_live_rule_carries(sandbox: Sandbox) -> None:
    """Of all PINs with four digits only one is neither the room's own nor a foreign rule's."""
    taken = (f"{number:04}" for number in range(10_000) if number not in {4821, 7703})
    rules = [{"name": "theirs", "rule": {"dispatch_rule_direct": {"room_name": "theirs", "pin": one}}} for one in taken]
    plant_snapshot(sandbox.store, json.dumps({"trunks": [], "rules": rules, "rooms": []}))
    env = env_of(sandbox, ROOM_TELEPHONY_PIN_LENGTH="4", ROOM_TELEPHONY_PIN_MAX_RETRIES="1000000")
    pin("assign", "standup", "--pin-stdin", env=env, stdin="4821")
    pin("rotate", "standup", env=env)
    assert pins(env) == {"standup": "7703"}


def test_half_way_is_named_and_finished(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", env=env)
    assert run("rules", "create", "--room", "a", "--pin-from-registry", env=env).code == 0
    sandbox.fault("cut@UpdateSIPDispatchRule")
    ended = pin("rotate", "a", env=env, code=6)
    assert "is half done" in ended.stderr
    assert "pin rotate --recover" in ended.stderr
    sandbox.lift_faults()
    report = json.loads(pin("audit", "-o", "json", env=env, code=1).stdout)
    assert "PIN510" in {one["code"] for one in report["findings"] if one["level"] == "error"}
    assert [one["room"] for one in items(pin("rotate", "--recover", "--dry-run", "-o", "json", env=env))] == ["a"]
    pin("rotate", "--recover", "--apply", env=env)
    assert json.loads(pin("audit", "-o", "json", env=env).stdout)["counts"]["error"] == 0
    rule = next(iter(sandbox.store.rules.values()))
    assert rule.rule.dispatch_rule_direct.pin == pins(env)["a"]
    pin("rotate", "--recover", "--apply", env=env)


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


def test_nothing_to_rotate_out_of_a_pipe_is_no_failure(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "a", env=env)
    named = run("pin", "audit", "-o", "name", env=env)
    assert (named.code, named.stdout) == (0, "")
    rotated = pin("rotate", "--stdin", "--apply", env=env, stdin=named.stdout)
    assert "undo" not in rotated.stderr
