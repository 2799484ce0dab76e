"""`sipctl pin assign`: what it says of live rooms whose rule does not carry the PIN yet."""

import json
import shlex

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule
from tests.support.running import Result, env_of, run

Server = Sandbox | RealLiveKit


def assign(server: Server, *words: str) -> Result:
    ended = run("pin", "assign", *words, env=env_of(server))
    assert ended.code == 0, ended
    return ended


def command_in(result: Result) -> list[str]:
    """The words of the one command that stderr prints."""
    (line,) = [line for line in result.stderr.splitlines() if "`sipctl rules sync" in line]
    return shlex.split(line.split("`")[1])[1:]


@pytest.mark.parametrize(("pin", "reason"), [("", "is open"), ("None", "the word None")])
def test_a_rule_without_a_pin_is_named_and_the_command_gives_it_one(livekit: Server, pin: str, reason: str) -> None:
    livekit.join("standup", "alice")
    plant_rule(livekit, "SDR_standup", "standup", pin)
    described = assign(livekit, "standup")
    assert "room 'standup' is live" in described.stderr
    assert "SDR_standup" in described.stderr
    assert reason in described.stderr
    synced = run(*command_in(described), env=env_of(livekit))
    assert synced.code == 0, synced
    shown = json.loads(run("rules", "show", "SDR_standup", "--show-pins", "-o", "json", env=env_of(livekit)).stdout)
    held = json.loads(run("pin", "show", "standup", "--show-pins", "-o", "json", env=env_of(livekit)).stdout)
    assert shown["item"]["rule"]["dispatch_rule_direct"]["pin"] == held["item"]["pin"]
    assert "sync" not in assign(livekit, "standup").stderr


def test_a_live_room_without_a_rule_is_named(livekit: Server) -> None:
    livekit.join("standup", "alice")
    described = assign(livekit, "standup")
    assert "it has no rule" in described.stderr
    assert run(*command_in(described), env=env_of(livekit)).code == 0
    assert "sync" not in assign(livekit, "standup").stderr


def test_several_such_rooms_are_counted(livekit: Server) -> None:
    for room in ("standup", "retro"):
        livekit.join(room, "alice")
    described = assign(livekit, "standup", "retro", "not-live")
    assert "2 rooms are live" in described.stderr
    assert command_in(described) == ["rules", "sync"]
