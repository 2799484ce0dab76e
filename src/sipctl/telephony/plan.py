"""What has to change so that rooms, PINs and dispatch rules agree: a pure plan, the same for the same world.

LiveKit keeps no age of a rule and no owner, and a list of rooms can lag or be empty by mistake. So a rule counts as
stale only if it was stale at every look for as long as the grace lasts; a rule of a live room is never deleted, unless
another one of the same room stands beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin
from sipctl.telephony.ruleset import RuleKey, rule_keys


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
    UNATTENDED = "unattended"
    NO_PIN = "no-pin"
    TAKEN = "taken"
    AMBIGUOUS = "ambiguous"
    LIVEKIT_ONLY = "livekit-only"
    STALE = "stale"
    DUPLICATE = "duplicate"
    MISSING = "missing"
    PIN_DIFFERS = "pin-differs"
    PIN_NONE = "pin-none"
    TRUNKS_DIFFER = "trunks-differ"


class Part(StrEnum):
    """A part of the work that can be asked for alone."""

    PURGE = "purge"
    REPAIR = "repair"
    CREATE = "create"


_PART_OF: Final = {
    **dict.fromkeys((Reason.STALE, Reason.FIRST_LOOK, Reason.WAITING, Reason.YOUNG, Reason.EMPTY_LIST), Part.PURGE),
    **dict.fromkeys((Reason.MISSING, Reason.UNATTENDED, Reason.NO_PIN, Reason.TAKEN), Part.CREATE),
    **dict.fromkeys(
        (Reason.DUPLICATE, Reason.AMBIGUOUS, Reason.PIN_DIFFERS, Reason.PIN_NONE, Reason.TRUNKS_DIFFER), Part.REPAIR
    ),
}
_BACKENDS: Final = frozenset({Reason.STALE, Reason.MISSING})
"""Changes that a backend makes when it is told of a room: Meet compares names alone, and keeps a rule that is there."""
WAITS_FOR_A_LOOK: Final = frozenset({Reason.FIRST_LOOK, Reason.WAITING, Reason.YOUNG, Reason.EMPTY_LIST})
"""Reasons that pass by themselves, once somebody looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One rule, or one room without a rule, and what becomes of it.

    `before` is the rule as it stands (None for a create), `after` as it shall be (None for a delete). `beside` is the
    id of the rule that makes a duplicate one, or that has the PIN a room needs. `parked` = the PIN that a rule of this
    plan still has is wanted by an earlier one: it first gets some other PIN.
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
    registry's, None = there is no registry. `stale_since` says of rule ids since which look, without a break, they
    are stale; `empty_since` since which look the list of rooms is empty.
    """

    now: datetime
    rules: Sequence[DispatchRule]
    live: frozenset[str]
    attended: frozenset[str] = frozenset()
    pins: Mapping[str, str] | None = None
    stale_since: Mapping[str, datetime] = field(default_factory=dict)
    empty_since: datetime | None = None


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


def make_plan(world: World, policy: Policy) -> list[Item]:
    """Every rule and every room that needs one, in the order in which changes are made.

    Deletions come first, for they free PINs; then updates, each after the one whose PIN it takes over; then creates.
    Made again after it was applied, it changes nothing.
    """
    items = [_unless_livekits(item, policy) for item in _items(world, policy) if _is_asked_for(item, policy)]
    items.sort(key=lambda item: item.order)
    kept = [item for item in items if item.action in {Action.KEEP, Action.SKIP}]
    deletes = [item for item in items if item.action is Action.DELETE]
    standing = _standing(world.rules, deletes)
    updates, refused = _ordered_updates([item for item in items if item.action is Action.UPDATE], standing)
    creates = [_unless_taken(item, standing) for item in items if item.action is Action.CREATE]
    made = [item for item in creates if item.action is Action.CREATE]
    return [*kept, *refused, *(item for item in creates if item.action is Action.SKIP), *deletes, *updates, *made]


def _is_asked_for(item: Item, policy: Policy) -> bool:
    part = _PART_OF.get(item.reason)
    return (part is None or part in policy.parts) and (policy.rooms is None or item.room in policy.rooms)


def _unless_livekits(item: Item, policy: Policy) -> Item:
    """The item, or for a backend that cannot make this change why it is skipped."""
    changes = item.action in {Action.DELETE, Action.UPDATE, Action.CREATE}
    if not (policy.by_backend and changes and item.reason not in _BACKENDS):
        return item
    return replace(item, action=Action.SKIP, reason=Reason.LIVEKIT_ONLY, after=None)


def _items(world: World, policy: Policy) -> Iterator[Item]:
    by_room: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in sorted(world.rules, key=lambda rule: rule.sip_dispatch_rule_id):
        if not policy.mark.owns(rule):
            yield Item(action=Action.KEEP, reason=Reason.FOREIGN, room=rule.room_name, before=rule)
        elif policy.protects(rule.sip_dispatch_rule_id, rule.name, rule.room_name):
            by_room[rule.room_name] += []
            yield Item(action=Action.SKIP, reason=Reason.PROTECTED, room=rule.room_name, before=rule)
        else:
            by_room[rule.room_name].append(rule)
    for room, rules in by_room.items():
        yield from _of_live_room(room, rules, world, policy) if room in world.live else _of_room(rules, world, policy)
    for room in world.live - by_room.keys():
        yield from _of_room_without_rule(room, world, policy)


def _of_room(rules: Sequence[DispatchRule], world: World, policy: Policy) -> Iterator[Item]:
    """Rules of a room that is not live: of several for the same calls one is enough, and it is stale."""
    first: dict[RuleKey, DispatchRule] = {}
    for rule in rules:
        owner = next((first[key] for key in rule_keys(rule) if key in first), None)
        if owner and rule.kind is owner.kind:
            yield _duplicate(rule, owner)
        else:
            first |= dict.fromkeys(rule_keys(rule), rule)
            yield _stale(rule, world, policy)


def _stale(rule: DispatchRule, world: World, policy: Policy) -> Item:
    reason = _waits_for(rule, world, policy)
    action = Action.DELETE if reason is Reason.STALE else Action.SKIP
    return Item(action=action, reason=reason, room=rule.room_name, before=rule)


def _waits_for(rule: DispatchRule, world: World, policy: Policy) -> Reason:
    """Why a rule of a room that is not live is not deleted yet, or that it is stale."""
    long_ago = world.now - policy.grace
    if not world.live and (world.empty_since is None or world.empty_since > long_ago):
        return Reason.EMPTY_LIST
    since = world.stale_since.get(rule.sip_dispatch_rule_id)
    if since is None and policy.grace:
        return Reason.FIRST_LOOK
    if since is not None and since > long_ago:
        return Reason.WAITING
    created = _time_of(rule)
    return Reason.YOUNG if created is not None and long_ago < created <= world.now else Reason.STALE


def _time_of(rule: DispatchRule) -> datetime | None:
    """When the rule was made, as far as its maker said so: LiveKit itself stamps nothing."""
    try:
        return datetime.fromisoformat(rule.created_at) if rule.created_at else None
    except ValueError:
        return None


def _duplicate(rule: DispatchRule, beside: DispatchRule) -> Item:
    return Item(
        action=Action.DELETE,
        reason=Reason.DUPLICATE,
        room=rule.room_name,
        before=rule,
        beside=beside.sip_dispatch_rule_id,
    )


def _of_live_room(room: str, rules: Sequence[DispatchRule], world: World, policy: Policy) -> Iterator[Item]:
    """The rules of a live room: the best one stays and is repaired, the others go once it is right."""
    if not rules:
        return
    wanted = _wanted_pin(room, world)
    keeper = min(rules, key=lambda rule: _rank(rule, wanted, policy))
    repair = _repair(keeper, wanted, world, policy)
    yield repair
    right = wanted is None or keeper.pin == wanted
    for rule in rules:
        if rule is keeper:
            continue
        if right and (wanted is not None or rule.pin == keeper.pin):
            yield _duplicate(rule, keeper)
        else:
            beside = keeper.sip_dispatch_rule_id
            yield Item(action=Action.SKIP, reason=Reason.AMBIGUOUS, room=room, before=rule, beside=beside)


def _wanted_pin(room: str, world: World) -> str | None:
    """The registry's PIN of a room; None if there is no registry, or none that a caller can type."""
    pin = (world.pins or {}).get(room, "")
    return pin if is_pin(pin) else None


