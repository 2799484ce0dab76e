"""One look at what LiveKit holds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipctl.telephony.model import DispatchRule

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The dispatch rules, and the names of the live rooms."""

    rules: tuple[DispatchRule, ...]
    rooms: frozenset[str]

    @property
    def pins(self) -> frozenset[str]:
        """The PINs that the rules carry."""
        return frozenset(rule.pin for rule in self.rules)


async def look(client: "LiveKitClient") -> Live:
    """Rules first, rooms second: the other order takes the rule of a room that just started for stale."""
    rules = tuple(await client.list_rules())
    return Live(rules=rules, rooms=frozenset(room.name for room in await client.list_rooms()))
