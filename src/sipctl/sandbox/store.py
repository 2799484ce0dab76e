"""What the sandbox holds: LiveKit's own messages by id, rooms with their people, and a clock that can be moved."""

import base64
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from livekit.protocol.models import Codec, DisconnectReason, ParticipantInfo, ParticipantPermission, Room
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo
from livekit.protocol.webhook import WebhookEvent

from sipctl.errors import UsageError
from sipctl.sandbox.twirp import TwirpError
from sipctl.telephony.ids import new_id

_OFFSET_LIMIT_S: Final = 10 * 365 * 24 * 3600

EMPTY_TIMEOUT_S: Final = 300
DEPARTURE_TIMEOUT_S: Final = 20

_CODECS: Final = (
    *("audio/PCMU", "audio/PCMA", "audio/opus", "audio/red"),
    *("video/VP8", "video/H264", "video/VP9", "video/AV1", "video/H265", "video/rtx"),
)

Redis = Literal["connected", "none", "lost"]


@dataclass(slots=True)
class Clock:
    """The system's clock, plus what tests and `POST /sandbox/clock` add."""

    offset_s: float = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative number turns the clock back.

        Raises:
            UsageError: that is no number, or the clock would be over ten years off.
        """
        if not (abs(seconds) <= _OFFSET_LIMIT_S and abs(self.offset_s + seconds) <= _OFFSET_LIMIT_S):
            raise UsageError(f"the clock goes {_OFFSET_LIMIT_S} seconds in all, forward or back")
        self.offset_s += seconds


@dataclass(slots=True)
class LiveRoom:
    """A room and the people in it. `empty_since` is the Unix time from which no one is inside, None while someone is.

    A ghost is a room whose node was killed: listed, but no one answers for it.
    """

    info: Room
    empty_since: float | None
    people: dict[str, ParticipantInfo] = field(default_factory=dict)
    had_people: bool = False
    ghost: bool = False


@dataclass(slots=True)
class Store:
    """The whole state of a server. Ids are random; `entropy` makes them repeatable."""

    clock: Clock = field(default_factory=Clock)
    entropy: random.Random = field(default_factory=secrets.SystemRandom)
    redis: Redis = "connected"
    empty_timeout_s: int = EMPTY_TIMEOUT_S
    departure_timeout_s: int = DEPARTURE_TIMEOUT_S
    rules: dict[str, SIPDispatchRuleInfo] = field(default_factory=dict)
    inbound: dict[str, SIPInboundTrunkInfo] = field(default_factory=dict)
    outbound: dict[str, SIPOutboundTrunkInfo] = field(default_factory=dict)
    rooms: dict[str, LiveRoom] = field(default_factory=dict)
    on_event: Callable[[WebhookEvent], object] | None = None
    """What is given each event of a room, in its order; None = no one wants them."""

    def reach_redis(self, before: str = "") -> None:
        """Every read and write goes through redis; `before` is what the method puts in front of the error.

        Raises:
            TwirpError: redis is lost, in the words of Go's dialler.
        """
        if self.redis == "lost":
            raise TwirpError("unknown", f"{before}dial tcp 127.0.0.1:6379: connect: connection refused")

    def new_id(self, prefix: str) -> str:
        """An id as LiveKit makes them: prefix and 12 characters of base57 (livekit/protocol utils/guid)."""
        return new_id(prefix, self.entropy.choice)

    def open_room(self, name: str, empty_timeout: int = 0, departure_timeout: int = 0) -> LiveRoom:
        """The room of this name, made if it is not there; 0 = the server's default timeout."""
        room = self.rooms.get(name)
        if room is None:
            now = self.clock.now()
            info = Room(
                sid=self.new_id("RM_"),
                name=name,
                empty_timeout=empty_timeout or self.empty_timeout_s,
                departure_timeout=departure_timeout or self.departure_timeout_s,
                creation_time=int(now),
                creation_time_ms=int(now * 1000),
                turn_password=base64.b64encode(self.entropy.randbytes(24)).decode(),
                enabled_codecs=[Codec(mime=mime) for mime in _CODECS],
            )
            room = self.rooms[name] = LiveRoom(info, empty_since=now)
            self._emit("room_started", room)
        room.ghost = False
        return room

    def join(self, room_name: str, identity: str, *, kind: str = "STANDARD", name: str = "") -> ParticipantInfo:
        """Let someone in; a second one of the same identity takes the first one's place.

        Raises:
            ValueError: there is no such kind, or a name is no Unicode text.
        """
        now = self.clock.now()
        person = ParticipantInfo(
            sid=self.new_id("PA_"),
            identity=identity,
            name=name,
            state=ParticipantInfo.State.ACTIVE,
            kind=kind,
            joined_at=int(now),
            joined_at_ms=int(now * 1000),
            version=1,
            permission=ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True),
        )
        room = self.open_room(room_name)
        if identity in room.people:
            self._let_out(room, identity, DisconnectReason.DUPLICATE_IDENTITY)
        room.people[identity] = person
        room.had_people, room.empty_since = True, None
        room.info.num_participants = len(room.people)
        self._emit("participant_joined", room, person)
        return person

    def leave(
        self, room_name: str, identity: str, reason: "DisconnectReason" = DisconnectReason.CLIENT_INITIATED
    ) -> bool:
        """Take someone out; whether they were in."""
        room = self.rooms.get(room_name)
        if room is None or identity not in room.people:
            return False
        self._let_out(room, identity, reason)
        if not room.people:
            room.empty_since = self.clock.now()
        return True

    def close_expired_rooms(self) -> None:
        """End the rooms that no one entered in time, or that everyone left some time ago."""
        now = self.clock.now()
        for name, room in list(self.rooms.items()):
            limit = room.info.departure_timeout if room.had_people else room.info.empty_timeout
            if not room.ghost and room.empty_since is not None and now - room.empty_since >= limit:
                self.end_room(name)

    def end_room(self, name: str) -> None:
        """End a room, and first let out who is in it."""
        room = self.rooms.pop(name)
        for identity in list(room.people):
            self._let_out(room, identity, DisconnectReason.ROOM_DELETED)
        self._emit("room_finished", room)

    def _let_out(self, room: LiveRoom, identity: str, reason: "DisconnectReason") -> None:
        person = room.people.pop(identity)
        person.state, person.disconnect_reason = ParticipantInfo.State.DISCONNECTED, reason
        room.info.num_participants = len(room.people)
        self._emit("participant_left", room, person)

    def _emit(self, name: str, room: LiveRoom, person: ParticipantInfo | None = None) -> None:
        if self.on_event is None:
            return
        event = WebhookEvent(event=name, room=room.info, id=self.new_id("EV_"), created_at=int(self.clock.now()))
        if person is not None:
            event.participant.CopyFrom(person)
        self.on_event(event)
