"""What becomes of those who call live rooms, for commands other than the doctor: the same lists, the same answer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sipctl.config.model import Settings
from sipctl.errors import SipctlError
from sipctl.operations.site import site_of
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import Reach, unknown
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import Snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

ReadPins = Callable[[Iterable[str]], Mapping[str, str] | None]
"""The registry's PINs of some rooms; None = there is no registry. Raises SipctlError if it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The live rooms, and all that decides about their callers; without a `site` a list could not be read: `why`."""

    rooms: tuple[Room, ...]
    rules: tuple[DispatchRule, ...] = ()
    site: Site | None = None
    why: str = ""


async def observe(client: "LiveKitClient", settings: Settings) -> Observed:
    """Read the rules, then the rooms, and the trunks beside them.

    Raises:
        SipctlError: the rooms could not be listed.
    """
    trunks = asyncio.ensure_future(_trunks(client))
    try:
        rules, no_rules = tuple(await client.list_rules()), ""
    except SipctlError as error:
        rules, no_rules = (), error.message
    try:
        rooms = tuple(await client.list_rooms())
    except SipctlError:
        trunks.cancel()
        raise
    found, no_trunks = await trunks
    if no_rules or no_trunks:
        return Observed(rooms=rooms, rules=rules, why=no_rules or no_trunks)
    return Observed(rooms=rooms, rules=rules, site=site_of(settings, _snapshot(rules, rooms, found)))


async def _trunks(client: "LiveKitClient") -> tuple[Snapshot, str]:
    """The trunks, or why they are not known. Those of outgoing calls only make sentences clearer."""
    try:
        inbound = tuple(await client.list_inbound_trunks())
        return Snapshot(trunks=inbound, outbound=tuple(await client.list_outbound_trunks())), ""
    except SipctlError as error:
        return Snapshot(), error.message


def _snapshot(rules: tuple[DispatchRule, ...], rooms: tuple[Room, ...], trunks: Snapshot) -> Snapshot:
    return Snapshot(rules=rules, rooms=rooms, trunks=trunks.trunks, outbound=trunks.outbound)


def reach_of_rooms(observed: Observed, settings: Settings, read_pins: ReadPins) -> dict[str, Reach]:
    """What becomes of the callers of each live room of this backend, by name."""
    ours = sorted(filter(settings.mark.is_ours, (room.name for room in observed.rooms)))
    if observed.site is None:
        return {room: unknown(room, observed.why) for room in ours}
    try:
        pins = read_pins(ours)
    except SipctlError as error:
        return {room: unknown(room, error.message) for room in ours}
    return {row.room: row for row in Reacher(replace(observed.site, pins=pins)).live()}
