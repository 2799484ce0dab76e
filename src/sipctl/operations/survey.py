"""One look at the world that a plan is made for: rules first, rooms second, then who is in which room."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sipctl.lkapi.client import LiveKitClient
from sipctl.registry.looks import Earlier, Looks
from sipctl.registry.store import Registry
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.plan import Policy, World

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Surveyor:
    """What a survey asks. `looks` None = nothing of earlier looks is known; `registry` None = no PIN is."""

    client: LiveKitClient
    policy: Policy
    registry: Registry | None
    looks: Looks | None
    now: Callable[[], datetime]

    async def survey(self, earlier: Earlier | None = None) -> tuple[World, Earlier]:
        """The world, and what was known of it before this look; `earlier` stands in for the looks.

        Raises:
            SipctlError: LiveKit did not answer. A list that fails is never taken for an empty one.
        """
        rules = tuple(await self.client.list_rules())
        rooms = await self.client.list_rooms()
        live = frozenset(room.name for room in rooms)
        stale = [rule for rule in rules if self.policy.mark.is_stale(rule, live)]
        if earlier is None:
            earlier = self.looks.look(stale, any_room=bool(rooms)) if self.looks else Earlier()
        attended = await self._attended(rules, rooms)
        ours = sorted(filter(self.policy.mark.is_ours, live))
        world = World(
            now=self.now(),
            rules=rules,
            live=live,
            attended=attended,
            pins=self.registry.pins_of(ours) if self.registry else None,
            stale_since=earlier.stale_since,
            empty_since=earlier.empty_since,
        )
        return world, earlier

    async def _attended(self, rules: Iterable[DispatchRule], rooms: Iterable[Room]) -> frozenset[str]:
        """Which rooms without a rule of their own have somebody in them who is no phone caller.

        ListParticipants alone tells: the counters of ListRooms lag by seconds, both ways.
        """
        served = {rule.room_name for rule in rules if self.policy.mark.owns(rule)}
        names = [room.name for room in rooms if room.name not in served and self._may_need_a_rule(room.name)]
        return await attended_of(self.client, names)

    def _may_need_a_rule(self, room: str) -> bool:
        return self.policy.mark.is_ours(room) and (self.policy.rooms is None or room in self.policy.rooms)


async def attended_of(client: LiveKitClient, rooms: Iterable[str]) -> frozenset[str]:
    """Those of these rooms that hold somebody who is no phone caller."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_attended(room: str) -> tuple[str, bool]:
        async with gate:
            return room, any(not person.is_phone for person in await client.list_participants(room))

    return frozenset(room for room, attended in await asyncio.gather(*map(is_attended, rooms)) if attended)


def earlier_from(world: World, policy: Policy) -> Earlier:
    """What a look that nobody remembers but this run found, for the second look of the same run."""
    stale = (rule for rule in world.rules if policy.mark.is_stale(rule, world.live))
    return Earlier(
        is_first=False,
        stale_since={rule.sip_dispatch_rule_id: world.now for rule in stale},
        empty_since=None if world.live else world.now,
    )
