"""What can be the name of a room."""

from typing import Final

from sipctl.errors import UsageError

NAME_BYTES: Final = 256
"""The longest name by default: limit.max_room_name_length (livekit/livekit pkg/config/config.go)."""


UUID_PATTERN: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The names of Meet's rooms: UUIDs in lower case with dashes (suitenumerique/meet core/models.py)."""


def checked_room_name(name: str) -> str:
    """The name, if a room can have it.

    Raises:
        UsageError: it is blank, over 256 bytes, or holds a NUL, which no database keeps.
    """
    if not (name.strip() and len(name.encode(errors="surrogateescape")) <= NAME_BYTES):
        raise UsageError(f"a room name has 1 to {NAME_BYTES} bytes, and is not blank")
    if "\0" in name:
        raise UsageError("a room name holds no NUL")
    return name
