"""Reach: what becomes of a caller who dials the advertised number and types the PIN of a live room.

Every command that speaks of callers asks this, so that no two ever disagree.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome, Result, enter_pin, route
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import can_be_typed
from sipctl.telephony.reach.callers import Callers, Origin
from sipctl.telephony.reach.causes import cause_of
from sipctl.telephony.reach.row import GETS_IN, Attempt, DependsOn, Reach, Reached
from sipctl.telephony.site import Site

_WORST_FIRST: Final = (Reached.UNREACHABLE, Reached.DEPENDS, Reached.OPEN, Reached.REACHABLE)
_BEST_FIRST: Final = (Reached.OPEN, Reached.REACHABLE, Reached.UNREACHABLE)
_NUMBER: Final = re.compile(r"\+?[0-9]+")


class Reacher:
    """Finds the reach of rooms on one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pins = site.pins or {}
        self._callers = Callers(site)
        self._walked: dict[Call, Outcome] = {}
        self._hashed: dict[Call, Outcome] = {}

    def live(self, attended: Mapping[str, bool] | None = None) -> list[Reach]:
        """The reach of each live room of this backend, by name; `attended` says in which of them someone is."""
        known = attended or {}
        rooms = sorted(filter(self._site.mark.is_ours, self._site.live or ()))
        return [replace(self.of(room), attended=known.get(room)) for room in rooms]

    def of_call(self, call: Call, room: str) -> Reach:
        """What becomes of this very call with the room's PIN; the number and the caller are those of the call."""
        attempt = self._attempt(call, Origin(call.source_ip, call.from_host), room)
        return self._row(room, call.to_user, attempt.reached, [attempt])

    def of(self, room: str) -> Reach:
        """The reach of this room, taken for live. Of several numbers the worst counts."""
        found: list[Reach] = []
        for number in self._callers.numbers:
            found.append(self._by(number, room))
            if found[-1].outcome is _WORST_FIRST[0]:
                break
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
        ordered = sorted(attempts, key=lambda one: _BEST_FIRST.index(one.reached)) if attempts[1:] else attempts
        first, last = ordered[0], ordered[-1]
        is_lost = last.reached is Reached.UNREACHABLE
        own = self._own_rule(room) if is_lost else None
        return Reach(
            room=room,
            outcome=outcome,
            number="" if number == self._callers.other_number else number,
            several_numbers=len(self._callers.numbers) > 1,
            rule=first.outcome.final.rule if first.reached in GETS_IN else own,
            pin=self._pins.get(room, ""),
            attempts=tuple(ordered),
            depends_on=depends_on,
            cause=cause_of(self._site, self._callers, room, own, last, self._pins.get(room, "")) if is_lost else None,
        )

    def _attempt(self, call: Call, origin: Origin, room: str) -> Attempt:
        """Dial, press # alone, and type each PIN that the room may have; the best that comes of it."""
        asked = self._walk(call)
        if asked.final.result is not Result.REQUEST_PIN:
            reached = Reached.OPEN if leads_to(asked, room) else Reached.UNREACHABLE
            return Attempt(call=call, origin=origin, outcome=asked, reached=reached)
        by_hash = self._by_hash(asked, call)
        if leads_to(by_hash, room):
            return Attempt(call=replace(call, pin=""), origin=origin, outcome=by_hash, reached=Reached.OPEN)
        calls = [replace(call, pin=pin) for pin in self._typable(room)]
        typed = [(one, enter_pin(self._site.table, asked.final, one)) for one in calls]
        entered = next(((one, outcome) for one, outcome in typed if leads_to(outcome, room)), None)
        last, outcome = entered or next(iter(typed), (call, asked))
        reached = Reached.REACHABLE if entered else Reached.UNREACHABLE
        return Attempt(call=last, origin=origin, outcome=outcome, reached=reached)

    def _walk(self, call: Call) -> Outcome:
        if call not in self._walked:
            self._walked[call] = route(self._site.table, call)
        return self._walked[call]

    def _by_hash(self, asked: Outcome, call: Call) -> Outcome:
        """What becomes of the caller who was asked and presses # alone."""
        if call not in self._hashed:
            self._hashed[call] = enter_pin(self._site.table, asked.final, replace(call, pin=""))
        return self._hashed[call]

    def _typable(self, room: str) -> list[str]:
        """The PIN that people have; where no one gave one out, those of the rules that lead to the room."""
        registered = self._pins.get(room)
        pins = [registered] if registered else dict.fromkeys(rule.pin for rule in self.rules_to(room))
        return [pin for pin in pins if can_be_typed(pin)]

    def rules_to(self, room: str) -> list[DispatchRule]:
        """The rules that lead to the room, in the order of ids."""
        others = [rule for rule in self._indirect if serves(rule, room)]
        direct = self._direct.get(room, [])
        return sorted((*direct, *others), key=lambda rule: rule.sip_dispatch_rule_id) if others else direct

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
        mark, registered = self._site.mark, self._pins.get(room)
        leading = sorted(
            self.rules_to(room), key=lambda rule: (rule.pin != (registered or rule.pin), not mark.owns(rule))
        )
        return next(iter((*leading, *self._by_name.get(room, ()))), None)

    @cached_property
    def _by_name(self) -> Mapping[str, list[DispatchRule]]:
        by_name: defaultdict[str, list[DispatchRule]] = defaultdict(list)
        for rule in self._site.lists.rules:
            named = self._site.mark.room_named_by(rule)
            if named is not None:
                by_name[named].append(rule)
        return by_name

    def _listed_caller(self, number: str, room: str) -> Attempt | None:
        """A call of someone whom a list names, and who gets in."""
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
                yield from filter(_NUMBER.fullmatch, (room.removeprefix(f"{rule.room_name}_"),))


def rooms_of_call(site: Site, call: Call) -> tuple[Reach, ...]:
    """What becomes of this call with the PIN of each live room of this backend, by the rooms' names."""
    reacher = Reacher(site)
    return tuple(reacher.of_call(call, room) for room in sorted(filter(site.mark.is_ours, site.live or ())))


def leads_to(outcome: Outcome, room: str) -> bool:
    """Whether the call ends in this very room: one that is made anew for each call is none that is live."""
    landing = outcome.final.landing if outcome.final.result is Result.ACCEPT else None
    return landing is not None and landing.room == room and not landing.randomized
