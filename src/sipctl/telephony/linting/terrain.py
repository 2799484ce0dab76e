"""The calls that can tell rules apart: finitely many stand for all others.

A call is looked at by its trunk, its called number and its caller. Providers write the number of a trunk as LiveKit
normalises it, or in a spelling that some rule names; a value that no one names stands for all the rest of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from typing import Final, NamedTuple

from sipctl.telephony.addresses import is_ignored
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.matching.trunks import allows_caller, takes_number
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number

ANY_OTHER: Final = "\0"
"""A number that no rule and no trunk names."""


class Spot(NamedTuple):
    """Calls that no rule tells apart: their trunk (None = none matches), called number and caller."""

    trunk_id: str | None
    number: str
    caller: str


Scope = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def scope_of(rule: DispatchRule) -> Scope:
    """What a rule asks of a call, apart from its PIN."""
    return rule.trunk_ids, rule.numbers, rule.inbound_numbers


class Terrain:
    """The spots of one deployment's calls."""

    def __init__(self, table: RoutingTable) -> None:
        self.table = table
        self._trunks = {trunk.sip_trunk_id: trunk for trunk in table.trunks}
        self._spots: dict[Scope, tuple[Spot, ...]] = {}

    def spots_of(self, rule: DispatchRule) -> tuple[Spot, ...]:
        """The spots where a rule fits and as few others as possible do; none = no call ever reaches it."""
        scope = scope_of(rule)
        if scope not in self._spots:
            self._spots[scope] = tuple(self._find(rule))
        return self._spots[scope]

    def _find(self, rule: DispatchRule) -> Iterator[Spot]:
        if not rule.trunk_ids:
            pairs = product(rule.numbers or (ANY_OTHER,), rule.inbound_numbers or (ANY_OTHER,))
            yield from (Spot(None, *pair) for pair in pairs if not self._takers(None, *pair))
        named = (self._trunks[one] for one in rule.trunk_ids if one in self._trunks)
        for trunk in named if rule.trunk_ids else self._trunks.values():
            for pair in product(self._numbers(trunk, rule), _callers(trunk, rule)):
                if not any(other.numbers or not trunk.numbers for other in self._takers(trunk, *pair)):
                    yield Spot(trunk.sip_trunk_id, *pair)

    def _takers(self, trunk: InboundTrunk | None, number: str, caller: str) -> list[InboundTrunk]:
        """The other trunks that take these calls wherever they come from, and so leave none to this one."""
        named = self._everywhere.get(normalize_number(number), ())
        return [
            other
            for other in (*named, *self._everywhere.get(ANY_OTHER, ()))
            if other is not trunk and (not other.allowed_numbers or allows_caller(other, caller))
        ]

    @cached_property
    def _everywhere(self) -> dict[str, list[InboundTrunk]]:
        """The trunks that drop no call for its source, by their numbers; under ANY_OTHER those without numbers."""
        found: defaultdict[str, list[InboundTrunk]] = defaultdict(list)
        for trunk in self._trunks.values():
            if all(map(is_ignored, trunk.allowed_addresses)):
                for number in set(map(normalize_number, trunk.numbers)) or (ANY_OTHER,):
                    found[number].append(trunk)
        return found

    def _numbers(self, trunk: InboundTrunk, rule: DispatchRule) -> Iterable[str]:
        """The called numbers, as providers write them, that both the trunk and the rule take."""
        if rule.numbers:
            return [number for number in rule.numbers if takes_number(trunk, number)]
        if not trunk.numbers:
            return (ANY_OTHER,)
        own = dict.fromkeys(map(normalize_number, trunk.numbers))
        spelled = (other for number in own for other in self._spellings.get(number, ()))
        return dict.fromkeys((*own, *spelled))

    @cached_property
    def _spellings(self) -> dict[str, list[str]]:
        """The ways in which rules write each number."""
        spellings: defaultdict[str, list[str]] = defaultdict(list)
        for number in {number for rule in self.table.rules for number in rule.numbers}:
            spellings[normalize_number(number)].append(number)
        return spellings

    @cached_property
    def all_spots(self) -> list[Spot]:
        """Every spot of every rule, each once, and those where a called number meets a caller of other rules."""
        typed = [rule for rule in self.table.rules if rule.kind is not None]
        spots = dict.fromkeys(spot for rule in typed for spot in self.spots_of(rule))
        return list(dict.fromkeys((*spots, *_mixed(spots))))


def _callers(trunk: InboundTrunk, rule: DispatchRule) -> Iterable[str]:
    """The callers that both the trunk and the rule let through."""
    if rule.inbound_numbers:
        return [caller for caller in rule.inbound_numbers if allows_caller(trunk, caller)]
    return dict.fromkeys(map(normalize_number, trunk.allowed_numbers)) or (ANY_OTHER,)


def _mixed(spots: Iterable[Spot]) -> Iterator[Spot]:
    """Where rules tell calls by number and others by caller, a call can be both: one spot of each stands for it."""
    numbers: dict[str | None, str] = {}
    callers: dict[str | None, str] = {}
    for spot in spots:
        if spot.number != ANY_OTHER and spot.caller == ANY_OTHER:
            numbers.setdefault(spot.trunk_id, spot.number)
        elif spot.number == ANY_OTHER and spot.caller != ANY_OTHER:
            callers.setdefault(spot.trunk_id, spot.caller)
    for spot in spots:
        trunk_id = spot.trunk_id
        if spot.caller == ANY_OTHER and trunk_id in callers:
            yield spot._replace(caller=callers[trunk_id])
        if spot.number == ANY_OTHER and trunk_id in numbers:
            yield spot._replace(number=numbers[trunk_id])
