"""What LiveKit holds at one moment, read in the one order that is safe: rules first, rooms second.

The other order takes the rule of a room that starts between the two answers for stale, and a purge would delete it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.snapshot import Snapshot

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


async def rules_then_rooms(
    client: "LiveKitClient", rule_ids: Iterable[str] = ()
) -> tuple[tuple[DispatchRule, ...], list[Room]]:
    """The dispatch rules, all of them or those with these ids, and after them the rooms.

    Raises:
        SipctlError: LiveKit did not answer. A list that fails is never taken for an empty one.
    """
    rules = tuple(await client.list_rules(rule_ids))
    return rules, await client.list_rooms()


async def read_live(client: "LiveKitClient") -> Live:
    """The rules, and the names of the rooms alone."""
    rules, rooms = await rules_then_rooms(client)
    return Live(rules=rules, rooms=frozenset(room.name for room in rooms))


async def take_snapshot(client: "LiveKitClient", *, outbound: bool = True) -> Snapshot:
    """Everything that decides where calls land; the trunks of calls that go out only with `outbound`."""
    rules, rooms = await rules_then_rooms(client)
    return Snapshot(
        rules=rules,
        rooms=tuple(rooms),
        trunks=tuple(await client.list_inbound_trunks()),
        outbound=tuple(await client.list_outbound_trunks()) if outbound else None,
    )
