"""Which rules win where, and which never do."""

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from typing import NamedTuple

from sipctl.telephony.linting.terrain import Scope, Spot, Terrain, scope_of
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ruleset import rule_conflicts
from sipctl.telephony.site import Site


class Beside(NamedTuple):
    """An open rule, a rule with a PIN that fits the same call, and whether the open one wins before anyone is asked."""

    opened: DispatchRule
    rival: DispatchRule
    outranks: bool


class Shadowed(NamedTuple):
    """A rule that never wins, and the one that does where it comes nearest."""

    rule: DispatchRule
    winner: DispatchRule


class Shadows:
    """The winners at every spot of a deployment's calls."""

    def __init__(self, site: Site) -> None:
        self._table = site.table
        self.terrain = Terrain(site.table)
        self._typed = [rule for rule in site.table.rules if rule.kind is not None]
        self._prompting_in: dict[Scope, list[Spot]] = {}
        self._asked: dict[Spot, bool] = {}

    def open_rules(self) -> list[Beside]:
        """Each open rule that meets a rule with a PIN, once; outranking it somewhere counts before competing."""
        met: dict[int, Beside] = {}
        for spot in self.terrain.all_spots if any(not rule.pin for rule in self._typed) else ():
            opened, rival = self._table.best_at(*spot, ""), self._rival_at(spot)
            if opened and rival:
                outranks = self._table.best_at(*spot, None) is opened
                if outranks or id(opened) not in met:
                    met[id(opened)] = Beside(opened, rival, outranks or met.get(id(opened), (0, 0, False))[2])
        return list(met.values())

    def _rival_at(self, spot: Spot) -> DispatchRule | None:
        """Some rule with a PIN that fits here."""
        trunk_ids = (spot.trunk_id, None) if spot.trunk_id is not None else (None,)
        places = product(trunk_ids, (spot.number, None), (spot.caller, None))
        return next((self._with_pin[place] for place in places if place in self._with_pin), None)

    @cached_property
    def _with_pin(self) -> dict[tuple[str | None, str | None, str | None], DispatchRule]:
        found: dict[tuple[str | None, str | None, str | None], DispatchRule] = {}
        for rule in self._typed:
            if rule.pin:
                numbers, callers = rule.numbers or (None,), rule.inbound_numbers or (None,)
                for place in product(rule.trunk_ids or (None,), numbers, callers):
                    found.setdefault(place, rule)
        return found

    def shadowed(self) -> Iterator[Shadowed]:
        """The rules that some call fits and that win none; those that clash are left out: they make calls fail."""
        clashing = {id(conflict.second) for conflict in rule_conflicts(self._typed)}
        for rule in self._typed:
            spots = self.terrain.spots_of(rule)
            if spots and id(rule) not in clashing and not self._wins(rule, spots):
                winner = self._winner(rule, spots[0])
                if winner:
                    yield Shadowed(rule, winner)

    def _wins(self, rule: DispatchRule, spots: tuple[Spot, ...]) -> bool:
        best_at = self._table.best_at
        for spot in spots:
            if (not rule.pin or self._asks(spot)) and best_at(*spot, rule.pin) is rule:
                return True
        return bool(rule.pin) and any(best_at(*spot, rule.pin) is rule for spot in self._prompting(rule))

    def _winner(self, rule: DispatchRule, spot: Spot) -> DispatchRule | None:
        """Who wins the call that the rule comes nearest to: an open rule at once, or one with the same PIN."""
        first = self._table.best_at(*spot, None)
        return first if first and not first.pin else self._table.best_at(*spot, rule.pin)

    def _asks(self, spot: Spot) -> bool:
        """Whether callers here are asked for a PIN."""
        if spot not in self._asked:
            first = self._table.best_at(*spot, None)
            self._asked[spot] = first is not None and bool(first.pin)
        return self._asked[spot]

    def _prompting(self, rule: DispatchRule) -> list[Spot]:
        """The spots of other rules where a call that fits this one is asked for a PIN."""
        scope = scope_of(rule)
        if scope not in self._prompting_in:
            self._prompting_in[scope] = [spot for spot in self._all_prompting if _fits(rule, spot)]
        return self._prompting_in[scope]

    @cached_property
    def _all_prompting(self) -> list[Spot]:
        return [spot for spot in self.terrain.all_spots if self._asks(spot)]


def _fits(rule: DispatchRule, spot: Spot) -> bool:
    return (
        (not rule.trunk_ids or spot.trunk_id in rule.trunk_ids)
        and (not rule.numbers or spot.number in rule.numbers)
        and (not rule.inbound_numbers or spot.caller in rule.inbound_numbers)
    )
