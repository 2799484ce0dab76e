"""Identifiers as LiveKit makes them (livekit/protocol utils/guid)."""

from collections.abc import Callable, Sequence
from typing import Final

BASE57: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Digits and letters without those that look alike."""
LENGTH: Final = 12


def new_id(prefix: str, choose: Callable[[Sequence[str]], str]) -> str:
    """A prefix such as "SDR_" and 12 characters; `choose` draws one of a sequence."""
    return prefix + "".join(choose(BASE57) for _ in range(LENGTH))
