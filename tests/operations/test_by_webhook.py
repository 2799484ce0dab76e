"""Telling a backend again what it missed: one that does as Meet does, with either server behind it."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.errors import DeniedError, UncheckedError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.sync.result import Result
from sipctl.operations.sync.webhook import ByWebhook
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.plan import Part, Reason, pending
from tests.support.desk import Desk
from tests.support.peers.backend import PATH, Backend, running_backend
from tests.support.peers.livekit import RealLiveKit
from tests.support.yard import Act, Yard, before_the_list, owned, results, yard_of

A, B, C = (str(uuid.UUID(int=number)) for number in (1, 2, 3))


@pytest.fixture
def backend(livekit: Sandbox | RealLiveKit) -> Iterator[Backend]:
    with running_backend(Backend(livekit, {A: "4821930571", B: "7703158264"})) as one:
        yield one


@pytest.fixture
def yard(livekit: Sandbox | RealLiveKit, backend: Backend, tmp_path: Path) -> Iterator[Yard]:
    with yard_of(Desk(server=livekit, folder=tmp_path), tmp_path, registry=False) as one:
        one.policy["by_backend"] = True
        one.executor_for = lambda work: ByWebhook(work, backend.url, 5, 2, time.time)
        one.open_room("other")
        one.policy["rooms"] = frozenset({A, B, C})
        yield one


def test_a_missing_rule_comes_and_a_stale_one_goes(yard: Yard, backend: Backend) -> None:
    yard.desk.server.join(A, "alice")
    yard.desk.store(owned(B, "7703158264"))
    yard.run(apply=False)
    yard.wait()
    assert results(yard.run()) == [(A, Result.DONE), (B, Result.DONE)]
    assert yard.pins() == {A: "4821930571"}
    assert backend.events == [("room_finished", B), ("room_started", A)]
    assert pending(yard.run().items) == []
    actions = [(entry.action, entry.phase, entry.result) for entry in yard.desk.audit()]
    assert ("room_finished", "outcome", "done") in actions
    assert ("room_started", "outcome", "done") in actions


def test_a_slow_backend_is_waited_for(yard: Yard, backend: Backend) -> None:
    backend.mood = "slow"
    yard.desk.server.join(A, "alice")
    assert results(yard.run()) == [(A, Result.DONE)]
    assert yard.pins() == {A: "4821930571"}


@pytest.mark.parametrize(
    ("state", "described"),
    [
        ({"mood": "ignores"}, "did nothing within"),
        ({"telephony": False}, "did nothing within"),
        ({"room_filter": "tchap-"}, "did nothing within"),
        ({"mood": "refuses"}, r"failed at the event \(500\)"),
        ({"production": True}, r"redirects \(301\)"),
        ({"production": True, "is_https": True, "hosts": ("meet.example.org",)}, r"does not serve this host \(400\)"),
    ],
)
def test_a_backend_that_does_not_do_it(yard: Yard, backend: Backend, state: dict[str, object], described: str) -> None:
    vars(backend).update(state)
    yard.executor_for = lambda work: ByWebhook(work, backend.url, 5, 0.3, time.time)
    yard.desk.server.join(A, "alice")
    yard.desk.store(owned(B, "7703158264"))
    yard.run(apply=False)
    yard.wait()
    outcome = yard.run()
    assert results(outcome) == [(A, Result.FAILED), (B, Result.FAILED)]
    for one in outcome.done:
        assert isinstance(one.error, UncheckedError)
        with pytest.raises(UncheckedError, match=described):
            raise one.error
    assert yard.pins() == {B: "7703158264"}


def test_a_backend_with_another_secret(yard: Yard, backend: Backend) -> None:
    backend.secret = "another-secret-of-at-least-32-bytes"
    yard.desk.server.join(A, "alice")
    (done,) = yard.run().done
    assert isinstance(done.error, DeniedError)
    assert "refused the signature" in done.error.message
    for secret in (backend.secret, yard.desk.server.api_secret.reveal()):
        assert secret not in done.error.message


@pytest.mark.parametrize(
    ("path", "described"),
    [(PATH.removesuffix("/"), "failed at the event (500)"), ("/nowhere/", "no webhook endpoint there (404)")],
)
def test_another_address(yard: Yard, backend: Backend, path: str, described: str) -> None:
    url = backend.url.replace(PATH, path)
    yard.executor_for = lambda work: ByWebhook(work, url, 5, 0.3, time.time)
    yard.desk.server.join(A, "alice")
    (done,) = yard.run().done
    assert done.error
    assert described in done.error.message


def test_no_one_listens(yard: Yard) -> None:
    yard.executor_for = lambda work: ByWebhook(work, "http://127.0.0.1:9/", 5, 0.3, time.time)
    yard.desk.server.join(A, "alice")
    (done,) = yard.run().done
    assert done.error
    assert "cannot be reached" in done.error.message


def test_a_room_that_becomes_live_is_reported_as_started(yard: Yard, backend: Backend) -> None:
    stale_for_long(yard)
    yard.desk.client_class = before_the_list(3, entering(A, yard))  # the first reading after the webhook
    assert results(yard.run()) == [(A, Result.PUT_BACK)]
    assert backend.events == [("room_finished", A), ("room_started", A)]
    assert yard.pins() == {A: "4821930571"}


def test_a_room_that_became_live_since_the_plan_is_not_reported(yard: Yard, backend: Backend) -> None:
    stale_for_long(yard)
    yard.desk.client_class = before_the_list(2, entering(A, yard))  # the reading right before the webhook
    assert results(yard.run()) == [(A, Result.ALIVE)]
    assert backend.events == []
    assert yard.pins() == {A: "4821930571"}


def test_a_list_of_rooms_that_turns_empty_is_not_believed(yard: Yard, backend: Backend) -> None:
    stale_for_long(yard)

    class Emptied(LiveKitClient):
        lists = 0

        async def list_rooms(self, names: object = ()) -> object:  # type: ignore[override]
            Emptied.lists += 1
            return [] if Emptied.lists == 2 else await super().list_rooms()

    yard.desk.client_class = Emptied
    assert results(yard.run()) == [(A, Result.FAILED)]
    assert backend.events == []
    assert yard.pins() == {A: "4821930571"}


def entering(room: str, yard: Yard) -> Act:
    server = yard.desk.server

    async def enter(_: LiveKitClient) -> None:
        await asyncio.to_thread(server.join, room, "alice")

    return enter


def stale_for_long(yard: Yard) -> None:
    yard.desk.store(owned(A, "4821930571"))
    yard.run(apply=False)
    yard.wait()


def test_what_a_backend_does_not_repair_is_said(yard: Yard) -> None:
    yard.desk.server.join(A, "alice")
    yard.desk.store(owned(A, "1111"))
    yard.desk.store(replace(owned(A, "1111"), trunk_ids=("ST_1",)))
    items = yard.run(Part.REPAIR).items
    assert sorted(item.reason for item in items if item.room == A) == [Reason.LIVE, Reason.LIVEKIT_ONLY]


def test_a_killed_run_is_finished_by_the_same_webhook(yard: Yard, backend: Backend) -> None:
    stale_for_long(yard)

    class Killed(BaseException):
        pass

    class Dying(LiveKitClient):
        observations = 0

        async def list_rules(self, ids: object = ()) -> object:  # type: ignore[override]
            Dying.observations += 1
            if Dying.observations == 3:
                raise Killed
            return await super().list_rules(ids)  # type: ignore[arg-type]

    yard.desk.client_class = Dying
    with pytest.raises((Killed, BaseExceptionGroup)):
        yard.run()
    yard.desk.server.join(A, "alice")
    yard.desk.client_class = LiveKitClient
    assert yard.run(Part.PURGE).put_back == [A]
    assert yard.pins() == {A: "4821930571"}


def failing_from_list(number: int, sandbox: Sandbox) -> type[LiveKitClient]:
    """A client to which LiveKit lists no rules any more from this list on; 1 is the plan's."""

    async def strike(_client: LiveKitClient) -> None:
        sandbox.fault("status=403@ListSIPDispatchRule")

    return before_the_list(number, strike)


@pytest.mark.parametrize(("number", "result"), [(2, Result.FAILED), (3, Result.NOT_SEEN), (4, Result.NOT_CHECKED)])
def test_what_was_sent_is_not_failed(sandbox: Sandbox, tmp_path: Path, number: int, result: Result) -> None:
    """LiveKit cannot be asked any more: before the event, after it, and after the rule was seen to go."""
    with (
        running_backend(Backend(sandbox, {B: "7703158264"})) as backend,
        yard_of(Desk(server=sandbox, folder=tmp_path), tmp_path, registry=False) as yard,
    ):
        yard.policy |= {"by_backend": True, "rooms": frozenset({B})}
        yard.executor_for = lambda work: ByWebhook(work, backend.url, 5, 2, time.time)
        yard.open_room("other")
        yard.desk.store(owned(B, "7703158264"))
        yard.run(Part.PURGE, apply=False)
        yard.wait()
        yard.desk.client_class = failing_from_list(number, sandbox)
        outcome = yard.run(Part.PURGE)
        assert results(outcome) == [(B, result)]
        assert isinstance(outcome.done[0].error, DeniedError)
        assert backend.events == ([] if number == 2 else [("room_finished", B)])
