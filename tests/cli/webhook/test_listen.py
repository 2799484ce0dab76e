"""`sipctl webhook listen`: what was acknowledged is in the file, exactly."""

import asyncio
import base64
import http.client
import json
import resource
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sipctl.telephony.secret import Secret
from sipctl.webhooks import receiver as receiving
from sipctl.webhooks.event import Event
from sipctl.webhooks.receiver import Address, Receiver
from sipctl.webhooks.signing import sign
from tests.support.peers.hostile import hangs, hostile, says
from tests.support.peers.receiver import running_receiver
from tests.support.running import assert_error, run, server_env, until
from tests.support.schemas import schema
from tests.support.serving import serving
from tests.support.webhooks import API_SECRET, RECORDINGS, events_of

BODY = b'{"event":"room_started",  "room":{"name":"caf\xc3\xa9"}, "id":"EV_1"}'


def env() -> dict[str, str]:
    return server_env("http://127.0.0.1:1", API_SECRET)


def posted(url: str, body: bytes, *, secret: str = API_SECRET, token: str | None = None) -> tuple[int, bytes]:
    authorization = token if token is not None else sign(body, "devkey", Secret(secret), time.time())
    request = urllib.request.Request(url, body, {"Authorization": authorization}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def by_room(events: Iterable[Event]) -> dict[str, list[bytes]]:
    rooms = defaultdict(list)
    for event in events:
        rooms[event.head.room].append(event.body)
    return rooms


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_what_is_replayed_into_it_is_recorded_byte_for_byte_and_verifies(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with serving("webhook", "listen", "--write", str(path), env=env()) as listening:
        assert run("webhook", "replay", str(RECORDINGS), "--to", listening.url, env=env()).code == 0
        assert listening.end(signal.SIGTERM) == 0
    assert by_room(events_of(path)) == by_room(events_of(RECORDINGS))
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("webhook", "verify", str(path), env=env()).code == 0
    assert listening.out.count(b"\n") == 130
    import jsonschema

    for row in rows(path):
        jsonschema.validate(row, schema("event-line"))


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "events.jsonl", []
    going = threading.Event()

    def send(url: str, thread: int) -> None:
        for number in range(10_000):
            body = json.dumps({"event": "room_started", "room": {"name": f"{thread}-{number}"}}).encode()
            try:
                if posted(url, body)[0] == 200:
                    acknowledged.append(body)
            except (OSError, http.client.HTTPException):
                return
            if len(acknowledged) > 100:
                going.set()

    with serving("webhook", "listen", "--write", str(path), env=env()) as listening:
        threads = [threading.Thread(target=send, args=(listening.url, one)) for one in range(4)]
        for thread in threads:
            thread.start()
        assert going.wait(60)
        listening.end(signal.SIGKILL)
        for thread in threads:
            thread.join(30)
    recorded = [event.body for event in events_of(path)]
    assert set(acknowledged) <= set(recorded)
    with serving("webhook", "listen", "--write", str(path), env=env()) as listening:  # and it goes on
        assert posted(listening.url, BODY)[0] == 200
        listening.end(signal.SIGINT)
    assert events_of(path)[-1].body == BODY


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"body": "{\\"event\\"')
    path.chmod(0o644)
    with serving("webhook", "listen", "--write", str(path), env=env()) as listening:
        posted(listening.url, BODY)
        listening.end(signal.SIGTERM)
    lines = path.read_bytes().splitlines()
    assert (len(lines), json.loads(lines[1])["body"].encode()) == (2, BODY)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_does_not_verify_is_refused_and_recorded_with_the_step(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with serving("webhook", "listen", "--write", str(path), "-o", "jsonl", env=env()) as listening:
        assert posted(listening.url, BODY, secret=API_SECRET[::-1]) == (401, b'{"status": "error"}')
        assert posted(listening.url, BODY, token="")[0] == 401
        assert posted(listening.url, b"\xff")[0] == 401
        assert posted(listening.url, BODY) == (200, b'{"status": "success"}')
        assert listening.end(signal.SIGTERM) == 0
    assert [row["verified"] for row in rows(path)] == ["signature", "no-token", "no-event", "ok"]
    assert base64.b64decode(rows(path)[2]["body_base64"]) == b"\xff"
    printed = [json.loads(line) for line in listening.out.splitlines()]
    assert [(row["n"], row["status"], row["room"]) for row in printed] == [
        (1, 401, "café"), (2, 401, "café"), (3, 401, ""), (4, 200, "café")]  # fmt: skip


def test_the_backend_behind_is_asked_and_its_answer_given(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with running_receiver(API_SECRET) as backend:
        with serving("webhook", "listen", "--write", str(path), "--forward", backend.url, env=env()) as listening:
            assert posted(listening.url, BODY) == (200, b'{"status": "success"}')
            assert posted(listening.url, BODY, secret=API_SECRET[::-1])[0] == 401
            listening.end(signal.SIGTERM)
        assert backend.bodies == [BODY]
        assert backend.refused == [BODY]
    assert [row["forwarded"]["status"] for row in rows(path) if "forwarded" in row] == [200, 401]
    assert len(events_of(path)) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says(503, "busy", **{"Retry-After": "7"}), 503),
        (says(200, "<html>Sign in</html>"), 200),
        (says(302, Location="http://127.0.0.1:1/"), 302),
        (hangs, 504),
    ],
)
def test_what_a_backend_answers_goes_back(answer: Any, status: int) -> None:
    with hostile(answer) as backend:
        words = ("webhook", "listen", "--forward", f"{backend.url}/x", "--timeout", "0.5")
        with serving(*words, env=env()) as listening:
            connection = http.client.HTTPConnection(listening.url.removeprefix("http://"), timeout=30)
            connection.request("POST", "/", BODY)
            response = connection.getresponse()
            assert response.status == status
            assert response.headers.get("Retry-After") == ("7" if status == 503 else None)
            connection.close()
            assert backend.paths == ["/x"]


def test_no_backend_behind() -> None:
    with serving("webhook", "listen", "--forward", "http://127.0.0.1:1/", env=env()) as listening:
        assert posted(listening.url, BODY)[0] == 502
        until(lambda: b"no backend answers" in listening.err)


def test_two_on_one_file(tmp_path: Path) -> None:
    path = str(tmp_path / "events.jsonl")
    with serving("webhook", "listen", "--write", path, env=env()):
        assert_error(run("webhook", "listen", "--write", path, env=env()), 8, "another process records to")


def test_a_port_that_is_taken_and_addresses_that_are_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_error(run("webhook", "listen", "--bind", bind, env=env()), 3, f"cannot listen on {bind}")
    assert_error(run("webhook", "listen", "--bind", "here", env=env()), 2, "is not an address")
    assert_error(run("webhook", "listen", "--bind", "127.0.0.1:99999", env=env()), 2, "is not an address")
    assert_error(run("webhook", "listen", "--bind", "192.0.2.1:0", env=env()), 3, "cannot listen on 192.0.2.1:0")
    assert_error(run("webhook", "listen", "--write", str(tmp_path), env=env()), 3, "cannot record to")
    assert_error(run("webhook", "listen", "--write", "/dev/null", env=env()), 5, "is not a file of yours")
    assert_error(run("webhook", "listen", "--redact", env=env()), 2, "--redact is about")
    assert_error(run("webhook", "listen", "--forward", "ftp://x", env=env()), 2, "is not an http://")


def test_a_full_disk_answers_503_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with serving("webhook", "listen", "--write", str(path), env=env()) as listening:
        resource.prlimit(listening.process.pid, resource.RLIMIT_FSIZE, (1500, 1500))
        answers = [posted(listening.url, BODY)[0] for _ in range(6)]
        listening.end(signal.SIGTERM)
    taken = answers.count(200)
    assert 0 < taken < 6
    assert answers == [200] * taken + [503] * (6 - taken)
    assert len(rows(path)) == taken
    assert b"not recorded: File too large" in listening.err


def test_a_file_is_rotated_and_its_parts_sort_by_time(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    body = json.dumps({"event": "room_started", "room": {"name": "a", "metadata": "x" * 400_000}}).encode()
    with serving("webhook", "listen", "--write", str(tmp_path / "rec" / "e.jsonl"), "--rotate", "1", env=env()) as one:
        for _ in range(6):
            assert posted(one.url, body)[0] == 200
        one.end(signal.SIGTERM)
    assert sorted(file.name for file in (tmp_path / "rec").iterdir()) == ["e.000001.jsonl", "e.000002.jsonl", "e.jsonl"]
    assert [event.number for event in events_of(tmp_path / "rec")] == [1, 2, 3, 4, 5, 6]


def test_a_redacted_file_can_be_shared_and_signed_anew(tmp_path: Path) -> None:
    path = tmp_path / "shared.jsonl"
    with serving("webhook", "listen", "--write", str(path), "--redact", env=env()) as listening:
        for name in ("sip-call", "participants_join_and_leave"):
            source = str(RECORDINGS / f"{name}.jsonl")
            assert run("webhook", "replay", source, "--to", listening.url, env=env()).code == 0
        assert posted(listening.url, b"\xff secret")[0] == 401
        listening.end(signal.SIGTERM)
    text = path.read_text()
    private_texts = ("+33", "alice", "bob", "8a1b6c52", "0Oj2eXeCC8cJ", 'meeting\\"', "Authorization", "secret")
    for private in private_texts:
        assert private not in text, private
    originals = events_of(RECORDINGS / "sip-call.jsonl", RECORDINGS / "participants_join_and_leave.jsonl")
    redacted = events_of(path)
    assert [event.head.name for event in redacted] == [event.head.name for event in originals]
    for key in ("room", "identity"):
        pairs = {(getattr(a.head, key), getattr(b.head, key)) for a, b in zip(originals, redacted, strict=True)}
        assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    with running_receiver(API_SECRET) as receiver:
        assert run("webhook", "replay", str(path), "--to", receiver.url, env=env()).code == 0


def receiver_in(loop_work: Any) -> Any:
    """Run some work against a receiver in this process; what it answers is 200."""

    async def taken(_delivery: object) -> web.Response:
        return web.Response(status=200)

    async def main() -> Any:
        receiver = Receiver({"devkey": Secret(API_SECRET)}, taken)
        await receiver.start(Address("127.0.0.1", 0))
        try:
            return await loop_work(int(receiver.url.rpartition(":")[2]))
        finally:
            await receiver.stop()

    return asyncio.run(main())


async def answer_to(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    return answer


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_READ_S", 0.2)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

    async def work(port: int) -> list[bytes]:
        return [
            await answer_to(port, head % 2_000_000 + b"x" * 1_100_000),
            await answer_to(port, head % 100 + b"x"),
            await answer_to(port, b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n"),
            await answer_to(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            await answer_to(port, head % 1 + b"x"),
        ]

    codes = [line.split()[1] for line in receiver_in(work)]
    assert codes == [b"413", b"408", b"405", b"405", b"200"]


def test_a_connection_too_many_and_one_that_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_CONNECTIONS", 2)
    monkeypatch.setattr(receiving, "_IDLE_S", 0.3)

    async def work(port: int) -> tuple[bytes, bytes, bytes]:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        idle[0][1].write(b"POST / HT")  # and then nothing more
        await asyncio.sleep(0)
        refused = await answer_to(port, b"")
        ended = b"".join([await asyncio.wait_for(reader.read(), 20) for reader, _ in idle])
        again = await answer_to(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        for _, writer in idle:
            writer.close()
        return refused, ended, again

    refused, ended, again = receiver_in(work)
    assert (refused.split()[1], ended, again.split()[1]) == (b"503", b"", b"200")
