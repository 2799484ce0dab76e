"""A lock in PostgreSQL that is lost stops a run before its next batch of writes; what was begun is ended."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.errors import ChangedError, ExitCode
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.batch import StopSwitch
from sipctl.operations.lock import CheckLock, run_lock
from sipctl.operations.rules.delete import delete_rule
from sipctl.operations.sync.result import Result
from sipctl.operations.sync.webhook import ByWebhook
from sipctl.sandbox.server import Sandbox
from tests.support.homes import Home, opened
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.postgres import Postgres, end_sessions
from tests.support.rotating import pins, rotate
from tests.support.running import env_of, until
from tests.support.yard import Yard, before_the_list, intents, owned, plant, results


@pytest.fixture
def check(sandbox: Sandbox, tmp_path: Path, postgres: Postgres) -> Iterator[CheckLock]:
    """The lock of the sandbox, held in PostgreSQL."""
    with run_lock(tmp_path, sandbox.url, shared_url=postgres.new_database()) as check:
        yield check


@pytest.fixture
def held(sandboxed: Yard, check: CheckLock) -> Yard:
    sandboxed.switch = StopSwitch(check_lock=check)
    return sandboxed


def lost_before_the_list(number: int, postgres: Postgres, *also: Callable[[], object]) -> type[LiveKitClient]:
    """A client in whose back the session that holds the lock is ended right before its list of that number."""

    async def strike(_client: LiveKitClient) -> None:
        end_sessions(postgres)
        for one in also:
            one()

    return before_the_list(number, strike)


def test_between_the_plan_and_the_first_batch(held: Yard, postgres: Postgres) -> None:
    plant(held, "a", "b")
    held.desk.client_class = lost_before_the_list(3, postgres)
    outcome = held.purge()
    assert results(outcome) == [("a", Result.NOT_BEGUN), ("b", Result.NOT_BEGUN)]
    assert isinstance(held.switch.lost, ChangedError)
    assert sorted(held.pins()) == ["a", "b"]


def test_between_two_batches(held: Yard, sandbox: Sandbox, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is deleted; a rule that was deleted before still goes back to its room that came alive."""
    monkeypatch.setattr("sipctl.operations.sync.livekit.BATCH", 2)
    plant(held, "a", "b", "c", "d", "e")
    held.desk.client_class = lost_before_the_list(4, postgres, lambda: sandbox.join("a", "alice"))
    outcome = held.purge(max_delete_percent=100)
    described = dict(results(outcome))
    assert described == {
        "a": Result.PUT_BACK, "b": Result.DONE, "c": Result.NOT_BEGUN, "d": Result.NOT_BEGUN, "e": Result.NOT_BEGUN,
    }  # fmt: skip
    assert sorted(held.pins()) == ["a", "c", "d", "e"]


def test_changes_and_creations(held: Yard, sandbox: Sandbox, postgres: Postgres) -> None:
    assert held.registry
    held.registry.give([("drifted", "482193"), ("missing", "770315")])
    held.desk.store(owned("drifted", "None"))
    for room in ("drifted", "missing"):
        sandbox.join(room, "alice")
    held.desk.client_class = lost_before_the_list(1, postgres)
    assert results(held.run()) == [("drifted", Result.NOT_BEGUN), ("missing", Result.NOT_BEGUN)]
    assert held.pins() == {"drifted": "None"}
    assert intents(held) == ["run"]


def test_a_backend_gets_nothing_more_but_of_a_room_that_became_live(
    held: Yard, sandbox: Sandbox, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch is not begun; of the first one a room starts before it was looked at again."""
    monkeypatch.setattr("sipctl.operations.sync.livekit.BATCH", 1)
    rooms = sorted(str(uuid.UUID(int=number)) for number in (1, 2))
    plant(held, *rooms)
    with running_backend(Backend(sandbox, dict.fromkeys(rooms, "482193"))) as backend:
        held.policy["by_backend"] = True
        held.executor_for = lambda work: ByWebhook(work, backend.url, 5, 2, time.time)
        held.desk.client_class = lost_before_the_list(5, postgres, lambda: sandbox.join(rooms[0], "alice"))
        outcome = held.purge(max_delete_percent=100)
        assert results(outcome) == [(rooms[0], Result.PUT_BACK), (rooms[1], Result.NOT_BEGUN)]
        assert backend.events == [("room_finished", rooms[0]), ("room_started", rooms[0])]


def test_a_write_of_one_thing(held: Yard, check: CheckLock, postgres: Postgres) -> None:
    (rule,) = plant(held, "a")
    held.desk.client_class = lost_before_the_list(1, postgres)
    with pytest.raises(ChangedError, match="lost"):
        held.desk.write(lambda writer: delete_rule(replace(writer, check_lock=check), rule.sip_dispatch_rule_id))
    assert list(held.pins()) == ["a"]
    assert intents(held) == []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened("sqlite", tmp_path, None) as one:
        one.registry.give([("a", "482193"), ("b", "770315"), ("c", "111222")])
        yield one


def test_a_rotation_that_was_begun_is_given_up(
    sandboxed: Yard, home: Home, check: CheckLock, postgres: Postgres
) -> None:
    """The registry has the new PINs already when the rules are listed; after it, it has the old ones again."""
    before = pins(home)
    for room, pin in before.items():
        sandboxed.desk.store(owned(room, pin))
    sandboxed.desk.client_class = lost_before_the_list(1, postgres)
    done = rotate(sandboxed.desk, home, switch=StopSwitch(check_lock=check))
    assert [type(one.error) for one in done] == [ChangedError] * 3
    assert pins(home) == before == sandboxed.pins()
    assert home.registry.unfinished() == []


def test_the_next_batch_of_rotations(
    sandboxed: Yard, home: Home, check: CheckLock, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sipctl.operations.rotate.BATCH", 1)
    before = pins(home)
    sandboxed.desk.client_class = lost_before_the_list(1, postgres)
    done = rotate(sandboxed.desk, home, switch=StopSwitch(check_lock=check))
    assert [type(one.error) for one in done] == [type(None), ChangedError, ChangedError]
    assert [room for room, pin in pins(home).items() if pin != before[room]] == ["a"]


def listed_rooms(sandbox: Sandbox) -> int:
    return sum(call.method == "ListRooms" for call in sandbox.calls)


def test_from_the_command_line(held: Yard, sandbox: Sandbox, postgres: Postgres) -> None:
    """Exit 8, what is left, and no word of a driver or a library."""
    plant(held, "a", "b")
    env = env_of(sandbox, SIPCTL_REGISTRY_STATE_URL=postgres.new_database())
    lists = listed_rooms(sandbox)
    words = ("rules", "purge", "--apply", "--look-twice", "5s")
    running = subprocess.Popen(
        [sys.executable, "-m", "sipctl", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: listed_rooms(sandbox) > lists)
    end_sessions(postgres)
    _, stderr = running.communicate(timeout=40)
    assert running.returncode == ExitCode.CHANGED, stderr
    error, hint = stderr.splitlines()[-2:]
    assert error.startswith("error: the lock of this server was lost")
    assert hint.startswith("hint: nothing more was begun")
    for foreign in ("Traceback", "psycopg", "sqlalchemy", "terminating"):
        assert foreign not in stderr
    assert sorted(held.pins()) == ["a", "b"]
