"""Several things at one delete: a plan first, each judged by itself, one lock, one undo each."""

import json
import shlex
from typing import Any

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule
from tests.support.running import env_of as env_for
from tests.support.running import run
from tests.support.schemas import validate

Server = Sandbox | RealLiveKit


@pytest.fixture
def env(livekit: Server) -> dict[str, str]:
    """A live room with its rule, and two rules whose rooms are over."""
    livekit.join("live", "alice")
    for at, room in enumerate(("live", "one", "two")):
        plant_rule(livekit, f"SDR_{room}", room, f"482193050{at}")
    return env_for(livekit)


def rules(env: dict[str, str]) -> set[str]:
    return set(run("rules", "list", "-o", "name", env=env).stdout.split())


def document(env: dict[str, str], *words: str, code: int = 0) -> list[dict[str, Any]]:
    ended = run(*words, "-o", "json", env=env)
    assert ended.code == code, ended
    value = json.loads(ended.stdout)
    validate(value)
    items: list[dict[str, Any]] = value["items"]
    return items


def test_several_rules_go_once_their_plan_was_seen_and_each_comes_back(env: dict[str, str]) -> None:
    planned = document(env, "rules", "delete", "SDR_one", "SIP_two", "SDR_one")
    assert [(one["named"], one["change"]["applied"]) for one in planned] == [("SDR_one", False), ("SIP_two", False)]
    assert rules(env) == {"SDR_live", "SDR_one", "SDR_two"}
    done = document(env, "rules", "delete", "SDR_one", "SIP_two", "--apply")
    assert rules(env) == {"SDR_live"}
    for one in done:
        assert run(*shlex.split(one["change"]["undo"])[1:], env=env).code == 0
    assert len(rules(env)) == 3


def test_one_that_is_refused_does_not_stop_the_others(env: dict[str, str]) -> None:
    planned = document(env, "rules", "delete", "SDR_one", "SDR_live", "SDR_gone")
    assert [bool(one["error"]) for one in planned] == [False, True, True]
    done = document(env, "rules", "delete", "SDR_one", "SDR_live", "--apply", code=ExitCode.PARTIAL)
    assert "is live" in done[1]["error"]
    assert rules(env) == {"SDR_live", "SDR_two"}


def test_several_rooms_and_trunks(env: dict[str, str]) -> None:
    for number in ("1", "2", "3"):
        made = run("trunk", "create", "--name", f"t{number}", "--number", f"+3319900000{number}", env=env)
        assert made.code == 0, made
        assert run("room", "create", f"r{number}", env=env).code == 0
    document(env, "room", "delete", "r1", "r2", "--apply")
    assert set(run("room", "list", "-o", "name", env=env).stdout.split()) == {"live", "r3"}
    document(env, "trunk", "delete", "t1", "t2", "--apply")
    last = document(env, "trunk", "delete", "t3", "nothing", "--apply", code=ExitCode.PARTIAL)
    assert "last inbound trunk" in last[0]["error"]


def test_the_undo_of_the_first_trunk_works(env: dict[str, str]) -> None:
    made = json.loads(run("trunk", "create", "--number", "+33199000001", "-o", "json", env=env).stdout)
    assert run(*shlex.split(made["item"]["undo"])[1:], env=env).code == 0
