"""A deployment as far as routing is concerned."""

from dataclasses import dataclass
from typing import Final

from sipctl.telephony.explaining.spelling import regions
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.ownership import Ownership

_ANY_ROOM: Final = Ownership()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Trunks and rules, and what is known around them.

    `outbound` are the ids of outbound trunks, `live` the names of the live rooms (None = nobody knows), `country` the
    ISO 3166 region of numbers in national format.
    """

    lists: WholeLists
    mark: Ownership = _ANY_ROOM
    outbound: frozenset[str] = frozenset()
    live: frozenset[str] | None = None
    country: str = "US"

    @property
    def trunk_ids(self) -> frozenset[str]:
        """The ids of the inbound trunks."""
        return frozenset(trunk.sip_trunk_id for trunk in self.lists.trunks)

    @property
    def countries(self) -> tuple[str, ...]:
        """The countries in which numbers may be meant: the default one, then those of the trunks' own numbers."""
        return regions(self.country, self.lists.trunks)


def ending(outcome: Outcome) -> object:
    """What makes two outcomes the same for those who call: what happens, and by which rule."""
    final = outcome.final
    return outcome.result, final.result, final.stage, final.rule and final.rule.sip_dispatch_rule_id
