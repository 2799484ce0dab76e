"""`sipctl webhook replay`, into a receiver that takes only what LiveKit's own receiver takes."""

import asyncio
import gzip
import json
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sipctl.sandbox.server import Sandbox
from sipctl.webhooks.event import head_of
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.hostile import cuts, floods, hangs, hostile, says
from tests.support.peers.receiver import Receiver, running_receiver
from tests.support.running import Result, assert_error, command, env_of, run, server_env, until
from tests.support.schemas import validate
from tests.support.webhooks import API_SECRET, RECORDINGS, events_of

ROOMS = ("a", "b", "c")
ROOM = "6f1c2a0e-52d3-4b7e-9d0a-1c7f3e5b8a24"


def body(room: str, number: int, name: str = "track_published") -> bytes:
    return json.dumps(
        {"event": name, "room": {"name": room}, "id": f"EV_{number}", "createdAt": str(1000 + number)}
    ).encode()


def file_of(folder: Path, bodies: Iterable[bytes], name: str = "events.jsonl") -> str:
    (folder / name).write_bytes(b"\n".join(bodies))
    return str(folder / name)


def replayed(receiver: Receiver | str, *words: str, stdin: bytes = b"") -> Result:
    url = receiver if isinstance(receiver, str) else receiver.url
    return run("webhook", "replay", *words, "--to", url, env=server_env("http://127.0.0.1:1", API_SECRET), stdin=stdin)


def item(done: Result) -> Any:
    value = json.loads(done.stdout)
    validate(value)
    return value["item"]


def by_room(bodies: Iterable[bytes]) -> dict[str, list[bytes]]:
    rooms = defaultdict(list)
    for one in bodies:
        head = head_of(one)
        assert head
        rooms[head.room].append(one)
    return rooms


def test_recordings_arrive_byte_for_byte_in_the_order_of_each_room() -> None:
    with running_receiver(API_SECRET) as receiver:
        done = replayed(receiver, str(RECORDINGS), "-o", "json")
    assert (done.code, done.stderr) == (0, "")
    assert (item(done)["acknowledged"], item(done)["failed"], receiver.refused) == (130, 0, [])
    assert by_room(receiver.bodies) == by_room(event.body for event in events_of(RECORDINGS))


def test_one_order_for_all_rooms() -> None:
    with running_receiver(API_SECRET) as receiver:
        assert replayed(receiver, str(RECORDINGS), "--global-order").code == 0
    assert receiver.bodies == [event.body for event in events_of(RECORDINGS)]


def test_a_retry_holds_up_its_own_room_and_no_other(tmp_path: Path) -> None:
    bodies = [body(room, number) for number in range(4) for room in ROOMS]

    async def answers(number: int, given: bytes) -> web.StreamResponse | None:
        if given == bodies[0] and number < len(ROOMS) * 4:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return None

    with running_receiver(API_SECRET, answers) as receiver:
        done = replayed(receiver, file_of(tmp_path, bodies), "--jobs", "2", "-o", "json")
    assert done.code == 0
    assert item(done)["retried"] >= 1
    assert by_room(receiver.bodies) == by_room(bodies)
    waited = receiver.bodies.index(bodies[0])
    assert waited >= 8  # both other rooms went on


def test_attempts_share_one_token_and_end_after_five(tmp_path: Path) -> None:
    tokens: list[bytes] = []

    async def answers(_number: int, given: bytes) -> web.StreamResponse | None:
        tokens.append(given)
        return web.Response(status=429, headers={"Retry-After": "0"})

    with running_receiver(API_SECRET, answers) as receiver:
        done = replayed(receiver, file_of(tmp_path, [body("a", 1)]), "-o", "json")
    assert (done.code, len(tokens), item(done)["retried"]) == (6, 5, 4)
    assert item(done)["answers"] == [{"answer": "429", "count": 1, "meaning": "asks to come back later"}]


