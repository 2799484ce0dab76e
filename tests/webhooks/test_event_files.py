"""Files of events in every form that people have, good and broken."""

import gzip
import io
import json
import random
import sys
from pathlib import Path

import pytest

from sipctl.errors import UsageError
from sipctl.webhooks.event import head_of
from sipctl.webhooks.event_files import STDIN, EventFiles
from tests.support.webhooks import RECORDINGS, events_of

BODIES = [
    b'{"event":"room_started", "room":{"sid":"RM_a", "name":"caf\xc3\xa9"}, "id":"EV_1", "createdAt":"1787305200"}',
    b'{"event": "participant_joined","room":{"name":"b"},"future":{"kept": [1, 2]},"id":"EV_2"}',
    b'{"room": {"name": "]}\\"[{"}, "event": "room_ended"}',
]


def bodies(tmp_path: Path, data: bytes) -> list[bytes]:
    path = tmp_path / "events"
    path.write_bytes(data)
    return [event.body for event in events_of(path)]


FORMS = {
    "bare bodies one a line": b"\n".join(BODIES),
    "with a mark and blank lines": b"\xef\xbb\xbf\n\n" + b"\r\n\n".join(BODIES) + b"\n\n",
    "an array": b"[" + b", ".join(BODIES) + b"]",
    "an array over many lines": b"\n [\n  " + b",\n\n  ".join(BODIES) + b"\n]\n",
    "recorded lines": b"\n".join(json.dumps({"body": body.decode()}).encode() for body in BODIES),
    "an array of recorded lines": json.dumps([{"body": body.decode(), "n": 1} for body in BODIES]).encode(),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_the_exact_bytes(form: str, packed: bool, tmp_path: Path) -> None:
    data = FORMS[form]
    assert bodies(tmp_path, gzip.compress(data) if packed else data) == BODIES


def test_one_body_a_file_over_many_lines(tmp_path: Path) -> None:
    body = json.dumps(json.loads(BODIES[0]), indent=2).encode()
    assert bodies(tmp_path, body + b"\n") == [body]


def test_a_folder_is_read_by_name_and_folders_inside_are_named(tmp_path: Path) -> None:
    for name, body in zip(("c", "a", "b"), BODIES, strict=True):
        (tmp_path / name).write_bytes(body)
    (tmp_path / "between").mkdir()
    told: list[str] = []
    files = EventFiles.named([tmp_path], told.append)
    assert [event.body for event in files.read()] == [BODIES[1], BODIES[2], BODIES[0]]
    assert told == [f"{tmp_path / 'between'}: a folder inside a folder is passed over"]


@pytest.mark.parametrize("form", FORMS)
def test_stdin(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(FORMS[form])))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [event.body for event in events_of(STDIN)] == BODIES


def test_lines_beside_events_are_counted(tmp_path: Path) -> None:
    files = EventFiles.named([RECORDINGS / "receiver_redirects_302.jsonl"], print)
    assert [event.head.name for event in files.read()] == ["room_started", "room_finished"]
    assert (files.count, files.others, files.broken) == (2, 7, 0)  # the GETs that a redirect made are none either


def test_an_array_far_longer_than_a_chunk(tmp_path: Path) -> None:
    many = [
        b'{"event":"room_started","room":{"name":"%s"}}' % (b"r" * random.Random(at).randrange(3000))
        for at in range(500)
    ]
    many.insert(250, b'{"event":"room_started","x":"' + b"\xc3\xa9" * 200_000 + b'"}')
    assert bodies(tmp_path, b"[" + b" ,".join(many) + b"]") == many


@pytest.mark.parametrize(
    ("data", "good", "reason"),
    [
        (BODIES[0] + b"\n" + BODIES[1][:30], 1, "events:2: not JSON"),
        (BODIES[0][:30] + b"\n" + BODIES[1], 1, "events:1: not JSON"),
        (BODIES[0] + b'\n{"event":"\xff"}\n' + BODIES[1], 2, "events:2: not UTF-8 (byte 10)"),
        (BODIES[0] + b"\n" + b"[" * 100_000, 1, "events:2: not JSON: nested too deep"),
        (BODIES[0] + b"\n12\n", 1, "events:2: no JSON object"),
        (BODIES[0] + b'\n{"a": 1}', 1, "events:2: neither an event nor a line of a recording"),
        (BODIES[0] + b'\n{"event": 5}', 1, "events:2: neither an event"),
        (b'{"body": {"event": "room_started"}}', 0, "events:1: its body is no text"),
        (b'{"body": "no event"}', 0, "events:1: its body is no event"),
        (b'{"body": "\\ud800"}', 0, "events:1: its body is no Unicode text"),
        (b"[" + BODIES[0] + b", {", 1, "events[2]: the array is broken or cut here"),
        (b"[" + BODIES[0] + b" " + BODIES[1] + b"]", 1, "events[2]: the array is broken or cut here"),
        (b"[" + BODIES[0] + b', {"event":"\xff"}]', 0, "events[1]: not UTF-8"),
        (b'[{"a":' * 50_000, 0, "events[1]: nested too deep"),
        (b"<html>Welcome</html>", 0, "events:1: not JSON"),
    ],
)  # fmt: skip
def test_what_is_broken_ends_nothing(data: bytes, good: int, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(data)
    told: list[str] = []
    files = EventFiles.named([path], told.append)
    assert len(list(files.read())) == good
    assert files.broken == 1
    assert f"{path.parent}/{reason}" in told[0]


def test_a_line_of_a_hundred_mebibytes_is_passed_over_and_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("wb") as file:
        file.write(BODIES[0] + b"\n")
        file.writelines([b'{"event":"', *[b"x" * 1024 * 1024] * 100, b'"}\n', BODIES[1]])
    told: list[str] = []
    files = EventFiles.named([path], told.append)
    assert [event.body for event in files.read()] == BODIES[:2]
    assert told == [f"{path}:2: over 16 MiB"]


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:20] + b"\0\0\0" + data[23:]])
def test_a_broken_gzip_cannot_be_read(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(damage(gzip.compress(b"\n".join(BODIES))))  # type: ignore[operator]
    with pytest.raises(UsageError, match=r"cannot read .*events\.gz"):
        list(EventFiles.named([path], print).read())


def test_files_without_any_event(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    files = EventFiles.named([tmp_path / "empty"], print)
    assert list(files.read()) == []
    with pytest.raises(UsageError, match="no event"):
        files.refuse_none()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="holds no file"):
        EventFiles.named([tmp_path / "folder"], print)
    with pytest.raises(UsageError, match="No such file"):
        EventFiles.named([tmp_path / "missing"], print)


def test_a_head_in_either_spelling() -> None:
    camel = head_of(b'{"event":"room_ended","room":{"name":"a","sid":"RM_1"},"createdAt":"12","numDropped":2}')
    snake = head_of(b'{"event":"room_finished","room":{"name":"a","sid":"RM_1"},"created_at":12,"num_dropped":2}')
    assert camel == snake
    assert camel is not None
    assert (camel.name, camel.room, camel.created_at, camel.dropped) == ("room_finished", "a", 12, 2)
