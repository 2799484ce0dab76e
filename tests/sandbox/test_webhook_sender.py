"""The sandbox's webhooks beside those that a real server was recorded to send."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from aiohttp import web

from sipctl.lkapi.client import LiveKitClient
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.telephony.model import Room
from sipctl.webhooks.event import Event, head_of
from sipctl.webhooks.verification import Fault, verify
from tests.support.desk import Desk
from tests.support.peers.receiver import Answers, Receiver, judged, running_receiver
from tests.support.running import until
from tests.support.webhooks import RECORDINGS, events_of, recorded_lines

_OWN = {("participant", "metadata"), ("participant", "attributes"), ("participant", "isPublisher"),
        ("room", "metadata"), ("room", "maxParticipants"), ("room", "numParticipants"),
        ("room", "numPublishers")}  # fmt: skip
"""What a client chose or did, and counters that lag."""


def keys(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(value, list):
        return {key for one in value for key in keys(one, path)}
    if not isinstance(value, dict):
        return {path}
    inner = (keys(part, (*path, name)) for name, part in value.items() if (*path, name) not in _OWN)
    return {path}.union(*inner)


@contextmanager
def sending(answers: Answers = judged, *, receivers: int = 1) -> Iterator[tuple[Sandbox, list[Receiver]]]:
    """A sandbox that sends to receivers, which verify with its key."""
    secret = "a-secret-of-at-least-32-characters"
    with ExitStack() as stack:
        running = [stack.enter_context(running_receiver(secret, answers)) for _ in range(receivers)]
        sandbox = Sandbox(api_secret=secret, webhooks=[one.url for one in running])
        yield stack.enter_context(running_sandbox(sandbox)), running


def names(bodies: list[bytes]) -> list[str]:
    return [head.name for head in map(head_of, bodies) if head]


def create(sandbox: Sandbox, tmp_path: Any, room: Room) -> None:
    Desk(server=sandbox, folder=tmp_path).ask(lambda client: client.create_room(room))


def delete(sandbox: Sandbox, tmp_path: Any, room: str) -> None:
    Desk(server=sandbox, folder=tmp_path).ask(lambda client: client.delete_room(room))


def without_tracks(events: list[Event], room: str) -> list[Event]:
    """No one publishes a track in the sandbox."""
    return [event for event in events if event.head.room == room and not event.head.name.startswith("track_")]


def test_a_meeting_sends_the_events_and_keys_that_a_real_server_sent(tmp_path: Any) -> None:
    real = without_tracks(events_of(RECORDINGS / "participants_join_and_leave.jsonl"), "meeting")
    with sending() as (sandbox, (receiver,)):
        sandbox.store.departure_timeout_s = 1
        sandbox.join("meeting", "alice")
        sandbox.join("meeting", "bob")
        Desk(server=sandbox, folder=tmp_path).ask(lambda client: removed(client, "meeting", "bob"))
        sandbox.join("meeting", "alice")  # another client of the same identity
        sandbox.leave("meeting", "alice")
        until(lambda: names(receiver.bodies)[-1:] == ["room_finished"])
        assert receiver.refused == []
    assert names(receiver.bodies) == [event.head.name for event in real]
    for event, body in zip(real, receiver.bodies, strict=True):
        ours, theirs = json.loads(body), json.loads(event.body)
        assert keys(ours) == keys(theirs), event.place
        person, real_person = ours.get("participant", {}), theirs.get("participant", {})
        assert person.get("state") == real_person.get("state")
    reasons = [json.loads(body).get("participant", {}).get("disconnectReason") for body in receiver.bodies]
    assert [one for one in reasons if one] == ["PARTICIPANT_REMOVED", "DUPLICATE_IDENTITY", "CLIENT_INITIATED"]


async def removed(client: LiveKitClient, room: str, identity: str) -> None:
    from livekit.api import RoomParticipantIdentity

    await client._api.room.remove_participant(RoomParticipantIdentity(room=room, identity=identity))


def test_a_room_that_is_deleted_and_one_that_no_one_enters(tmp_path: Any) -> None:
    with sending() as (sandbox, (receiver,)):
        sandbox.store.empty_timeout_s = 1
        create(sandbox, tmp_path, Room(name="busy"))
        create(sandbox, tmp_path, Room(name="busy"))  # sends nothing
        sandbox.join("busy", "alice")
        delete(sandbox, tmp_path, "busy")
        create(sandbox, tmp_path, Room(name="lonely"))
        until(lambda: len(receiver.bodies) == 6)
    rooms = [(head.room, head.name) for head in map(head_of, receiver.bodies) if head]
    assert [name for room, name in rooms if room == "busy"] == [
        "room_started", "participant_joined", "participant_left", "room_finished"]  # fmt: skip
    assert [name for room, name in rooms if room == "lonely"] == ["room_started", "room_finished"]


def test_tokens_verify_and_are_valid_for_five_minutes() -> None:
    with sending() as (sandbox, (receiver,)):
        sandbox.join("a", "alice")
        until(lambda: len(receiver.bodies) == 2)
        for body, token in zip(receiver.bodies, receiver.tokens, strict=True):
            own = {sandbox.api_key: sandbox.api_secret}
            assert verify(body, token, own, time.time()).fault is None
            assert verify(body, token, own, time.time() + 400).fault is Fault.EXPIRED


def attempts_of(scenario: str) -> list[float]:
    """The seconds between the attempts of the first event of a recording."""
    rows = [row for row in map(json.loads, recorded_lines(scenario)) if row.get("method") == "POST"]
    first = list(next(group for _, group in itertools.groupby(rows, lambda row: row["body"])))
    return [(later["t_offset_ms"] - earlier["t_offset_ms"]) / 1000 for earlier, later in itertools.pairwise(first)]


@pytest.mark.parametrize(
    ("scenario", "answered", "end"),
    [
        ("receiver_recovers", [(503, {}), (503, {})], "sent"),
        ("receiver_answers_429_retry_after", [(429, {"Retry-After": "2"})] * 5, "failed"),
        pytest.param("receiver_answers_500", [(500, {})] * 5, "failed", marks=pytest.mark.long),
        ("receiver_answers_404", [(404, {})], "sent"),
        ("receiver_answers_501", [(501, {})], "sent"),
    ],
)  # fmt: skip
def test_retries_come_when_a_real_servers_did(scenario: str, answered: list[Any], end: str) -> None:
    times: list[float] = []

    async def answers(number: int, _body: bytes) -> web.StreamResponse | None:
        times.append(asyncio.get_running_loop().time())
        status, headers = answered[number] if number < len(answered) else (200, {})
        return None if status == 200 else web.Response(status=status, headers=headers)

    with sending(answers) as (sandbox, (receiver,)):
        sandbox.store.open_room("r1")
        until(lambda: bool(sandbox.webhooks.ended))
        (ended,) = sandbox.webhooks.ended
        assert (ended.end, ended.attempts) == (end, len(attempts_of(scenario)) + 1)
        assert receiver.deliveries == ended.attempts
    between = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert between == pytest.approx(attempts_of(scenario), abs=0.1 if len(between) < 3 else 0.2)


def test_a_redirect_takes_the_body_or_not_as_gos_client_does(tmp_path: Any) -> None:
    async def answers(number: int, body: bytes) -> web.StreamResponse | None:
        return web.Response(status=307, headers={"Location": "/hook"}) if number == 0 else None

    with sending(answers) as (sandbox, (receiver,)):
        sandbox.store.open_room("a")
        until(lambda: bool(sandbox.webhooks.ended))
        assert (sandbox.webhooks.ended[0].end, len(receiver.bodies)) == ("sent", 1)

    async def moves(_number: int, _body: bytes) -> web.StreamResponse | None:
        return web.Response(status=301, headers={"Location": "/hook"})

    with sending(moves) as (sandbox, (receiver,)):
        sandbox.store.open_room("a")
        until(lambda: bool(sandbox.webhooks.ended))
        ended = sandbox.webhooks.ended[0]
        assert (ended.end, ended.status, receiver.bodies) == ("sent", 405, [])  # lost, and it counts as sent


def test_a_full_queue_and_old_events_are_dropped_and_other_rooms_go_on() -> None:
    async def answers(number: int, body: bytes) -> web.StreamResponse | None:
        head = head_of(body)
        if head and head.room == "slow" and number == 0:
            await asyncio.sleep(1)
        return None

    with sending(answers) as (sandbox, (receiver,)):
        sandbox.webhooks.depth, sandbox.webhooks.max_age_s = 3, 0.5
        sandbox.store.open_room("slow")
        until(lambda: receiver.deliveries == 1)
        for number in range(5):
            sandbox.join("slow", f"guest-{number}")
        sandbox.store.open_room("quick")
        until(lambda: b"quick" in b"".join(receiver.bodies))
        assert len(receiver.bodies) == 1  # the slow one is not answered yet
        until(lambda: len(sandbox.webhooks.ended) == 7)
    ends = [(one.room, one.end) for one in sandbox.webhooks.ended]
    assert ends.count(("slow", "queue is full")) == 2
    assert ends.count(("slow", "age")) == 3
    assert ends.count(("slow", "sent")) == ends.count(("quick", "sent")) == 1


def test_two_receivers_do_not_hold_each_other_up() -> None:
    async def answers(_number: int, _body: bytes) -> web.StreamResponse | None:
        return None

    with sending(answers, receivers=2) as (sandbox, (one, other)):

        async def hangs(_number: int, _body: bytes) -> web.StreamResponse | None:
            await asyncio.Event().wait()
            raise AssertionError

        one.answers = hangs
        sandbox.join("a", "alice")
        until(lambda: len(other.bodies) == 2)
        assert one.bodies == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("webhook-lost@room_started", ["participant_joined", "participant_left"]),
        ("webhook-doubled@room_started", ["room_started", "room_started", "participant_joined", "participant_left"]),
        ("webhook-reordered@room_started", ["participant_joined", "room_started", "participant_left"]),
        ("webhook-late=200@room_started", ["room_started", "participant_joined", "participant_left"]),
        ("latency=1@participant_joined", ["room_started", "participant_joined", "participant_left"]),
    ],
)  # fmt: skip
def test_faults_of_deliveries(fault: str, expected: list[str]) -> None:
    with sending() as (sandbox, (receiver,)):
        sandbox.fault(fault, times=1)
        sandbox.join("a", "alice")
        sandbox.leave("a", "alice")
        until(lambda: len(receiver.bodies) == len(expected))
    assert names(receiver.bodies) == expected


def test_a_delivery_that_never_ends_and_an_end_of_it() -> None:
    with sending() as (sandbox, (receiver,)):
        sandbox.fault("webhook-hang@room_started", times=1)
        sandbox.join("a", "alice")
        sandbox.join("b", "bob")
        until(lambda: len(receiver.bodies) == 2)
        assert {head.room for head in map(head_of, receiver.bodies) if head} == {"b"}
