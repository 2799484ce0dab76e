"""What a plan of purge and sync is made of: the state it starts from, the policy, and what becomes of each rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin


class Action(StrEnum):
    """What becomes of a rule, or of a room without one."""

    KEEP = "keep"
    SKIP = "skip"
    DELETE = "delete"
    UPDATE = "update"
    CREATE = "create"


class Part(StrEnum):
    """A part of the work that can be asked for alone."""

    PURGE = "purge"
    REPAIR = "repair"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class _Row:
    """What is known of a reason.

    `words` are for people. `part` None = it is shown whatever part of the work is asked for. `begins` = the wait for
    the grace may begin with this observation. `by_backend` = a change that a backend makes itself when it is sent an
    event of the room: Meet compares names alone, and keeps a rule that exists.
    """

    value: str
    words: str
    part: Part | None = None
    begins: bool = False
    by_backend: bool = False


class Reason(StrEnum):
    """Why. What is kept is as it should be; what is skipped is not, and says what it waits for."""

    LIVE = _Row("live", "as it should be")
    NOT_REACHED = _Row("not-reached", "as it should be, and callers do not get to it: `doctor` says why")
    FOREIGN = _Row("foreign", "not this profile's")
    PROTECTED = _Row("protected", "on the protect list")
    PROMPTS = _Row("prompts", "it decides who is asked for a PIN: an open rule is there")
    LIVEKIT_ONLY = _Row("livekit-only", "a backend does not change it: --via livekit")
    STALE = _Row("stale", "its room is not live", Part.PURGE, by_backend=True)
    FIRST_OBSERVATION = _Row("first-look", "stale, seen for the first time", Part.PURGE, begins=True)
    WAITING = _Row("waiting", "stale, but not for long enough", Part.PURGE)
    YOUNG = _Row("young", "stale, but made a short time ago", Part.PURGE)
    HELD = _Row("held", "stale, but a person restored it a short time ago", Part.PURGE)
    CLOCK_OFF = _Row("clock-off", "stale, but the clock of this host is off", Part.PURGE, begins=True)
    EMPTY_LIST = _Row("empty-list", "LiveKit lists no room at all", Part.PURGE)
    DUPLICATE = _Row("duplicate", "another one takes its calls", Part.REPAIR)
    DUPLICATE_WAITING = _Row(
        "duplicate-waiting", "another one takes its calls, but not for long enough", Part.REPAIR, begins=True
    )
    AMBIGUOUS = _Row("ambiguous", "one of several for the room, and not a duplicate", Part.REPAIR)
    PIN_DIFFERS = _Row("pin-differs", "the registry has another PIN", Part.REPAIR)
    PIN_NONE = _Row("pin-none", "its PIN is the word None", Part.REPAIR)
    TRUNKS_DIFFER = _Row("trunks-differ", "the profile has other trunks", Part.REPAIR)
    MISSING = _Row("missing", "attended, and without a rule", Part.CREATE, by_backend=True)
    UNATTENDED = _Row("unattended", "live, but with no participant other than phone callers", Part.CREATE)
    NO_PIN = _Row("no-pin", "the registry has no PIN for it", Part.CREATE)
    UNTYPABLE = _Row("untypable", "its PIN in the registry is not 4 to 16 digits", Part.CREATE)
    TELEPHONY_OFF = _Row("telephony-off", "Meet's telephony is off: --allow telephony-off", Part.CREATE)
    TAKEN = _Row("taken", "another rule has its PIN", Part.CREATE)
    UNKNOWN_ROOM = _Row("unknown-room", "Meet does not know its room", Part.REPAIR)

    row: _Row

    def __new__(cls, row: _Row) -> "Reason":
        """The member whose value is that of its row."""
        member = str.__new__(cls, row.value)
        member._value_ = row.value
        member.row = row
        return member


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One rule, or one room without a rule, and what becomes of it.

    `before` is the rule as it is (None for a create), `after` as it shall be (None for a delete). `beside` is the
    id of the rule that covers a duplicate, that has the PIN a room needs, or that forbids the change. `parked` = the
    PIN that a rule of this plan still has is wanted by an earlier one: it first gets some other PIN. `idle_since` = the
    first observation, without a break, that found it stale or a duplicate; `may_go_at` = when nothing spares it any
    more. Both are None for what stays, and where no time can be measured.
    """

    action: Action
    reason: Reason
    room: str
    before: DispatchRule | None = None
    after: DispatchRule | None = None
    beside: str = ""
    parked: bool = False
    idle_since: datetime | None = None
    may_go_at: datetime | None = None

    @property
    def rule_id(self) -> str:
        """The id of the rule concerned; "" for a room without one."""
        return self.before.sip_dispatch_rule_id if self.before else ""

    @property
    def order(self) -> tuple[str, str]:
        """What plans are sorted by."""
        return self.room, self.rule_id


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known at one moment: `rules` were listed before the rooms.

    `live` are rooms that LiveKit lists; `attended` those of them with someone who is no phone caller; `pins` the
    registry's, None = there is no registry; `known` those that the backend's own table holds, None = it was not asked.
    `stale_since` and `duplicate_since` say of rule ids since which observation, without a break, they are stale or
    duplicates; `held_until` until when a restored one is spared; `empty_since` since which the list of rooms is empty.
    `clock_is_off` = `now` is not the server's time, so no grace can be measured. `trunks` None = it does not depend on
    them who reaches a rule, or they are not known.
    """

    now: datetime
    rules: Sequence[DispatchRule]
    live: frozenset[str]
    attended: frozenset[str] = frozenset()
    pins: Mapping[str, str] | None = None
    known: frozenset[str] | None = None
    stale_since: Mapping[str, datetime] = field(default_factory=dict)
    duplicate_since: Mapping[str, datetime] = field(default_factory=dict)
    held_until: Mapping[str, datetime] = field(default_factory=dict)
    empty_since: datetime | None = None
    clock_is_off: bool = False
    trunks: Sequence[InboundTrunk] | None = None

    def is_of_others(self, room: str) -> bool:
        """Whether a live room is none of the backend's: it was deleted there, or another instance made it."""
        return self.known is not None and room in self.live and room not in self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the plan is made.

    `trunk_ids` None = never compared. `rooms` None = all. `by_backend` = the backend writes the rules itself when it
    is sent an event of a room, so no PIN need be known. `telephony_off` = it makes no rules now, and no run does.
    `number` is the advertised one, "" = none.
    """

    mark: Ownership
    grace: timedelta
    protect: frozenset[str] = frozenset()
    trunk_ids: tuple[str, ...] | None = None
    parts: frozenset[Part] = frozenset(Part)
    rooms: frozenset[str] | None = None
    unattended: bool = False
    by_backend: bool = False
    telephony_off: bool = False
    number: str = ""

    def protects(self, *names: str) -> bool:
        """Whether one of these names is on the protect list."""
        return not self.protect.isdisjoint(names)

    def trunks_differ(self, rule: DispatchRule) -> bool:
        """Whether the rule has other trunks than the profile says; never if it says none."""
        return self.trunk_ids is not None and set(rule.trunk_ids) != set(self.trunk_ids)


def wanted_pin(room: str, state: State) -> str | None:
    """The registry's PIN of a room; None if there is no registry, or none that a caller can type."""
    pin = (state.pins or {}).get(room, "")
    return pin if is_pin(pin) else None


def why_no_pin(room: str, state: State) -> Reason:
    """Why `wanted_pin` knows none for the room."""
    return Reason.UNTYPABLE if (state.pins or {}).get(room) else Reason.NO_PIN


def pending(items: Iterable[Item]) -> list[Item]:
    """The items of a plan that change something."""
    return [item for item in items if item.action in {Action.DELETE, Action.UPDATE, Action.CREATE}]