@pytest.mark.parametrize(
    ("answer", "code", "described"),
    [
        (says(404), 6, "404: 2, has no webhook endpoint there; LiveKit counts that as delivered"),
        (says(301, Location="/hook/"), 6, "301: 2, redirects; LiveKit makes a GET without body of it"),
        (says(307, Location="/hook/"), 6, "307: 2, redirects; LiveKit repeats the event there"),
        (says(501), 6, "501: 2, failed at the event"),
        (says(200, "<html><body>Sign in</body></html>"), 6, "200 with a page: 2, answers with a web page"),
        (hangs, 6, "timeout: 2, did not answer in time"),
        (cuts, 0, "200: 2, took the event"),
        (floods(64), 0, "200: 2, took the event"),
    ],
)  # fmt: skip
def test_answers_are_counted_with_their_meaning(answer: Any, code: int, described: str, tmp_path: Path) -> None:
    with hostile(answer) as server:
        words = (file_of(tmp_path, [body("a", 1), body("b", 2)]), "--timeout", "0.5", "--retries", "0")
        done = replayed(f"{server.url}/hook", *words)
        assert set(server.paths) == {"/hook"}  # a redirect is never followed
    assert done.code == code, done
    assert described in done.stdout


def test_a_byte_a_second_is_too_slow(tmp_path: Path) -> None:
    async def dribbles(request: web.Request) -> web.StreamResponse:
        assert request.transport
        for byte in b"HTTP/1.1 200 OK\r\n":
            request.transport.write(bytes([byte]))
            await asyncio.sleep(1)
        raise AssertionError

    with hostile(dribbles) as server:
        words = (file_of(tmp_path, [body("a", 1)]), "--timeout", "0.5", "-o", "json")
        done = replayed(server.url, *words)
    assert (done.code, item(done)["answers"][0]["answer"]) == (6, "timeout")


def test_a_target_that_is_down(tmp_path: Path) -> None:
    done = replayed("http://127.0.0.1:1/hook", file_of(tmp_path, [body("a", 1)]), "--retries", "0")
    assert done.code == 3
    assert "no event arrived: the receiver cannot be reached" in done.stderr
    assert "refused: 1, cannot be reached" in done.stdout


def test_filters(tmp_path: Path) -> None:
    path = file_of(tmp_path, [body("a", 1, "room_started"), body("b", 2), body("a", 3), body("a", 4, "room_ended")])

    def listed(*words: str) -> list[str]:
        done = replayed("http://127.0.0.1:1", path, "--dry-run", "-o", "jsonl", *words)
        assert done.code == 0, done
        return [json.loads(line)["id"] for line in done.stdout.splitlines()]

    assert listed() == ["EV_1", "EV_2", "EV_3", "EV_4"]
    assert listed("--room", "a") == ["EV_1", "EV_3", "EV_4"]
    assert listed("--event", "room_finished", "--event", "room_started") == ["EV_1", "EV_4"]
    assert listed("--event", "room_ended") == ["EV_4"]
    assert listed("--since", "1970-01-01T00:16:42Z", "--until", "1970-01-01T00:16:44Z") == ["EV_2", "EV_3"]
    assert listed("--room", "a", "--skip", "1", "--limit", "1") == ["EV_3"]
    assert listed("--since", "1h") == []


def test_a_dry_run_prints_what_its_schema_says(tmp_path: Path) -> None:
    done = replayed("http://127.0.0.1:1", file_of(tmp_path, [body("a", 1)]), "--dry-run", "-o", "json")
    validate(json.loads(done.stdout))
    assert json.loads(done.stdout)["items"][0]["at"] == "1970-01-01T00:16:41Z"


def test_the_recorded_token_is_sent_as_it_is() -> None:
    path = str(RECORDINGS / "room_deleted.jsonl")
    with running_receiver(API_SECRET) as receiver:
        old = replayed(receiver, path, "--as-recorded", "-o", "json")
        assert (old.code, len(receiver.refused)) == (6, 8)
        assert item(old)["answers"][0]["meaning"].startswith("refused the signature")
        assert replayed(receiver, path, "--as-recorded", "--expect-status", "401").code == 0
        assert replayed(receiver, path, "--expect-status", "401").code == 1
    bare = replayed("http://127.0.0.1:1", "-", "--as-recorded", stdin=body("a", 1))
    assert (bare.code, "the recording holds no token" in bare.stdout) == (3, True)


