"""Events that we make have the form of those that a real server sent."""

import json
import random
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from livekit.protocol.webhook import WebhookEvent

from sipctl.errors import UsageError
from sipctl.webhooks.event import NAMES, head_of
from sipctl.webhooks.messages import Meetings, body_of, edited
from tests.support.webhooks import recorded

NOW = 1795379605.5
_OWN = {
    *(("participant", key) for key in ("metadata", "attributes", "isPublisher")),
    *(("room", key) for key in ("metadata", "maxParticipants", "numParticipants", "numPublishers")),
}
"""What a client chose or did, and counters that lag."""


def keys(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key at every level; lists are one level."""
    if isinstance(value, list):
        return {key for one in value for key in keys(one, path)}
    if not isinstance(value, dict):
        return {path}
    return {path} | {
        key for name, inner in value.items() if (*path, name) not in _OWN for key in keys(inner, (*path, name))
    }


def shape(value: Any) -> Any:
    """Keys and the types of values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def made(name: str, identity: str = "bob") -> dict[str, Any]:
    value: dict[str, Any] = json.loads(body_of(Meetings(random.Random(1).choice).event(name, "meeting", identity, NOW)))
    return value


def test_what_is_made_has_the_keys_and_types_of_what_a_server_sent() -> None:
    compared = set()
    for event in recorded():
        real = json.loads(event.body)
        if real.get("participant", {}).get("kind") == "SIP" or real.get("participant", {}).get("name"):
            continue
        ours = made(event.head.name)
        assert keys(ours) == keys(real), event.place
        for part in ("room", "participant", "track"):
            common = ours.get(part, {}).keys() & real.get(part, {}).keys()
            assert all(shape(ours[part][key]) == shape(real[part][key]) for key in common), event.place
        compared.add(event.head.name)
    assert compared == {"room_started", "room_finished", "participant_joined", "participant_left",
                        "participant_connection_aborted", "track_published", "track_unpublished"}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_one_for_livekits_own_receiver(name: str) -> None:
    body = body_of(Meetings(random.Random(1).choice).event(name, "meeting", "", NOW))
    event = Parse(body.decode(), WebhookEvent())
    assert (event.event, event.created_at) == (name, int(NOW))
    head = head_of(body)
    assert head
    assert (head.name, head.room if name[:5] != "agent" else "meeting") == (name, "meeting")


def test_the_events_of_a_meeting_speak_of_one_room_and_the_next_meeting_of_another() -> None:
    meetings = Meetings(random.Random(1).choice)
    names = ["room_started", "participant_joined", "participant_left", "room_finished", "room_started"]
    heads = [head_of(body_of(meetings.event(name, "a", "bob", NOW))) for name in names]
    sids = [head.room_sid for head in heads if head]
    assert len(set(sids[:4])) == 1
    assert sids[4] != sids[0]
    assert len({head.identifier for head in heads if head}) == 5


def test_an_event_that_livekit_does_not_have() -> None:
    with pytest.raises(UsageError, match="no event 'room_paused'"):
        Meetings(random.Random(1).choice).event("room_paused", "a", "", NOW)


BODY = b'{"event":"room_started","future":{"kept":[1.0]},"room":{"name":"a","numParticipants":3}}'


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("room.name=5", {"room": {"name": "5", "numParticipants": 3}}),
        ("room.num_participants=4", {"room": {"name": "a", "numParticipants": 4}}),
        ("room.numParticipants=0", {"room": {"name": "a"}}),
        ("createdAt=7", {"createdAt": "7"}),
        ("participant.kind=SIP", {"participant": {"kind": "SIP"}}),
        ("participant.kind=STANDARD", {"participant": {}}),
        ("participant.attributes.sip.phoneNumber=+33", {"participant": {"attributes": {"sip.phoneNumber": "+33"}}}),
        ("participant.permission.canPublish=true", {"participant": {"permission": {"canPublish": True}}}),
        ('room.enabledCodecs=[{"mime":"audio/opus"}]',
         {"room": {"name": "a", "numParticipants": 3, "enabledCodecs": [{"mime": "audio/opus"}]}}),
        ("future.more=true", {"future": {"kept": [1.0], "more": True}}),
        ("newer=word", {"newer": "word"}),
    ],
)  # fmt: skip
def test_an_edit_has_livekits_form_and_leaves_the_rest(edit: str, expected: dict[str, Any]) -> None:
    path, _, text = edit.partition("=")
    assert json.loads(edited(BODY, [(path, text)])) == json.loads(BODY) | expected


@pytest.mark.parametrize("edit", ["room.numParticipants=many", "room.name.x=1", "participant.kind=ROBOT", "room=5",
                                  "event.x=1", "participant.permission.canPublish=perhaps"])  # fmt: skip
def test_an_edit_that_makes_no_sense(edit: str) -> None:
    path, _, text = edit.partition("=")
    with pytest.raises(UsageError, match="--set"):
        edited(BODY, [(path, text)])
