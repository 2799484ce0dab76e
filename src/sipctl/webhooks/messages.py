"""Events made as LiveKit makes them: its own messages, in the JSON that its server writes.

protojson of WebhookEvent: camelCase, default values left out, 64-bit integers as text, a space after each comma.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from livekit.protocol.agent import Job
from livekit.protocol.egress import EgressInfo, EgressStatus
from livekit.protocol.ingress import IngressInfo
from livekit.protocol.models import (
    BackupCodecPolicy,
    Codec,
    DisconnectReason,
    ParticipantInfo,
    ParticipantPermission,
    Room,
    SimulcastCodecInfo,
    TimedVersion,
    TrackInfo,
    TrackSource,
    TrackType,
    VideoLayer,
)
from livekit.protocol.webhook import WebhookEvent

from sipctl.errors import UsageError
from sipctl.telephony.ids import ROOM, new_id
from sipctl.webhooks.event import NAMES

Choose = Callable[[Sequence[str]], str]

EMPTY_TIMEOUT_S: Final = 300
DEPARTURE_TIMEOUT_S: Final = 20
_CODECS: Final = (
    *("audio/PCMU", "audio/PCMA", "audio/opus", "audio/red"),
    *("video/VP8", "video/H264", "video/VP9", "video/AV1", "video/H265", "video/rtx"),
)
_PASSWORD_LENGTH: Final = 43
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ENDS: Final = {
    "participant_left": DisconnectReason.CLIENT_INITIATED,
    "participant_connection_aborted": DisconnectReason.SIGNAL_CLOSE,
}


def body_of(event: WebhookEvent) -> bytes:
    """The body as LiveKit's server writes it."""
    return _written(MessageToDict(event))


def _written(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ":")).encode()


def new_room(name: str, now: float, choose: Choose) -> Room:
    """A room as it is right after its start; `now` are Unix seconds."""
    return Room(
        sid=new_id(ROOM, choose),
        name=name,
        empty_timeout=EMPTY_TIMEOUT_S,
        departure_timeout=DEPARTURE_TIMEOUT_S,
        creation_time=int(now),
        creation_time_ms=int(now * 1000),
        turn_password="".join(choose(_LETTERS) for _ in range(_PASSWORD_LENGTH)),
        enabled_codecs=[Codec(mime=mime) for mime in _CODECS],
    )


@dataclass(slots=True)
class Meetings:
    """The rooms and people of a story, so that all its events speak of the same ones."""

    choose: Choose
    _rooms: dict[str, Room] = field(default_factory=dict)
    _people: dict[tuple[str, str], ParticipantInfo] = field(default_factory=dict)

    def event(self, name: str, room_name: str, identity: str, now: float) -> WebhookEvent:
        """The next event of a room, at `now` in Unix seconds; a room that finished starts anew with the next one.

        Raises:
            UsageError: LiveKit has no such event.
        """
        if name not in NAMES:
            raise UsageError(f"LiveKit has no event {name!r}", hint=f"there are {', '.join(NAMES)}")
        room = self._rooms.setdefault(room_name, new_room(room_name, now, self.choose))
        event = WebhookEvent(event=name, id=new_id("EV_", self.choose), created_at=int(now))
        self._fill(event, room, identity or "sipctl", now)
        if name == "room_finished":
            del self._rooms[room_name]
        return event

    def _fill(self, event: WebhookEvent, room: Room, identity: str, now: float) -> None:
        kind = event.event.partition("_")[0]
        if kind in {"room", "participant"}:
            event.room.CopyFrom(room)
        if kind == "participant":
            event.participant.CopyFrom(self._person(event.event, room, identity, now))
        elif kind == "track":
            event.room.CopyFrom(Room(sid=room.sid, name=room.name))
            person = self._person("participant_joined", room, identity, now)
            event.participant.CopyFrom(ParticipantInfo(sid=person.sid, identity=identity))
            event.track.CopyFrom(self._track(now))
        elif kind == "egress":
            event.egress_info.CopyFrom(self._egress(event.event, room, now))
        elif kind == "ingress":
            event.ingress_info.CopyFrom(
                IngressInfo(ingress_id=new_id("IN_", self.choose), room_name=room.name, participant_identity=identity)
            )
        elif kind == "agent":
            event.job.CopyFrom(Job(id=new_id("AJ_", self.choose), room=Room(sid=room.sid, name=room.name)))

    def _person(self, name: str, room: Room, identity: str, now: float) -> ParticipantInfo:
        person = self._people.get((room.sid, identity)) or ParticipantInfo(
            sid=new_id("PA_", self.choose),
            identity=identity,
            state=ParticipantInfo.State.ACTIVE,
            joined_at=int(now),
            joined_at_ms=int(now * 1000),
            version=1,
            permission=ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True),
        )
        self._people[room.sid, identity] = person
        person.version += 1
        if name in _ENDS:
            person.state, person.disconnect_reason = ParticipantInfo.State.DISCONNECTED, _ENDS[name]
        return person

    def _track(self, now: float) -> TrackInfo:
        return TrackInfo(
            sid=new_id("TR_AM", self.choose), type=TrackType.AUDIO, source=TrackSource.MICROPHONE, name="microphone",
            mime_type="audio/opus", mid="1", stream="camera", version=TimedVersion(unix_micro=int(now * 1e6)),
            codecs=[SimulcastCodecInfo(
                mime_type="audio/opus", mid="1", cid=new_id("TR_", self.choose),
                video_layer_mode=VideoLayer.Mode.ONE_SPATIAL_LAYER_PER_STREAM,
            )], backup_codec_policy=BackupCodecPolicy.SIMULCAST,
        )  # fmt: skip

    def _egress(self, name: str, room: Room, now: float) -> EgressInfo:
        status = EgressStatus.EGRESS_COMPLETE if name == "egress_ended" else EgressStatus.EGRESS_ACTIVE
        nanoseconds = int(now * 1e9)
        info = EgressInfo(
            egress_id=new_id("EG_", self.choose), room_id=room.sid, room_name=room.name, status=status,
            started_at=nanoseconds, updated_at=nanoseconds,
        )  # fmt: skip
        if name == "egress_ended":
            info.ended_at = nanoseconds
        return info


