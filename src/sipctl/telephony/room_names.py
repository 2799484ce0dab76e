"""What can be the name of a room."""

from typing import Final

from sipctl.errors import UsageError

NAME_BYTES: Final = 256
"""The longest name by default: limit.max_room_name_length (livekit/livekit pkg/config/config.go)."""


def checked_room_name(name: str) -> str:
    """The name, if a room can have it.

    Raises:
        UsageError: it is empty or over 256 bytes.
    """
    if not 0 < len(name.encode(errors="surrogateescape")) <= NAME_BYTES:
        raise UsageError(f"a room name has 1 to {NAME_BYTES} bytes")
    return name
