"""A webhook event: the exact bytes of its body, what surrounded them, and what its head says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NAMES: Final = (
    "room_started", "room_finished", "participant_joined", "participant_left", "participant_connection_aborted",
    "track_published", "track_unpublished", "egress_started", "egress_updated", "egress_ended", "ingress_started",
    "ingress_ended", "agent_job_started", "agent_job_ended",
)  # fmt: skip
"""Every event of LiveKit (livekit/protocol webhook/consts.go)."""

ALIASES: Final = {"room_ended": "room_finished"}
"""What Meet's page on telephony calls an event."""

PROBE: Final = "track_unpublished"
"""The event that asks a backend whether it takes events, and at which it has nothing to do."""

REDACTED: Final = "REDACTED"
"""What replaces a secret in a file that was redacted."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is read of a body: whose event it is.

    `name` and `room` are "" where the body has none, `created_at` are Unix seconds, 0 = none. `room_sid` tells the
    sessions of one room name apart, `identity` is the participant's. `dropped` counts the events that LiveKit says it
    dropped; `has_secret` = it holds a password of TURN.
    """

    name: str
    room: str = ""
    room_sid: str = ""
    identity: str = ""
    identifier: str = ""
    created_at: int = 0
    dropped: int = 0
    has_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as a file holds it; `body` are the bytes that were signed.

    `place` says where ("meeting.jsonl:12"). `authorization` is the token as it came, "" = none. `received_at` are Unix
    seconds and `offset_s` seconds since the recording began, None where the file does not say.
    """

    body: bytes
    head: Head
    place: str
    authorization: str = ""
    received_at: float | None = None
    offset_s: float | None = None
    number: int | None = None

    @property
    def moment(self) -> float:
        """When it happened, in Unix seconds: when it was received, else when LiveKit made it; 0 = not known."""
        return self.received_at if self.received_at is not None else float(self.head.created_at)


def read_head(value: Any) -> Head | None:  # noqa: ANN401 - any JSON
    """The head of a parsed body, in camelCase or snake_case as protojson takes it; None if it is no event."""
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        return None
    name = str(value["event"])
    room, person = _object(value, "room"), _object(value, "participant")
    elsewhere = _object(value, "egressInfo", "egress_info") or _object(value, "ingressInfo", "ingress_info")
    secret = _text(room, "turnPassword", "turn_password")
    return Head(
        name=ALIASES.get(name, name),
        room=_text(room, "name") or _text(elsewhere, "roomName", "room_name"),
        room_sid=_text(room, "sid"),
        identity=_text(person, "identity"),
        identifier=_text(value, "id"),
        created_at=_number(value, "createdAt", "created_at"),
        dropped=_number(value, "numDropped", "num_dropped"),
        has_secret=bool(secret) and secret.upper() != REDACTED,
    )


def head_of(body: bytes) -> Head | None:
    """The head of a body; None if it is no event: not UTF-8, not JSON, too deep, or without an event's name."""
    try:
        return read_head(json.loads(body.decode()))
    except (ValueError, RecursionError):
        return None


def _first(value: Mapping[str, Any], keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    return next((value[key] for key in keys if key in value), None)


def _object(value: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    found = _first(value, keys)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], *keys: str) -> str:
    found = _first(value, keys)
    return found if isinstance(found, str) else ""


def _number(value: Mapping[str, Any], *keys: str) -> int:
    """A 64-bit integer, which JSON holds as text; 0 for anything else."""
    found = str(_first(value, keys))
    return int(found) if found.isascii() and found.isdigit() and len(found) < 20 else 0
