"""A deployment as far as routing is concerned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.spelling import regions

_ANY_ROOM: Final = Ownership()


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """Trunks and rules, and what is known around them.

    `outbound` are the ids of outbound trunks, `live` the names of the live rooms (None = no one knows), `number` the
    one that people dial as a provider sends it, `country` the ISO 3166 region of national numbers. `pins`
    are the registry's by room, None = there is none, or it was not asked; `by_backend` = where there is none, a backend
    writes missing rules when it is sent a webhook.
    """

    lists: WholeLists
    mark: Ownership = _ANY_ROOM
    outbound: frozenset[str] = frozenset()
    live: frozenset[str] | None = None
    number: str = ""
    pins: Mapping[str, str] | None = None
    by_backend: bool = False
    country: str = "US"

    @cached_property
    def table(self) -> RoutingTable:
        """The same lists, indexed."""
        return RoutingTable(self.lists.trunks, self.lists.rules)

    @cached_property
    def trunk_ids(self) -> frozenset[str]:
        """The ids of the inbound trunks."""
        return frozenset(trunk.sip_trunk_id for trunk in self.lists.trunks)

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """The countries in which numbers may be meant: the default one, then those of the trunks' own numbers."""
        return regions(self.country, self.lists.trunks)