def test_events_are_spaced_as_they_were_or_faster(tmp_path: Path) -> None:
    times: list[float] = []

    async def answers(_number: int, _given: bytes) -> web.StreamResponse | None:
        times.append(asyncio.get_running_loop().time())
        return None

    path = file_of(tmp_path, [body("a", 0), body("b", 3), body("a", 1000)])
    with running_receiver(API_SECRET, answers) as receiver:
        assert replayed(receiver, path, "--speed", "10x", "--max-gap", "5s").code == 0
    assert [times[1] - times[0], times[2] - times[1]] == pytest.approx([0.3, 0.5], abs=0.15)


def test_a_replay_goes_on_after_what_was_acknowledged(tmp_path: Path) -> None:
    bodies = [body(room, number) for number in range(5) for room in ROOMS]
    path, progress = file_of(tmp_path, bodies), str(tmp_path / "progress")
    mood = threading.Event()

    async def answers(_number: int, given: bytes) -> web.StreamResponse | None:
        head = head_of(given)
        assert head
        is_bad = (head.room, head.identifier) == ("b", "EV_2") or (head.room == "c" and head.identifier > "EV_1")
        return web.Response(status=400) if is_bad and mood.is_set() else None

    with running_receiver(API_SECRET, answers) as receiver:
        mood.set()
        assert replayed(receiver, path, "--resume", progress).code == 6
        assert Path(progress).stat().st_mode & 0o777 == 0o600
        mood.clear()
        with Path(progress).open("a") as file:
            file.write('[99, "half')  # killed in the middle of a line
        receiver.bodies.clear()
        again = replayed(receiver, path, "--resume", progress, "-o", "json")
        assert (again.code, item(again)["resumed"]) == (0, 12)
        assert receiver.bodies == bodies[8::3]  # of room b a later event was acknowledged, so its order would be lost
        assert item(replayed(receiver, path, "--resume", progress, "-o", "json"))["sent"] == 0
    other = file_of(tmp_path, bodies, "other.jsonl")
    assert_error(replayed("http://127.0.0.1:1", other, "--resume", progress), 2, "no progress of these files")
    assert_error(replayed("http://127.0.0.1:1", path, "--resume", "/dev/full"), 2, "it is no file")


def test_a_killed_replay_sends_nothing_twice_that_was_acknowledged(tmp_path: Path) -> None:
    bodies = [body("a", number) for number in range(400)]
    path, progress = file_of(tmp_path, bodies), str(tmp_path / "progress")
    with running_receiver(API_SECRET) as receiver:
        env = server_env("http://127.0.0.1:1", API_SECRET)
        words = command("webhook", "replay", path, "--to", receiver.url, "--resume", progress)
        with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL) as process:
            until(lambda: len(receiver.bodies) > 20)
            process.kill()
        before = len(receiver.bodies)
        assert before < 400
        assert replayed(receiver, path, "--resume", progress).code == 0
    assert len(receiver.bodies) <= 401  # the one whose answer it did not live to see
    assert list(dict.fromkeys(receiver.bodies)) == bodies


def test_rules_are_expected_afterwards(sandbox: Sandbox, tmp_path: Path) -> None:
    meeting = [body(ROOM, number, name) for number, name in enumerate(("room_started", "room_finished"))]
    with running_backend(Backend(sandbox, {ROOM: "4821930571"})) as backend:
        words = ("webhook", "replay", file_of(tmp_path, meeting), "--to", backend.url, "--settle", "0.2")
        env = env_of(sandbox)
        assert run(*words, "--limit", "1", "--expect-rule", ROOM, env=env).code == 0
        failed = run(*words, "--expect-rule", ROOM, "-o", "junit", env=env)
        assert (failed.code, "room has no rule, expected one" in failed.stdout) == (1, True)
        good = run(*words, "--expect-no-rule", ROOM, "-o", "json", env=env)
        assert (good.code, item(good)["expectations"]) == (0, [{"what": f"rules of room {ROOM}", "fault": ""}])


