"""What has to change so that rooms, PINs and dispatch rules agree: a pure plan, the same for the same state.

LiveKit keeps no age of a rule and no owner, and a list of rooms can lag or be empty by mistake. So a rule counts as
stale only if it was stale at every observation for as long as the grace lasts, and as a duplicate likewise. Whatever
call reached a live room with its PIN before a plan reaches it afterwards: `room_rules` sees to the room's own rules,
`prompts` to the calls of other rooms. A profile's own `trunk_ids` are the one exception.

How a plan is made:

1. Each rule, and each live room without one, is judged alone: what becomes of it, and the one reason why.
2. What was not asked for is left out; what the backend cannot do, though it is to make the changes, is skipped.
3. The rule that comes first for a call decides whether its caller is asked for a PIN, whatever room it leads to. So a
   rule that callers of another room need is not deleted, and none is written that would shut them out (`prompts`).
4. LiveKit refuses two rules that take the same calls by the same PIN, so writes are ordered by who frees a PIN.
   Deletions come first. An update follows the one whose PIN it takes; where they wait for each other in a circle, the
   first is parked on a throw-away PIN, which frees its own, and gets its PIN in the end. A PIN that a rule keeps is
   taken: that write is skipped. Creates come last, and take what is free by then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Action, Item, Policy, Reason, State, wanted_pin, why_no_pin
from sipctl.telephony.prompts import Prompts
from sipctl.telephony.reached_rules import unless_missed
from sipctl.telephony.room_rules import of_live_room
from sipctl.telephony.write_order import ordered_updates, standing_keys, unless_taken


def make_plan(state: State, policy: Policy) -> list[Item]:
    """Every rule and every room that needs one, in the order in which changes are made.

    Deletions come first, for they free PINs; then updates, each after the one whose PIN it takes over; then creates.
    Made again after it was applied, it changes nothing.
    """
    state = replace(state, rules=sorted(state.rules, key=lambda rule: rule.sip_dispatch_rule_id))
    asked = (item for item in _items(state, policy) if _is_asked_for(item, policy))
    items = sorted((_unless_livekits(item, policy) for item in asked), key=lambda item: item.order)
    prompts = Prompts(state.rules, state.live, state.pins or {})
    items = _unless_needed(items, prompts)
    deletes = [item for item in items if item.action is Action.DELETE]
    standing = standing_keys(state.rules, deletes)
    writes = [_unless_forbidden(item, prompts) for item in items if item.after]
    updates, refused = ordered_updates([item for item in writes if item.action is Action.UPDATE], standing)
    creates = [unless_taken(item, standing) for item in writes if item.action is Action.CREATE]
    made = [item for item in creates if item.action is Action.CREATE]
    skipped = (item for item in (*refused, *writes, *creates) if item.action is Action.SKIP)
    kept = [item for item in items if item.action in {Action.KEEP, Action.SKIP}]
    return [*unless_missed(kept, [*deletes, *updates, *made], state, policy), *skipped, *deletes, *updates, *made]


def duplicates(state: State, policy: Policy) -> list[DispatchRule]:
    """The owned rules of live rooms that are duplicates at this moment, whether or not for long enough."""
    reasons = {Reason.DUPLICATE, Reason.DUPLICATE_WAITING}
    return [item.before for item in _items(state, policy) if item.before and item.reason in reasons]


def _is_asked_for(item: Item, policy: Policy) -> bool:
    part = item.reason.row.part
    return (part is None or part in policy.parts) and (policy.rooms is None or item.room in policy.rooms)


def _unless_livekits(item: Item, policy: Policy) -> Item:
    """The item, or for a backend that cannot make this change why it is skipped."""
    changes = item.action not in {Action.KEEP, Action.SKIP} or item.reason is Reason.DUPLICATE_WAITING
    if not (policy.by_backend and changes and not item.reason.row.by_backend):
        return item
    return replace(item, action=Action.SKIP, reason=Reason.LIVEKIT_ONLY, after=None)


def _unless_needed(items: Sequence[Item], prompts: Prompts) -> list[Item]:
    """The items without the deletions of rules that other rooms need, so that their callers are asked for a PIN."""
    needed = prompts.needed_of(item.before for item in items if item.action is Action.DELETE and item.before)
    return [_forbidden(item, needed[item.rule_id]) if item.rule_id in needed else item for item in items]


def _unless_forbidden(item: Item, prompts: Prompts) -> Item:
    """The update or create, or that it is skipped: it would shut out callers of another room."""
    reason = prompts.forbids(item.after, item.before) if item.after else ""
    return _forbidden(item, reason) if reason else item


def _forbidden(item: Item, beside: str) -> Item:
    return replace(item, action=Action.SKIP, reason=Reason.PROMPTS, after=None, beside=beside)


def _items(state: State, policy: Policy) -> Iterator[Item]:
    by_room: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in state.rules:
        if not policy.mark.owns(rule):
            yield Item(action=Action.KEEP, reason=Reason.FOREIGN, room=rule.room_name, before=rule)
        elif spared := _why_spared(rule.room_name, (rule.sip_dispatch_rule_id, rule.name), state, policy):
            by_room[rule.room_name] += []
            yield Item(action=Action.SKIP, reason=spared, room=rule.room_name, before=rule)
        else:
            by_room[rule.room_name].append(rule)
    carriers = _by_pin(state.rules)
    for room, rules in by_room.items():
        if room not in state.live:
            yield from (_stale(rule, state, policy) for rule in rules)
        elif rules:
            yield from (_once_due(item, state, policy) for item in of_live_room(rules, state, policy, carriers))
    for room in state.live - by_room.keys():
        yield from _of_room_without_rule(room, state, policy)


def _why_spared(room: str, names: Iterable[str], state: State, policy: Policy) -> Reason | None:
    """Why a room is left as it is, whatever its rules are; None if it is not. `names` are other names of the rule."""
    if policy.protects(room, *names):
        return Reason.PROTECTED
    return Reason.UNKNOWN_ROOM if state.is_of_others(room) else None


def _by_pin(rules: Iterable[DispatchRule]) -> Mapping[str, Sequence[DispatchRule]]:
    carriers: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in rules:
        if rule.kind is not None:
            carriers[rule.pin].append(rule)
    return carriers


def _stale(rule: DispatchRule, state: State, policy: Policy) -> Item:
    reason = _why_stale_waits(rule, state, policy)
    action = Action.DELETE if reason is Reason.STALE else Action.SKIP
    item = Item(action=action, reason=reason, room=rule.room_name, before=rule)
    others = [state.held_until.get(rule.sip_dispatch_rule_id)]
    if not state.live:
        others.append((state.empty_since or state.now) + policy.grace)
    return _timed(item, rule, state.stale_since, others, state, policy)


def _timed(
    item: Item, rule: DispatchRule, seen: Mapping[str, datetime], others: Iterable[datetime | None], state: State,
    policy: Policy,
) -> Item:  # fmt: skip
    """The item with the times of its wait; `others` are the times at which other safeguards end."""
    if state.clock_is_off and policy.grace:
        return item
    since = seen.get(rule.sip_dispatch_rule_id, state.now)
    created = _time_of(rule)
    ends = [since + policy.grace, *filter(None, others)]
    if created is not None and created <= state.now:
        ends.append(created + policy.grace)
    return replace(item, idle_since=since, may_go_at=max(ends))


def _why_stale_waits(rule: DispatchRule, state: State, policy: Policy) -> Reason:
    """Why a rule of a room that is not live is not deleted yet, or that it is stale."""
    if not state.live and (state.empty_since is None or state.empty_since > state.now - policy.grace):
        return Reason.EMPTY_LIST
    if state.held_until.get(rule.sip_dispatch_rule_id, state.now) > state.now:
        return Reason.HELD
    return _why_waits(rule, state.stale_since, state, policy) or Reason.STALE


def _once_due(item: Item, state: State, policy: Policy) -> Item:
    """The item; a duplicate waits for the grace as a stale rule does."""
    if item.reason is not Reason.DUPLICATE or item.before is None:
        return item
    rule = item.before
    item = _timed(item, rule, state.duplicate_since, (), state, policy)
    if _why_waits(rule, state.duplicate_since, state, policy) is None:
        return item
    return replace(item, action=Action.SKIP, reason=Reason.DUPLICATE_WAITING)


def _why_waits(rule: DispatchRule, seen: Mapping[str, datetime], state: State, policy: Policy) -> Reason | None:
    """Why a rule that may go is not deleted yet; None if it waited for the grace."""
    if state.clock_is_off and policy.grace:
        return Reason.CLOCK_OFF
    long_ago = state.now - policy.grace
    since = seen.get(rule.sip_dispatch_rule_id)
    if since is None and policy.grace:
        return Reason.FIRST_OBSERVATION
    if since is not None and since > long_ago:
        return Reason.WAITING
    created = _time_of(rule)
    return Reason.YOUNG if created is not None and long_ago < created <= state.now else None


def _time_of(rule: DispatchRule) -> datetime | None:
    """When the rule was made, as far as its maker said so: LiveKit itself stamps nothing."""
    try:
        return datetime.fromisoformat(rule.created_at) if rule.created_at else None
    except ValueError:
        return None


def _of_room_without_rule(room: str, state: State, policy: Policy) -> Iterator[Item]:
    if not policy.mark.is_ours(room):
        return
    pin = wanted_pin(room, state)
    if spared := _why_spared(room, [policy.mark.name_for(room)], state, policy):
        yield Item(action=Action.SKIP, reason=spared, room=room)
    elif room not in state.attended and not policy.unattended:
        yield Item(action=Action.SKIP, reason=Reason.UNATTENDED, room=room)
    elif policy.telephony_off:
        yield Item(action=Action.SKIP, reason=Reason.TELEPHONY_OFF, room=room)
    elif pin is None and (state.pins is not None or not policy.by_backend):
        yield Item(action=Action.SKIP, reason=why_no_pin(room, state), room=room)
    else:
        name, trunk_ids = policy.mark.name_for(room), policy.trunk_ids or ()
        after = DispatchRule(name=name, room_name=room, pin=pin or "", trunk_ids=trunk_ids)
        yield Item(action=Action.CREATE, reason=Reason.MISSING, room=room, after=after)
