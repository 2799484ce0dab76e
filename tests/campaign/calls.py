"""Which calls reach which room, by LiveKit's matching: the one thing that no run may make worse."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import Final

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.model import DispatchRule, InboundTrunk

CALLED: Final = ("+331", "+332")
CALLERS: Final = ("+441", "+442", "")
SOURCES: Final = {"ST_1": "192.0.2.1", "ST_2": "192.0.2.2", "ST_3": "192.0.2.3"}
TRUNKS: Final = [InboundTrunk(sip_trunk_id=one, allowed_addresses=(address,)) for one, address in SOURCES.items()]
"""The caller's source decides between them, so every trunk meets every number; another source meets none."""
CALLS: Final = [
    Call(to_user=called, from_user=caller, source_ip=source)
    for called, caller, source in product(CALLED, CALLERS, (*SOURCES.values(), "192.0.2.9"))
]

Reached = set[tuple[Call, str]]
"""Calls, each with the live room that its caller gets into by the room's PIN."""


def reached(rules: Iterable[DispatchRule], pins: Mapping[str, str], live: Iterable[str]) -> Reached:
    """Which calls reach which live room with its PIN; rooms without one are reached by none."""
    table = RoutingTable(TRUNKS, rules)
    wanted = ((call, room, pins[room]) for room in set(live) & pins.keys() for call in CALLS)
    return {(call, room) for call, room, pin in wanted if _lands(table, replace(call, pin=pin)) == room}


def _lands(table: RoutingTable, call: Call) -> str:
    """The room in which a call lands, "" for none."""
    outcome = route(table, call).final
    return outcome.landing.room if outcome.result is Result.ACCEPT and outcome.landing else ""
