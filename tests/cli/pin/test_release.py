"""`pin release`: which PINs stay."""

from pathlib import Path

from sipctl.sandbox.server import Sandbox
from tests.support.pin_commands import pin, pins
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
