"""Trunks and rules indexed by number, trunk and PIN: what a call costs does not grow with their count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product
from operator import attrgetter

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.rules import Rank, listing_fault, rank
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number

_Place = tuple[str | None, str | None, str | None, str | None]
"""Where a rule is looked for: trunk, called number, caller, PIN; None is any trunk or none, any number, any PIN."""


class RoutingTable(WholeLists):
    """Gives only the best rule of each place that a call can look at; all others lose to it there."""

    def __init__(self, trunks: Iterable[InboundTrunk], rules: Iterable[DispatchRule]) -> None:
        super().__init__(trunks, rules)
        self._position = {id(rule): at for at, rule in enumerate(self.rules)}
        self._best: dict[_Place, tuple[Rank, int]] = {}
        self._naming: defaultdict[str, list[DispatchRule]] = defaultdict(list)
        self._faults: dict[str | None, MatchFault | None] = {}
        self._by_number: defaultdict[str, list[InboundTrunk]] = defaultdict(list)
        self._every_number = [trunk for trunk in self.trunks if not trunk.numbers]
        self._add_trunks()
        self._add_rules()

    def _add_trunks(self) -> None:
        for trunk in self.trunks:
            for number in set(map(normalize_number, trunk.numbers)):
                self._by_number[number].append(trunk)

    def _add_rules(self) -> None:
        for at, rule in enumerate(self.rules):
            for trunk_id in dict.fromkeys(rule.trunk_ids):
                self._naming[trunk_id].append(rule)
            if rule.kind is not None:
                own = (rank(rule), at)
                for place in _places(rule):
                    held = self._best.get(place)
                    if held is None or own < held:
                        self._best[place] = own

    def trunks_for(self, call: Call) -> Sequence[InboundTrunk]:
        """The trunks with the called number, and those that take every number."""
        named = self._by_number.get(normalize_number(call.to_user), [])
        return sorted((*named, *self._every_number), key=attrgetter("sip_trunk_id"))

    def rules_for(self, trunk: InboundTrunk | None, call: Call, typed: str | None) -> Sequence[DispatchRule]:
        """The best rule of each place that the call looks at."""
        trunk_ids = (trunk.sip_trunk_id, None) if trunk else (None,)
        places = product(trunk_ids, (call.to_user, None), (call.from_user, None), (typed,))
        best = {self._best[place][1] for place in places if place in self._best}
        return [self.rules[at] for at in sorted(best)]

    def best_at(self, trunk_id: str | None, number: str, caller: str, pin: str | None) -> DispatchRule | None:
        """The winner for these very values: None = no trunk matched, any PIN or none; "" = rules without a PIN."""
        for named in (trunk_id, None) if trunk_id is not None else (None,):
            places = product((named,), (number, None), (caller, None), (pin,))
            found = [held for place in places if (held := self._best.get(place))]
            if found:
                return self.rules[min(found)[1]]
        return None

    def fault_for(self, trunk: InboundTrunk | None) -> MatchFault | None:
        """The error of the rules listed for this trunk, found once."""
        key = trunk.sip_trunk_id if trunk else None
        if key not in self._faults:
            self._faults[key] = self._fault(trunk)
        return self._faults[key]

    def _fault(self, trunk: InboundTrunk | None) -> MatchFault | None:
        """Rules that name a trunk never clash with those that name none, so each half is checked by itself."""
        naming = self._naming.get(trunk.sip_trunk_id, []) if trunk else []
        if trunk is None or any("" in rule.trunk_ids for rule in naming):
            return super().fault_for(trunk)
        found = [fault for fault in (listing_fault(naming), self._fault_of_any_trunk) if fault]
        return min(found, key=lambda fault: self._position[id(fault.rules[-1])], default=None)

    @cached_property
    def _fault_of_any_trunk(self) -> MatchFault | None:
        return listing_fault([rule for rule in self.rules if not rule.trunk_ids])


def _places(rule: DispatchRule) -> Iterator[_Place]:
    trunk_ids, numbers, callers = rule.trunk_ids or (None,), rule.numbers or (None,), rule.inbound_numbers or (None,)
    return product(trunk_ids, numbers, callers, (rule.pin, None))
