"""Source addresses that stand for all others, where no one said where a call comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sipctl.telephony.addresses import admits, is_ignored, mask_network, parse_address
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.trunks import allows_caller, takes_number
from sipctl.telephony.model import InboundTrunk

_STRANGERS: Final = ("203.0.113.77", "198.51.100.77", "192.0.2.77", "100.64.0.77", "8.8.8.8", "1.1.1.1", "2001:db8::77")
"""Addresses of which at least one is outside any list of providers: examples of RFC 5737, and a few others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An address, and the entry of a trunk's list that it stands for; no trunk = it is on no list."""

    address: str
    entry: str = ""
    trunk: InboundTrunk | None = None


def sources_that_matter(trunks: Sequence[InboundTrunk], call: Call) -> list[Source]:
    """One address from the list of each trunk that the call could match, and one that is on none of them.

    Empty if no trunk tells calls by their source.
    """
    telling = [
        trunk
        for trunk in trunks
        if takes_number(trunk, call.to_user)
        and allows_caller(trunk, call.from_user)
        and not all(map(is_ignored, trunk.allowed_addresses))
    ]
    inside = [source for trunk in telling for source in _inside(trunk)]
    outside = (one for one in _STRANGERS if not any(_lets_in(trunk, one, call) for trunk in telling))
    return [*inside, *(Source(address=one) for one in islice(outside, 1))] if telling else []


def _inside(trunk: InboundTrunk) -> Iterator[Source]:
    """The first address of the first entry that names any."""
    entries = ((mask, network) for mask in trunk.allowed_addresses if (network := mask_network(mask)))
    for mask, network in islice(entries, 1):
        yield Source(address=str(network.network_address), entry=mask, trunk=trunk)


def _lets_in(trunk: InboundTrunk, address: str, call: Call) -> bool:
    return admits(trunk.allowed_addresses, parse_address(address), call.from_host)
