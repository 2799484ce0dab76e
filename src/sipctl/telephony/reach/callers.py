"""The calls that stand for all who call: which number they dial, who they are, and where they come from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Final

from sipctl.telephony.addresses import Address, Network, admits, is_host_name, is_ignored, mask_network, parse_address
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.trunks import choose_trunk, takes_number
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.site import Site

_STRANGERS: Final = ("203.0.113.77", "2001:db8::77")
"""One address of each kind, of which no provider sends calls (RFC 5737, RFC 3849)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from: its source address, and the host of its From header.

    `entry` is the entry of `trunk`'s allowed_addresses that lets it through; "" = the trunk lets every source through,
    or there is no trunk that lets one through.
    """

    address: str
    from_host: str = ""
    trunk: InboundTrunk | None = None
    entry: str = ""


class Callers:
    """A caller who dials the advertised number."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._calls: dict[tuple[str, str], Sequence[tuple[Call, Origin]]] = {}
        self._sources: dict[str, Sequence[Origin]] = {}

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The dialled numbers: the one of the settings, else those of all trunks as LiveKit compares them.

        A trunk without numbers takes every number, and so do rules where no trunk is: there one number stands for all
        that no list names.
        """
        site = self._site
        if site.number:
            return (site.number,)
        trunks = site.lists.trunks
        named = dict.fromkeys(normalize_number(number) for trunk in trunks for number in trunk.numbers)
        return tuple(named) if trunks and all(trunk.numbers for trunk in trunks) else (*named, self.other_number)

    @cached_property
    def other_number(self) -> str:
        """A number that no trunk and no rule names."""
        lists = self._site.lists
        by_trunk = (number for trunk in lists.trunks for number in trunk.numbers)
        return _unlike((*by_trunk, *(number for rule in lists.rules for number in rule.numbers)))

    @cached_property
    def own(self) -> frozenset[str]:
        """The numbers that people dial, normalised: no one calls from them."""
        trunks, advertised = self._site.lists.trunks, filter(None, (self._site.number,))
        named = {normalize_number(number) for trunk in trunks for number in trunk.numbers}
        return frozenset({*named, *self.numbers, *map(normalize_number, advertised)})

    @cached_property
    def anyone(self) -> str:
        """A caller whom no list names."""
        lists = self._site.lists
        admitted = (number for trunk in lists.trunks for number in trunk.allowed_numbers)
        named = (number for rule in lists.rules for number in rule.inbound_numbers)
        return _unlike((*admitted, *named, *self.own))

    def calls(self, number: str, caller: str) -> Sequence[tuple[Call, Origin]]:
        """The calls of this caller to this number from allowed addresses, one for each trunk that they may match."""
        key = number, caller
        if key not in self._calls:
            self._calls[key] = list(self._distinct(number, caller))
        return self._calls[key]

    def _distinct(self, number: str, caller: str) -> Iterator[tuple[Call, Origin]]:
        seen: set[object] = set()
        for origin in self._origins_of(number):
            call = Call(
                to_user=number, from_user=caller, source_ip=origin.address, from_host=origin.from_host or origin.address
            )
            choice = choose_trunk(self._site.table.trunks_for(call), call)
            matching = choice.fault.trunks if choice.fault else filter(None, (choice.trunk,))
            matched = tuple(trunk.sip_trunk_id for trunk in matching)
            if matched not in seen:
                seen.add(matched)
                yield call, origin

    def trunks_for(self, number: str) -> Sequence[InboundTrunk]:
        """The trunks whose providers call this number: those that name it, else those that take every number.

        Only if they let some source in; none = no trunk of either kind does.
        """
        trunks = self._site.lists.trunks
        named = [trunk for trunk in trunks if trunk.numbers and takes_number(trunk, number)]
        others = [trunk for trunk in trunks if not trunk.numbers]
        return next((some for some in (named, others) if any(self._sources_of(trunk) for trunk in some)), ())

    def _origins_of(self, number: str) -> Sequence[Origin]:
        """Sources that the number's trunks allow, at least one for each way in which trunks tell sources apart."""
        allowed = [origin for trunk in self.trunks_for(number) for origin in self._sources_of(trunk)]
        return allowed or [Origin(one) for one in _STRANGERS]

    def _sources_of(self, trunk: InboundTrunk) -> Sequence[Origin]:
        """What the trunk lets through: addresses, and host names of From headers."""
        if trunk.sip_trunk_id not in self._sources:
            addresses = list(_telling_addresses((trunk, *self._site.lists.trunks)))
            entries = ((one, _entry_for(trunk, one)) for one in addresses)
            hosts = filter(is_host_name, trunk.allowed_addresses)
            self._sources[trunk.sip_trunk_id] = [
                *(Origin(str(address), "", trunk, entry) for address, entry in entries if entry is not None),
                *(Origin(str(address), host, trunk, host) for host in hosts for address in addresses),
            ]
        return self._sources[trunk.sip_trunk_id]


def _unlike(numbers: Iterable[str]) -> str:
    """A number that is none of these, of a country code that is not assigned (ITU-T E.164)."""
    taken = {form for number in numbers for form in (number, normalize_number(number))}
    return next(one for at in count() if (one := f"+999{at:08}") not in taken)


def _telling_addresses(trunks: Iterable[InboundTrunk]) -> Iterator[Address]:
    """Each entry's first address, and the one behind its last: where the entries change that hold an address."""
    masks = [mask for trunk in trunks for mask in trunk.allowed_addresses]
    networks = [network for mask in masks if (network := mask_network(mask)) is not None]
    yield from (network.network_address for network in networks)
    yield from filter(None, map(parse_address, masks))
    yield from filter(None, map(parse_address, _STRANGERS))
    yield from filter(None, map(_behind, networks))


def _behind(network: Network) -> Address | None:
    try:
        return network.broadcast_address + 1
    except ValueError:
        return None


def _entry_for(trunk: InboundTrunk, address: Address) -> str | None:
    """The entry that lets the address through; "" if the trunk lets all through, None if it lets this one not."""
    counted = [mask for mask in trunk.allowed_addresses if not is_ignored(mask)]
    if not counted:
        return ""
    return next((mask for mask in counted if admits((mask,), address, str(address))), None)
