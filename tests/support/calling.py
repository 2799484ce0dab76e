"""What callers find out by trying: every number, from every address that its trunks allow, with every PIN."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sipctl.telephony.addresses import admits, is_host_name, parse_address
from sipctl.telephony.matching.call import Call
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.pins import can_be_typed
from sipctl.telephony.reach.callers import Callers
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import GETS_IN, DependsOn, Reach, Reached
from sipctl.telephony.site import Site

ADDRESSES = (
    "0.0.0.1", "10.0.0.1", "192.0.1.255", "192.0.2.0", "192.0.2.9", "192.0.2.255", "192.0.3.0", "198.51.100.6",
    "198.51.100.7", "198.51.100.8", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1%eth0",
)  # fmt: skip
ANY_SOURCE = InboundTrunk()

Dial = Callable[[Call], str | None]
"""The room that a call gets into, None = no room that is there already."""


def allowed_calls(callers: Callers, number: str, caller: str) -> list[Call]:
    """Calls from each of the addresses that a trunk of the number lets through; from all, if there is no such trunk."""
    own: Sequence[InboundTrunk] = callers.trunks_for(number) or [ANY_SOURCE]
    hosts = {host for trunk in own for host in trunk.allowed_addresses if is_host_name(host)}
    origins = [(one, host) for one in ADDRESSES for host in (one, *hosts)]
    return [
        Call(to_user=number, from_user=caller, source_ip=one, from_host=host)
        for one, host in origins
        if any(admits(trunk.allowed_addresses, parse_address(one), host) for trunk in own)
    ]


def by_trying(dial: Dial, call: Call, room: str, pins: Iterable[str]) -> Reached:
    """What one caller finds out: without a PIN, by # alone, then with each PIN."""
    if room in {dial(call), dial(replace(call, pin=""))}:
        return Reached.OPEN
    return Reached.REACHABLE if any(dial(replace(call, pin=pin)) == room for pin in pins) else Reached.UNREACHABLE


def check_reach(found: Reach, site: Site, registered: str | None, dial: Dial) -> None:
    """Hold the answer for a room against what its callers find out."""
    reacher, callers, room = Reacher(site), Callers(site), found.room
    pins = [registered] if registered else sorted({rule.pin for rule in reacher.rules_to(room)} - {""})
    typable = [pin for pin in pins if can_be_typed(pin)]
    ends = [
        {by_trying(dial, call, room, typable) for call in allowed_calls(callers, number, callers.anyone)}
        for number in callers.numbers
    ]
    if found.outcome in GETS_IN:
        assert all(end <= GETS_IN for end in ends), (found, ends)
        assert (found.outcome is Reached.OPEN) == any(Reached.OPEN in end for end in ends), (found, ends)
    elif found.outcome is Reached.UNREACHABLE or found.depends_on is DependsOn.CALLER:
        assert {Reached.UNREACHABLE} in ends, (found, ends)
    else:
        assert any(end & GETS_IN and Reached.UNREACHABLE in end for end in ends), (found, ends)
    if found.outcome is Reached.DEPENDS:
        assert by_trying(dial, found.attempts[0].call, room, typable) in GETS_IN, found
