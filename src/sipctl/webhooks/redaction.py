"""Events without what is private in them: each name, number and identity has another one in its place, always the same.

What is not known to be harmless is replaced. Ids, times, counters and LiveKit's own words stay, so that a redacted
file can be verified in its order, and signed anew.
"""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sipctl.webhooks.event import REDACTED

_HARMLESS: Final = frozenset(
    {
        "event",
        "id",
        "sid",
        "mid",
        "cid",
        "mime",
        "mimeType",
        "egressId",
        "ingressId",
        "roomId",
        "trackId",
        "ssrc",
    }
)
_HARMLESS_ATTRIBUTES: Final = frozenset({"sip.callID", "sip.callStatus", "sip.trunkID", "sip.ruleID"})
_TIMES: Final = re.compile(r"[0-9]{1,20}\Z")
_WORDS: Final = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_WORD_KEYS: Final = frozenset(
    {
        "state",
        "kind",
        "disconnectReason",
        "source",
        "status",
        "type",
        "videoLayerMode",
        "backupCodecPolicy",
        "encryption",
        "inputType",
        "sourceType",
        "quality",
        "roomEndReason",
    }
)
"""Fields that hold the name of one of LiveKit's enums."""
_NUMBER: Final = re.compile(r"\+?[0-9]{3,}\Z")
_TIME_KEYS: Final = ("At", "AtMs", "Time", "TimeMs", "Micro")


@dataclass(slots=True)
class Redactor:
    """Gives each private text another one. `key` makes them, and without it they cannot be guessed back."""

    key: bytes
    _given: dict[tuple[str, str], str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def redacted(self, body: bytes) -> bytes | None:
        """The body with nothing private in it; None if it is not JSON."""
        try:
            value = json.loads(body.decode())
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        return json.dumps(self._value(value, ()), ensure_ascii=False, separators=(", ", ":")).encode()

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, Mapping):
            return {key: self._value(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, path) for inner in value]
        return self._text(value, path) if isinstance(value, str) and value else value

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        key, holder = path[-1], path[-2] if len(path) > 1 else ""
        if key in {"turnPassword", "turn_password"}:
            return REDACTED
        if _is_harmless(text, key, holder):
            return text
        if (holder == "room" and key == "name") or key in {"roomName", "room_name"}:
            return self._other("room", text, _room_like)
        if _NUMBER.match(text):
            return self._other("number", text, _number_like)
        kind = "person" if key in {"identity", "participantIdentity"} else "text"
        return self._other(kind, text, lambda _text, digest: f"{kind}-{digest.hex()[:10]}")

    def _other(self, kind: str, text: str, make: Callable[[str, bytes], str]) -> str:
        """The text that stands for this one; no two have the same."""
        known = self._given.get((kind, text))
        if known is not None:
            return known
        attempt, model = 0, text
        while (other := make(model, self._digest(kind, text, attempt))) in self._taken:
            attempt += 1
            model += "0" if attempt % 100 == 0 else ""  # there are few numbers of few digits
        self._taken.add(other)
        self._given[kind, text] = other
        return other

    def _digest(self, kind: str, text: str, attempt: int) -> bytes:
        return hmac.digest(self.key, f"{kind}\0{text}\0{attempt}".encode(), hashlib.sha256)


def _is_harmless(text: str, key: str, holder: str) -> bool:
    if holder == "attributes":
        return key in _HARMLESS_ATTRIBUTES
    if key in _WORD_KEYS:
        return bool(_WORDS.match(text))
    return key in _HARMLESS or (key.endswith(_TIME_KEYS) and bool(_TIMES.match(text)))


def _room_like(text: str, digest: bytes) -> str:
    """A UUID for a UUID, as Meet's rooms are named."""
    try:
        uuid.UUID(text)
    except ValueError:
        return f"room-{digest.hex()[:10]}"
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _number_like(text: str, digest: bytes) -> str:
    digits = str(int.from_bytes(digest, "big"))[-len(text.lstrip("+")) :]
    return f"+{digits}" if text.startswith("+") else digits