def edited(body: bytes, edits: Iterable[tuple[str, str]]) -> bytes:
    """The body with some fields set, each by its path ("room.name") to what the text says; all others stay.

    A value of LiveKit's own fields gets the form that LiveKit writes; one that is a default is left out.

    Raises:
        UsageError: the path leads through what is no object, or the field cannot have such a value.
    """
    value = json.loads(body.decode())
    for path, text in edits:
        _set(value, WebhookEvent.DESCRIPTOR, path, path, text)
    return _written(value)


def _set(value: Any, message: Any, rest: str, path: str, text: str) -> None:  # noqa: ANN401 - any JSON, and the description of its message
    if not isinstance(value, dict):
        raise UsageError(f"--set {path}: what holds it is no object")
    head, _, tail = rest.partition(".")
    known = _field(message, head)
    is_map = known is not None and known.message_type is not None and known.message_type.GetOptions().map_entry
    name = known.json_name if known is not None else head
    if tail and is_map:
        value.setdefault(name, {})[tail] = text
    elif tail:
        inner = known.message_type if known is not None else None
        _set(value.setdefault(name, {}), inner, tail, path, text)
    elif known is None or message is None:
        value[name] = _loose(text)
    else:
        value.pop(name, None)
        value |= _normal(message, known, path, text)


def _field(message: Any, name: str) -> FieldDescriptor | None:  # noqa: ANN401 - the description of a message
    fields = message.fields if message else ()
    return next((one for one in fields if name in {one.name, one.json_name}), None)


def _loose(text: str) -> Any:  # noqa: ANN401 - any JSON
    """What the text says as JSON, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _normal(message: Any, known: FieldDescriptor, path: str, text: str) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    """A field in the form that LiveKit writes; nothing for a default value."""
    is_plain = known.cpp_type != FieldDescriptor.CPPTYPE_BOOL and known.message_type is None and not known.is_repeated
    given = text if is_plain else _loose(text)
    holder = _new(message)
    try:
        ParseDict({known.json_name: given}, holder)
    except (ParseError, TypeError, ValueError):
        raise UsageError(f"--set {path}: LiveKit's field cannot have the value {text!r}") from None
    normal: Mapping[str, Any] = MessageToDict(holder)
    return normal


def _new(message: Any) -> Any:  # noqa: ANN401 - a message of a class that only its description names
    from google.protobuf.message_factory import GetMessageClass  # noqa: PLC0415

    return GetMessageClass(message)()