def _rank(rule: DispatchRule, wanted: str | None, policy: Policy) -> tuple[bool, bool, bool, str]:
    return (
        wanted is not None and rule.pin != wanted,
        not is_pin(rule.pin),
        _trunks_differ(rule, policy),
        rule.sip_dispatch_rule_id,
    )


def _trunks_differ(rule: DispatchRule, policy: Policy) -> bool:
    return policy.trunk_ids is not None and set(rule.trunk_ids) != set(policy.trunk_ids)


def _repair(rule: DispatchRule, wanted: str | None, world: World, policy: Policy) -> Item:
    """What a live room's rule needs; nothing, if it is as it should be or nobody knows how."""
    room = rule.room_name
    if wanted is None and world.pins is not None and not is_pin(rule.pin):
        return Item(action=Action.SKIP, reason=Reason.NO_PIN, room=room, before=rule)
    after, reason = rule, Reason.LIVE
    if _trunks_differ(rule, policy):
        after, reason = replace(after, trunk_ids=policy.trunk_ids or ()), Reason.TRUNKS_DIFFER
    if wanted is not None and rule.pin != wanted:
        after = replace(after, pin=wanted)
        reason = Reason.PIN_NONE if rule.pin == "None" else Reason.PIN_DIFFERS
    if after == rule:
        return Item(action=Action.KEEP, reason=reason, room=room, before=rule)
    return Item(action=Action.UPDATE, reason=reason, room=room, before=rule, after=after)


