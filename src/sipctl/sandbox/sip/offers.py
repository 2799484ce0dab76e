"""Whether livekit-sip finds sound that it can play in an offer (RFC 4566, RFC 3264)."""

import re
from typing import Final

_STATIC: Final = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
"""Payload types that need no rtpmap (RFC 3551 6)."""
_KNOWN: Final = frozenset({"PCMU/8000", "PCMA/8000", "G722/8000"})
_AUDIO: Final = re.compile(r"m=audio (\d{1,5}) RTP/S?AVPF? (.+)\Z")
_RTPMAP: Final = re.compile(r"a=rtpmap:(\d{1,3}) ([^/\s]+/\d+)")


def is_acceptable(body: bytes) -> bool:
    """Whether there is an audio stream with a port and a codec that livekit-sip has; its Content-Type is ignored."""
    lines = body.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].startswith("v="):
        return False
    audio = next((found for line in lines if (found := _AUDIO.match(line))), None)
    if audio is None or audio[1] == "0":
        return False
    named = {found[1]: found[2].upper() for line in lines if (found := _RTPMAP.match(line))}
    return any(named.get(kind, _STATIC.get(kind, "")) in _KNOWN for kind in audio[2].split())
