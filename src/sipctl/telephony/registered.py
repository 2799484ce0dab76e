"""What the registry of PINs knows: rooms and their PINs, who has one or had it, rotations that were never ended."""

from dataclasses import dataclass
from typing import Final

ACTIVE: Final = "active"
RETIRED: Final = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A room and its PIN; `pin` "" = none. `name` and `slug` are Meet's, "" elsewhere; times are RFC 3339 UTC."""

    room: str
    pin: str = ""
    assigned_at: str = ""
    name: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a PIN, or had it: `state` is active or retired."""

    room: str
    state: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that was begun: the room's PIN, the one that shall follow, and when."""

    room: str
    old_pin: str
    new_pin: str
    started_at: str
