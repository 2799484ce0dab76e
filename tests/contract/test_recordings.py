"""The sandbox gives the answers that a real livekit-server gave; so does the real server of the tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.sandbox.store import Store
from tests.support.needs import need_real_server
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.recordings import Line, Replay, lines

SCENARIOS = (
    "auth", "transport", "protobuf", "inbound_trunks", "outbound_trunks", "dispatch_rules_create",
    "dispatch_rules_conflicts", "dispatch_rules_update_delete", "dispatch_rules_list", "dispatch_rules_300", "rooms",
    "rooms_empty_timeout", "sip_participant_errors", "no_redis", "redis_lost", "dev_mode",
)  # fmt: skip
SECRET = "a-secret-of-the-tests-with-32-bytes"

UNDECIDED = {("no_redis", 33)}
"""Lines to which a real server gives one answer today and another tomorrow: two of its time limits race."""


def _lose_redis(store: Store) -> None:
    store.redis = "lost"


def _restart_redis_empty(store: Store) -> None:
    store.redis = "connected"
    for things in (store.rules, store.inbound, store.outbound, store.rooms):
        things.clear()


ACTIONS: dict[str, Callable[[Store], None]] = {
    "redis is stopped, livekit-server goes on": _lose_redis,
    "an empty redis is started on the same port": _restart_redis_empty,
}


def _prepared(settings: Line) -> Sandbox:
    room = settings.get("room", {"empty_timeout": 300, "departure_timeout": 20})
    store = Store(empty_timeout_s=room["empty_timeout"], departure_timeout_s=room["departure_timeout"])
    if settings.get("redis", "") is None or settings.get("dev"):
        store.redis = "none"
    return Sandbox(api_secret=settings.get("keys", {}).get("devkey", SECRET), store=store)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str) -> None:
    recorded = list(lines(scenario))
    settings = recorded.pop(0)["server_settings"] if recorded[0]["n"] == 0 else {}
    with running_sandbox(_prepared(settings)) as sandbox:
        replay = Replay(sandbox.url, sandbox.api_key, sandbox.api_secret.reveal(), now=sandbox.store.clock.now)
        for line in recorded:
            if action := line.get("action_before"):
                ACTIONS[action](sandbox.store)
            sandbox.advance(line.get("wait_before_s", 0))
            asyncio.run(replay.run(line))


@pytest.mark.real
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in {"redis_lost", "dev_mode"}])
def test_scenario_on_the_real_server(scenario: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    need_real_server()
    recorded = list(lines(scenario))
    settings = recorded.pop(0)["server_settings"] if recorded[0]["n"] == 0 else {}
    recorded = [line for line in recorded if (scenario, line["n"]) not in UNDECIDED]
    if settings:
        with running_livekit(tmp_path, redis="redis" not in settings, settings=settings.get("room")) as own:
            _replay(own, recorded)
    else:
        _replay(request.getfixturevalue("real"), recorded)


def _replay(server: RealLiveKit, recorded: list[Line]) -> None:
    replay = Replay(server.url, server.api_key, server.api_secret.reveal())
    for line in recorded:
        sleep(line.get("wait_before_s", 0))  # the server's own clock decides when a room is closed
        asyncio.run(replay.run(line))
