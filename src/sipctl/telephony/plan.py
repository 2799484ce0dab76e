"""What a plan of purge and sync is made of: the state it starts from, the policy, and what becomes of each rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin


class Action(StrEnum):
    """What becomes of a rule, or of a room without one."""

    KEEP = "keep"
    SKIP = "skip"
    DELETE = "delete"
    UPDATE = "update"
    CREATE = "create"


class Reason(StrEnum):
    """Why. What is kept is as it should be; what is skipped is not, and says what it waits for."""

    LIVE = "live"
    FOREIGN = "foreign"
    PROTECTED = "protected"
    FIRST_LOOK = "first-look"
    WAITING = "waiting"
    YOUNG = "young"
    EMPTY_LIST = "empty-list"
    CLOCK_OFF = "clock-off"
    UNATTENDED = "unattended"
    NO_PIN = "no-pin"
    TAKEN = "taken"
    AMBIGUOUS = "ambiguous"
    PROMPTS = "prompts"
    LIVEKIT_ONLY = "livekit-only"
    STALE = "stale"
    DUPLICATE = "duplicate"
    DUPLICATE_WAITING = "duplicate-waiting"
    MISSING = "missing"
    PIN_DIFFERS = "pin-differs"
    PIN_NONE = "pin-none"
    TRUNKS_DIFFER = "trunks-differ"


class Part(StrEnum):
    """A part of the work that can be asked for alone."""

    PURGE = "purge"
    REPAIR = "repair"
    CREATE = "create"


PART_OF: Final = {
    **dict.fromkeys((Reason.STALE, Reason.FIRST_LOOK, Reason.WAITING, Reason.YOUNG), Part.PURGE),
    **dict.fromkeys((Reason.EMPTY_LIST, Reason.CLOCK_OFF), Part.PURGE),
    **dict.fromkeys((Reason.MISSING, Reason.UNATTENDED, Reason.NO_PIN, Reason.TAKEN), Part.CREATE),
    **dict.fromkeys((Reason.DUPLICATE, Reason.DUPLICATE_WAITING, Reason.AMBIGUOUS), Part.REPAIR),
    **dict.fromkeys((Reason.PIN_DIFFERS, Reason.PIN_NONE, Reason.TRUNKS_DIFFER), Part.REPAIR),
}
BACKENDS: Final = frozenset({Reason.STALE, Reason.MISSING})
"""Changes that a backend makes when it is told of a room: Meet compares names alone, and keeps a rule that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One rule, or one room without a rule, and what becomes of it.

    `before` is the rule as it stands (None for a create), `after` as it shall be (None for a delete). `beside` is the
    id of the rule that covers a duplicate, that has the PIN a room needs, or that forbids the change. `parked` = the
    PIN that a rule of this plan still has is wanted by an earlier one: it first gets some other PIN.
    """

    action: Action
    reason: Reason
    room: str
    before: DispatchRule | None = None
    after: DispatchRule | None = None
    beside: str = ""
    parked: bool = False

    @property
    def rule_id(self) -> str:
        """The id of the rule concerned; "" for a room without one."""
        return self.before.sip_dispatch_rule_id if self.before else ""

    @property
    def order(self) -> tuple[str, str]:
        """What plans are sorted by."""
        return self.room, self.rule_id


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is known at one moment: `rules` were listed before the rooms.

    `live` are rooms that LiveKit lists; `attended` those of them with somebody who is no phone caller; `pins` the
    registry's, None = there is no registry. `stale_since` and `duplicate_since` say of rule ids since which
    observation, without a break, they are stale or duplicates; `empty_since` since which the list of rooms is empty.
    `clock_is_off` = `now` is not the server's time, so no grace can be measured.
    """

    now: datetime
    rules: Sequence[DispatchRule]
    live: frozenset[str]
    attended: frozenset[str] = frozenset()
    pins: Mapping[str, str] | None = None
    stale_since: Mapping[str, datetime] = field(default_factory=dict)
    duplicate_since: Mapping[str, datetime] = field(default_factory=dict)
    empty_since: datetime | None = None
    clock_is_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the plan is made.

    `trunk_ids` None = never compared. `rooms` None = all. `by_backend` = the backend writes the rules itself when it
    is told of a room, so no PIN need be known.
    """

    mark: Ownership
    grace: timedelta
    protect: frozenset[str] = frozenset()
    trunk_ids: tuple[str, ...] | None = None
    parts: frozenset[Part] = frozenset(Part)
    rooms: frozenset[str] | None = None
    unattended: bool = False
    by_backend: bool = False

    def protects(self, *names: str) -> bool:
        """Whether one of these names is on the protect list."""
        return not self.protect.isdisjoint(names)

    def trunks_differ(self, rule: DispatchRule) -> bool:
        """Whether the rule has other trunks than the profile says; never if it says none."""
        return self.trunk_ids is not None and set(rule.trunk_ids) != set(self.trunk_ids)


def wanted_pin(room: str, world: World) -> str | None:
    """The registry's PIN of a room; None if there is no registry, or none that a caller can type."""
    pin = (world.pins or {}).get(room, "")
    return pin if is_pin(pin) else None


def pending(items: Iterable[Item]) -> list[Item]:
    """The items of a plan that change something."""
    return [item for item in items if item.action in {Action.DELETE, Action.UPDATE, Action.CREATE}]
