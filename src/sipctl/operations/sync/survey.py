"""One observation of the state that a plan is made for: rules and rooms, then who is in which room."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sipctl.errors import SipctlError
from sipctl.lkapi.clocks import CLOCKS_AGREE_S
from sipctl.operations.snapshot import rules_then_rooms
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room
from sipctl.telephony.plan import Part, Policy, State
from sipctl.telephony.planning import duplicates
from sipctl.telephony.reached_rules import are_plain
from sipctl.telephony.registered import Earlier

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.registry.observations import Observations
    from sipctl.registry.store import Registry

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Surveyor:
    """What a survey asks. `observations` None = nothing of earlier runs is known; `registry` None = no PIN is."""

    client: "LiveKitClient"
    policy: Policy
    registry: "Registry | None"
    observations: "Observations | None"
    now: Callable[[], datetime]

    async def survey(self, earlier: Earlier | None = None) -> tuple[State, Earlier]:
        """The state, and what was known of it before; `earlier` takes the place of what earlier runs observed.

        An observation by a clock that is not LiveKit's counts for nothing: it is not noted, and no grace is over. Where
        `earlier` is given, the run measured its wait itself, without a clock.

        Raises:
            SipctlError: LiveKit did not answer. A list that fails is never taken for an empty one.
        """
        rules, rooms = await rules_then_rooms(self.client)
        live = frozenset(room.name for room in rooms)
        skew_s = self.client.skew_s or 0.0
        clock_is_off = abs(skew_s) > CLOCKS_AGREE_S and earlier is None
        attended = await self._attended(rules, rooms)
        state = self._with_registry(
            State(now=self.now(), rules=rules, live=live, attended=attended, clock_is_off=clock_is_off)
        )
        state = replace(state, trunks=await self._trunks(rules))
        if earlier is None:
            earlier = Earlier(is_first=False, skew_s=skew_s) if clock_is_off else self._observe(state)
        known = replace(
            state,
            stale_since=earlier.stale_since,
            duplicate_since=earlier.duplicate_since,
            empty_since=earlier.empty_since,
            held_until=earlier.held_until,
        )
        return known, earlier

    async def _trunks(self, rules: Iterable[DispatchRule]) -> tuple[InboundTrunk, ...] | None:
        """The trunks, if it depends on them whether callers get to a rule. Only reasons are drawn from them."""
        if self.policy.parts == {Part.PURGE} or are_plain(rules):
            return None
        try:
            return tuple(await self.client.list_inbound_trunks())
        except SipctlError:
            return None

    def _with_registry(self, state: State) -> State:
        """The state with what the registry knows of its live rooms."""
        if self.registry is None:
            return state
        held = self.registry.known(sorted(filter(self.policy.mark.is_ours, state.live)))
        pins = {room: holding.pin for room, holding in held.items() if holding.pin}
        return replace(state, pins=pins, known=frozenset(held) if self.registry.in_meet else None)

    def _observe(self, state: State) -> Earlier:
        """What earlier runs observed; from here on this observation is one of them."""
        if self.observations is None:
            return Earlier(is_first=False)
        found = _observed(state, self.policy)
        return self.observations.observe(
            found.stale, found.duplicates, any_room=bool(state.live), grace=self.policy.grace
        )

    async def _attended(self, rules: Iterable[DispatchRule], rooms: Iterable[Room]) -> frozenset[str]:
        """Which rooms without a rule of their own have someone in them who is no phone caller.

        ListParticipants alone tells: the counters of ListRooms lag by seconds, both ways.
        """
        served = {rule.room_name for rule in rules if self.policy.mark.owns(rule)}
        names = [room.name for room in rooms if room.name not in served and self._may_need_a_rule(room.name)]
        return await attended_of(self.client, names)

    def _may_need_a_rule(self, room: str) -> bool:
        return self.policy.mark.is_ours(room) and (self.policy.rooms is None or room in self.policy.rooms)


async def attended_of(client: "LiveKitClient", rooms: Iterable[str]) -> frozenset[str]:
    """Those of these rooms that hold someone who is no phone caller."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_attended(room: str) -> tuple[str, bool]:
        async with gate:
            return room, any(not person.is_phone for person in await client.list_participants(room))

    return frozenset(room for room, attended in await asyncio.gather(*map(is_attended, rooms)) if attended)


@dataclass(frozen=True, slots=True)
class _Observed:
    """What one observation found. `duplicates` None = nothing: this run does not judge them."""

    stale: list[DispatchRule]
    duplicates: list[DispatchRule] | None


def _observed(state: State, policy: Policy) -> _Observed:
    """Which rules could go if they stay as they are."""
    stale = [rule for rule in state.rules if policy.mark.is_stale(rule, state.live)]
    judges_duplicates = Part.REPAIR in policy.parts and not policy.by_backend
    return _Observed(stale, duplicates(state, policy) if judges_duplicates else None)


def earlier_from(state: State, policy: Policy) -> Earlier:
    """What this run observed, for its own second observation: nothing else remembers it."""
    found = _observed(state, policy)
    return Earlier(
        is_first=False,
        stale_since={rule.sip_dispatch_rule_id: state.now for rule in found.stale},
        duplicate_since={rule.sip_dispatch_rule_id: state.now for rule in found.duplicates or ()},
        empty_since=None if state.live else state.now,
    )