def test_a_slow_answer_is_an_expectation_that_failed(tmp_path: Path) -> None:
    async def answers(_number: int, _given: bytes) -> web.StreamResponse | None:
        await asyncio.sleep(0.05)
        return None

    with running_receiver(API_SECRET, answers) as receiver:
        path = file_of(tmp_path, [body("a", 1)])
        slow = replayed(receiver, path, "--max-latency", "0.01")
        assert (slow.code, "✗ latency up to 0.01 s: 1 answer took longer" in slow.stdout) == (1, True)
        assert replayed(receiver, path, "--max-latency", "30").code == 0


@pytest.mark.parametrize(
    ("data", "code", "described"),
    [
        pytest.param(b"", 2, "no event", id="empty"),
        (body("a", 1) + b'\n{"event":', 6, "1 line could not be read"),
        pytest.param(gzip.compress(body("a", 1) + b"\n" + body("a", 2))[:-5], 2, "no whole gzip file", id="gzip"),
        (b"\xff\n" + body("a", 1), 6, "not UTF-8"),
    ],
)
def test_files_that_are_broken(data: bytes, code: int, described: str, tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(data)
    with running_receiver(API_SECRET) as receiver:
        done = replayed(receiver, str(tmp_path / "events"))
    assert (done.code, described in done.stderr) == (code, True), done
    assert "Traceback" not in done.stderr
    assert len(receiver.bodies) == (1 if data else 0)  # what stands before the fault is sent


def test_a_file_that_is_not_there_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    with running_receiver(API_SECRET) as receiver:
        path = file_of(tmp_path, [body("a", 1)])
        assert_error(replayed(receiver, path, str(tmp_path / "missing")), 2, "No such file")
        assert receiver.deliveries == 0


def test_a_pipe_is_sent_as_it_comes() -> None:
    with running_receiver(API_SECRET) as receiver:
        env = server_env("http://127.0.0.1:1", API_SECRET)
        words = command("webhook", "replay", "-", "--to", receiver.url)
        with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin
            for number in range(3):
                process.stdin.write(body("a", number) + b"\n")
                until(lambda number=number: len(receiver.bodies) == number + 1)  # type: ignore[misc]
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130  # though the pipe is open still


def test_a_signal_lets_what_is_in_flight_end(tmp_path: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    async def answers(_number: int, _given: bytes) -> web.StreamResponse | None:
        arrived.set()
        await asyncio.to_thread(go_on.wait, 30)
        return None

    with running_receiver(API_SECRET, answers) as receiver:
        env = server_env("http://127.0.0.1:1", API_SECRET)
        path = file_of(tmp_path, [body("a", number) for number in range(5)])
        words = command("webhook", "replay", path, "--to", receiver.url, "-o", "json")
        with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGTERM)
            go_on.set()
            out, err = process.communicate(timeout=10)
    assert (process.returncode, json.loads(out)["item"]["acknowledged"], json.loads(out)["item"]["unsent"]) == (
        143,
        1,
        4,
    )
    assert b"nothing more was begun" in err


def test_words_that_make_no_sense(tmp_path: Path) -> None:
    path = file_of(tmp_path, [body("a", 1)])
    for words, reason in (
        (("--speed", "fast"), "--speed 'fast' is no speed"),
        (("--speed", "0x"), "no speed"),
        (("--max-gap", "long"), "--max-gap 'long' is not a time"),
        (("--since", "yesterday"), "--since 'yesterday' is not a time"),
        (("--retries", "5"), "less than or equal to 4"),
    ):
        assert_error(replayed("http://127.0.0.1:1", path, *words), 2, reason)
