"""`pin release`: which PINs stay, and how one comes back."""

import json
import shlex
import stat
from pathlib import Path

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import item, pin, pins
from tests.support.running import assert_error, clean_env, env_of, run


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


def test_a_release_is_undone_by_the_file_that_it_wrote(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "retro", env=env)
    held = pins(env)
    released = item(pin("release", "retro", "-o", "json", env=env))
    assert pins(env) == {}
    undo = shlex.split(released["undo"])[1:]
    assert stat.S_IMODE(Path(undo[2]).stat().st_mode) == 0o600
    assert run(*undo, env=env).code == 0
    assert pins(env) == held
    written = json.loads(run("rules", "history", "-o", "json", env=env).stdout)["items"]
    assert [one["undo"] for one in written if one["action"] == "release"] == [released["undo"]]


def test_a_dry_run_leaves_no_file(sandbox: Sandbox) -> None:
    env = env_of(sandbox)
    pin("assign", "retro", env=env)
    shown = item(pin("release", "retro", "--dry-run", "-o", "json", env=env))
    assert (shown["applied"], shown["undo"]) == (False, "")
    assert not list(Path(env["SIPCTL_STATE_DIR"]).glob("rotation-*"))