def _of_room_without_rule(room: str, world: World, policy: Policy) -> Iterator[Item]:
    if not policy.mark.is_ours(room):
        return
    pin = _wanted_pin(room, world)
    if policy.protects(room, policy.mark.name_for(room)):
        yield Item(action=Action.SKIP, reason=Reason.PROTECTED, room=room)
    elif room not in world.attended and not policy.unattended:
        yield Item(action=Action.SKIP, reason=Reason.UNATTENDED, room=room)
    elif pin is None and not policy.by_backend:
        yield Item(action=Action.SKIP, reason=Reason.NO_PIN, room=room)
    else:
        name, trunk_ids = policy.mark.name_for(room), policy.trunk_ids or ()
        after = DispatchRule(name=name, room_name=room, pin=pin or "", trunk_ids=trunk_ids)
        yield Item(action=Action.CREATE, reason=Reason.MISSING, room=room, after=after)


def _standing(rules: Iterable[DispatchRule], deletes: Iterable[Item]) -> dict[RuleKey, str]:
    """The keys of the rules that stay, each with the smallest id that has it."""
    going = {item.rule_id for item in deletes}
    standing: dict[RuleKey, str] = {}
    for rule in sorted(rules, key=lambda rule: rule.sip_dispatch_rule_id):
        if rule.sip_dispatch_rule_id not in going:
            for key in rule_keys(rule):
                standing.setdefault(key, rule.sip_dispatch_rule_id)
    return standing


def _holder(rule: DispatchRule, standing: Mapping[RuleKey, str]) -> str:
    """The id of another rule that takes calls of this one; "" if none does."""
    holders = (standing.get(key, "") for key in rule_keys(rule))
    return next((holder for holder in holders if holder not in {"", rule.sip_dispatch_rule_id}), "")


def _unless_taken(item: Item, standing: dict[RuleKey, str]) -> Item:
    """The create, or why it cannot be: another rule stands for the same calls. What is made stands from here on."""
    if item.after is None or not item.after.pin:
        return item
    holder = _holder(item.after, standing)
    if holder:
        return replace(item, action=Action.SKIP, reason=Reason.TAKEN, after=None, beside=holder)
    standing |= dict.fromkeys(rule_keys(item.after), f"room {item.room}")
    return item


def _ordered_updates(updates: Sequence[Item], standing: dict[RuleKey, str]) -> tuple[list[Item], list[Item]]:
    """The updates, each behind the one that frees its PIN, and those that cannot be because another rule has it.

    `standing` afterwards holds what stands when they are done. Rules that wait for each other in a circle are freed
    by parking the first of them on some other PIN.
    """
    waiting = {item.rule_id: item for item in updates}
    ordered: list[Item] = []
    refused: list[Item] = []
    while waiting:
        ready = [item for item in waiting.values() if item.after and _holder(item.after, standing) not in waiting]
        if not ready:
            first = next(iter(waiting.values()))
            waiting[first.rule_id] = parked = replace(first, parked=True)
            _let_go(parked, standing)
            ordered.append(parked)
            continue
        for item in ready:
            del waiting[item.rule_id]
            _settle(item, standing, ordered, refused)
    return ordered, refused


def _settle(item: Item, standing: dict[RuleKey, str], ordered: list[Item], refused: list[Item]) -> None:
    after = item.after or item.before
    if after is None:
        return
    holder = _holder(after, standing)
    if holder:
        refused.append(replace(item, action=Action.SKIP, reason=Reason.TAKEN, after=None, beside=holder))
        return
    _let_go(item, standing)
    standing |= dict.fromkeys(rule_keys(after), item.rule_id)
    ordered.append(replace(item, parked=False))


def _let_go(item: Item, standing: dict[RuleKey, str]) -> None:
    if item.before:
        for key in rule_keys(item.before):
            if standing.get(key) == item.rule_id:
                del standing[key]


def pending(items: Iterable[Item]) -> list[Item]:
    """The items of a plan that change something."""
    return [item for item in items if item.action in {Action.DELETE, Action.UPDATE, Action.CREATE}]
