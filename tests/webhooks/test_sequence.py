"""What the order of events shows."""

import json

import pytest

from sipctl.webhooks.event import Event, head_of
from sipctl.webhooks.sequence import Sequence
from tests.support.webhooks import RECORDINGS, events_of


def event(line: str, number: int | None = None) -> Event:
    """`NAME ROOM SID [IDENTITY]`, each with an id of its own unless one is given by `#`."""
    words, _, identifier = line.partition("#")
    name, room, sid, *identity = [*words.split(), "", ""][:4]
    body = {"event": name, "room": {"name": room, "sid": sid}, "participant": {"identity": "".join(identity)}}
    text = json.dumps(body | ({"id": identifier} if identifier else {})).encode()
    head = head_of(text)
    assert head
    return Event(body=text, head=head, place=line, number=number)


def seen(*lines: str) -> list[str]:
    sequence = Sequence()
    notes = [note.code for line in lines for note in sequence.see(event(line))]
    return [code for code in (*notes, *(note.code for *_, note in sequence.open_rooms())) if code != "meet-room"]


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (("room_started a RM_1", "participant_joined a RM_1 bob", "participant_left a RM_1 bob",
          "room_finished a RM_1"), []),
        (("room_started a RM_1",), ["no-finish"]),
        (("room_finished a RM_1",), ["no-start"]),
        (("room_finished a RM_1", "room_started a RM_1"), ["no-start", "finish-before-start"]),
        (("room_started a RM_1", "room_finished a RM_1", "room_started a RM_2", "room_finished a RM_2"), []),
        (("room_started a RM_1", "room_finished a RM_1", "participant_left a RM_1 bob"), ["after-finish"]),
        (("participant_joined a RM_1 bob", "room_started a RM_1"), ["no-start", "late-start", "no-finish"]),
        (("room_started a RM_1", "room_started a RM_1"), ["late-start", "no-finish"]),
        (("room_started a RM_1#EV_1", "room_started a RM_1#EV_1"), ["repeated-id", "no-finish"]),
        (("room_started a RM_1", "participant_left a RM_1 bob", "room_finished a RM_1"), ["no-join"]),
        (("room_paused a",), ["unknown-event"]),
        (("room_started",), ["no-room"]),
        (("room_started a RM_1", "participant_connection_aborted a RM_1 x", "room_finished a RM_1"), ["meet-event"]),
    ],
)  # fmt: skip
def test_what_an_order_shows(lines: tuple[str, ...], codes: list[str]) -> None:
    assert seen(*lines) == codes


def test_a_hole_in_the_numbers_and_events_that_livekit_dropped() -> None:
    sequence = Sequence()
    first, last = event("room_started a RM_1", 1), event("room_finished a RM_1", 4)
    assert "gap" not in [note.code for note in sequence.see(first)]
    assert [note.code for note in sequence.see(last)] == ["gap"]
    dropped = b'{"event":"room_started","room":{"name":"a"},"numDropped":3}'
    head = head_of(dropped)
    assert head
    notes = Sequence().see(Event(body=dropped, head=head, place=""))
    assert [note.text for note in notes if note.code == "dropped"] == [
        "LiveKit says that it dropped 3 events before this one"
    ]


def test_a_secret_is_reported_once_and_not_when_it_is_redacted() -> None:
    events = events_of(RECORDINGS / "room_deleted.jsonl")
    sequence = Sequence()
    assert [note.code for one in events for note in sequence.see(one)].count("secret") == 1
    redacted = b'{"event":"room_started","room":{"name":"a","turnPassword":"REDACTED"}}'
    head = head_of(redacted)
    assert head
    assert not head.has_secret


@pytest.mark.parametrize("name", ["room_deleted", "participants_join_and_leave", "server_stops", "sip-call"])
def test_recordings_of_whole_meetings_are_in_order(name: str) -> None:
    sequence = Sequence()
    codes = {note.code for one in events_of(RECORDINGS / f"{name}.jsonl") for note in sequence.see(one)}
    assert codes <= {"secret", "meet-room"}
    assert list(sequence.open_rooms()) == []
