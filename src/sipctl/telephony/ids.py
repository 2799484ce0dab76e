"""Identifiers as LiveKit makes them (livekit/protocol utils/guid)."""

from collections.abc import Callable, Sequence
from typing import Final

BASE57: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Digits and letters without those that look alike."""
LENGTH: Final = 12


RULE: Final = "SDR_"
TRUNK: Final = "ST_"
ROOM: Final = "RM_"


def has_id_shape(text: str, prefix: str) -> bool:
    """Whether the text is made as an id of this prefix is."""
    rest = text.removeprefix(prefix)
    return text.startswith(prefix) and len(rest) == LENGTH and set(rest) <= set(BASE57)


def new_id(prefix: str, choose: Callable[[Sequence[str]], str]) -> str:
    """A prefix such as "SDR_" and 12 characters; `choose` draws one of a sequence."""
    return prefix + "".join(choose(BASE57) for _ in range(LENGTH))
