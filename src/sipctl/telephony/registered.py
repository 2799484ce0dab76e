"""What the registry of PINs knows: rooms and their PINs, who has one or had it, rotations that were never ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

ACTIVE: Final = "active"
RETIRED: Final = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A room and its PIN; `pin` "" = none. `name` and `slug` are Meet's, "" elsewhere; times are RFC 3339 UTC.

    `is_blank` = Meet has a text of no characters for its PIN, and would write an open rule.
    """

    room: str
    pin: str = ""
    assigned_at: str = ""
    name: str = ""
    slug: str = ""
    is_blank: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What was observed before. `is_first` = this state knows of no observation of this server yet.

    `stale_since` and `duplicate_since` say of rule ids since which observation, without a break, they are unchanged and
    stale, or duplicates; `held_until` until when those that a person restored are spared. `pause` is how long ago the
    last observation is, if that is too long for it to count; then this one begins anew. `skew_s` are the seconds by
    which this observation's clock is off, and for which it counts for nothing; 0 = it does count. `damaged` records
    were passed over: the wait of their rules begins anew.
    """

    is_first: bool = True
    stale_since: Mapping[str, datetime] = field(default_factory=dict)
    duplicate_since: Mapping[str, datetime] = field(default_factory=dict)
    held_until: Mapping[str, datetime] = field(default_factory=dict)
    empty_since: datetime | None = None
    pause: timedelta | None = None
    skew_s: float = 0.0
    damaged: int = 0
