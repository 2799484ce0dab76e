"""Reach: what becomes of a caller who dials the number that people are told and types the PIN of a live room.

Every command that speaks of callers asks this, so that no two ever disagree.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome, Result, route
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import MAX_LENGTH, is_typable
from sipctl.telephony.reach.callers import Callers, Origin
from sipctl.telephony.site import Site


class Reached(StrEnum):
    """What becomes of the caller.

    REACHABLE: is in the room once the PIN is typed. OPEN: gets there without any PIN. UNREACHABLE: does not get there.
    DEPENDS: on who calls, or on the allowed address that the call comes from. UNKNOWN: the lists could not be read.
    """

    REACHABLE = "reachable"
    OPEN = "open"
    UNREACHABLE = "unreachable"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


class DependsOn(StrEnum):
    """What an outcome depends on."""

    CALLER = "caller"
    ADDRESS = "address"


_WORST_FIRST: Final = (Reached.UNREACHABLE, Reached.DEPENDS, Reached.OPEN, Reached.REACHABLE)
_BEST_FIRST: Final = (Reached.OPEN, Reached.REACHABLE, Reached.UNREACHABLE)
GETS_IN: Final = frozenset({Reached.REACHABLE, Reached.OPEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to a room with its PIN, how LiveKit ends it, and what that is for the caller: in, or not in."""

    call: Call
    origin: Origin
    outcome: Outcome
    reached: Reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The answer for one live room.

    `attended` None = nobody knows. `number` is the one dialled, of several the worst for callers; "" = any
    that no list names. `rule` lets callers in, or leads to the room and does not; None = there is none. `pin` is what
    the first of the attempts types, "" = nothing. `attempts` are the calls that were tried, those who get in first.
    `why_unknown` says which list could not be read.
    """

    room: str
    outcome: Reached
    attended: bool | None = None
    number: str = ""
    rule: DispatchRule | None = None
    pin: str = ""
    attempts: tuple[Attempt, ...] = ()
    depends_on: DependsOn | None = None
    why_unknown: str = ""


def unknown(room: str, why: str, *, attended: bool | None = None) -> Reach:
    """The answer where a list could not be read."""
    return Reach(room=room, outcome=Reached.UNKNOWN, attended=attended, why_unknown=why)


class Reacher:
    """Finds the reach of rooms on one site. `pins` are the registry's by room, None = there is no registry."""

    def __init__(self, site: Site, pins: Mapping[str, str] | None = None) -> None:
        self._site = site
        self._pins = pins or {}
        self._callers = Callers(site)
        self._walked: dict[Call, Outcome] = {}

    def live(self, attended: Mapping[str, bool] | None = None) -> list[Reach]:
        """The reach of each live room of this backend, by name; `attended` says in which of them somebody is."""
        known = attended or {}
        rooms = sorted(filter(self._site.mark.is_ours, self._site.live or ()))
        return [replace(self.of(room), attended=known.get(room)) for room in rooms]

    def of(self, room: str) -> Reach:
        """The reach of this room, taken for live. Of several numbers the worst counts."""
        found = (self._by(number, room) for number in self._callers.numbers)
        return min(found, key=lambda one: _WORST_FIRST.index(one.outcome))

    def _by(self, number: str, room: str) -> Reach:
        """The reach by one number: for a caller whom no list names, else for those whom a list names."""
        callers = self._callers
        anyone = [self._attempt(call, origin, room) for call, origin in callers.calls(number, callers.anyone)]
        outcomes = {one.reached for one in anyone}
        if outcomes <= GETS_IN:
            outcome = Reached.OPEN if Reached.OPEN in outcomes else Reached.REACHABLE
            return self._row(room, number, outcome, anyone)
        if outcomes & GETS_IN:
            return self._row(room, number, Reached.DEPENDS, anyone, DependsOn.ADDRESS)
        listed = self._listed_caller(number, room)
        if listed:
            return self._row(room, number, Reached.DEPENDS, [listed, *anyone], DependsOn.CALLER)
        return self._row(room, number, Reached.UNREACHABLE, anyone)

    def _row(
        self,
        room: str,
        number: str,
        outcome: Reached,
        attempts: Sequence[Attempt],
        depends_on: DependsOn | None = None,
    ) -> Reach:
        ordered = sorted(attempts, key=lambda one: _BEST_FIRST.index(one.reached))
        first = ordered[0]
        return Reach(
            room=room,
            outcome=outcome,
            number="" if number == self._callers.other_number else number,
            rule=first.outcome.final.rule if first.reached in GETS_IN else self._own_rule(room),
            pin=first.call.pin or "",
            attempts=tuple(ordered),
            depends_on=depends_on,
        )

    def _attempt(self, call: Call, origin: Origin, room: str) -> Attempt:
        """Dial, press # alone, and type each PIN that the room may have; the best that comes of it."""
        asked = self._walk(call)
        if asked.final.result is not Result.REQUEST_PIN:
            reached = Reached.OPEN if _leads_to(asked, room) else Reached.UNREACHABLE
            return Attempt(call=call, origin=origin, outcome=asked, reached=reached)
        by_hash = replace(call, pin="")
        if _leads_to(self._walk(by_hash), room):
            return Attempt(call=by_hash, origin=origin, outcome=self._walk(by_hash), reached=Reached.OPEN)
        typed = [(with_pin := replace(call, pin=pin), self._walk(with_pin)) for pin in self._typable(room)]
        entered = next(((one, outcome) for one, outcome in typed if _leads_to(outcome, room)), None)
        last, outcome = entered or next(iter(typed), (call, asked))
        reached = Reached.REACHABLE if entered else Reached.UNREACHABLE
        return Attempt(call=last, origin=origin, outcome=outcome, reached=reached)

    def _walk(self, call: Call) -> Outcome:
        if call not in self._walked:
            self._walked[call] = route(self._site.table, call)
        return self._walked[call]

    def _typable(self, room: str) -> list[str]:
        """The PIN that people were told; where nobody gave one out, those of the rules that lead to the room."""
        told = self._pins.get(room)
        pins = [told] if told else dict.fromkeys(rule.pin for rule in self.rules_to(room))
        return [pin for pin in pins if can_be_typed(pin)]

    def rules_to(self, room: str) -> list[DispatchRule]:
        """The rules that lead to the room, in the order of ids."""
        others = (rule for rule in self._indirect if serves(rule, room))
        return sorted((*self._direct.get(room, ()), *others), key=lambda rule: rule.sip_dispatch_rule_id)

    @cached_property
    def _direct(self) -> Mapping[str, list[DispatchRule]]:
        by_room: defaultdict[str, list[DispatchRule]] = defaultdict(list)
        for rule in self._site.lists.rules:
            if rule.kind is RuleKind.DIRECT:
                by_room[rule.room_name].append(rule)
        return by_room

    @cached_property
    def _indirect(self) -> list[DispatchRule]:
        return [rule for rule in self._site.lists.rules if rule.kind is not RuleKind.DIRECT]

    def _own_rule(self, room: str) -> DispatchRule | None:
        """The rule that should let callers in, the one with the room's PIN first; else one that has the room's name."""
        mark, told = self._site.mark, self._pins.get(room)
        leading = sorted(self.rules_to(room), key=lambda rule: (rule.pin != told, not mark.owns(rule)))
        return next(iter((*leading, *self._by_name.get(mark.name_for(room), ()))), None)

    @cached_property
    def _by_name(self) -> Mapping[str, list[DispatchRule]]:
        by_name: defaultdict[str, list[DispatchRule]] = defaultdict(list)
        for rule in self._site.lists.rules:
            by_name[rule.name].append(rule)
        return by_name

    def _listed_caller(self, number: str, room: str) -> Attempt | None:
        """A call of somebody whom a list names, and who gets in."""
        callers = dict.fromkeys(self._named_callers(number, room))
        tried = (
            self._attempt(call, origin, room)
            for caller in callers
            if normalize_number(caller) not in self._callers.own
            for call, origin in self._callers.calls(number, caller)
        )
        return next((one for one in tried if one.reached in GETS_IN), None)

    def _named_callers(self, number: str, room: str) -> Iterator[str]:
        """Whom the number's trunks or the room's rules name, and whose number the room's name holds."""
        for trunk in self._callers.trunks_for(number):
            yield from trunk.allowed_numbers
        for rule in self.rules_to(room):
            yield from rule.inbound_numbers
            if rule.kind is RuleKind.INDIVIDUAL:
                yield room.removeprefix(f"{rule.room_name}_") if rule.room_name else room


def can_be_typed(pin: str) -> bool:
    """Whether a caller can type the PIN before LiveKit hangs up."""
    return 0 < len(pin) <= MAX_LENGTH and is_typable(pin)


def _leads_to(outcome: Outcome, room: str) -> bool:
    landing = outcome.final.landing
    return (
        outcome.final.result is Result.ACCEPT
        and landing is not None
        and (landing.room, landing.randomized) == (room, False)
    )
