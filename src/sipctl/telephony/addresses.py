"""Entries of a trunk's `allowed_addresses`, judged as LiveKit does (livekit/protocol sip/sip.go, address matching)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_IGNORED = re.compile(r"[()+*;,\s]|://")
_PREFIX = re.compile(r"(0|[1-9][0-9]{0,2})\Z")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?\Z")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+\Z")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address | None:
    """The address, read as Go's netip.ParseAddr reads it: no port, no brackets, no leading zeros; a zone is allowed."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def admits(masks: Iterable[str], source: Address | None, from_host: str) -> bool:
    """Whether a trunk with these `allowed_addresses` takes a call from this source; None = unknown, which passes.

    Entries that LiveKit ignores do not count; if none is left, everyone passes. An entry equal to the host of the
    From header passes too, whatever the source.
    """
    counted = [mask for mask in masks if not is_ignored(mask)]
    return source is None or not counted or any(mask == from_host or _covers(mask, source) for mask in counted)


def is_ignored(mask: str) -> bool:
    """Whether LiveKit skips this entry as if it were not there."""
    return _IGNORED.search(mask) is not None


@lru_cache(maxsize=4096)
def _covers(mask: str, source: Address) -> bool:
    """Addresses compare with their zone; no address with a zone is inside any prefix."""
    if "/" not in mask:
        return parse_address(mask) == source
    network = mask_network(mask)
    zone = getattr(source, "scope_id", None)
    return network is not None and not zone and source.version == network.version and source in network


def mask_network(mask: str) -> Network | None:
    """The addresses that an entry lets through, or None if it names none: a single address is a network of one."""
    if is_ignored(mask) or "%" in mask:
        return None
    address, slash, prefix = mask.partition("/")
    if parse_address(address) is None or (slash and not _PREFIX.match(prefix)):
        return None
    try:
        return ip_network(mask, strict=False)
    except ValueError:
        return None


def is_host_name(mask: str) -> bool:
    """Whether an entry is compared with the From header alone, which any caller can forge."""
    is_address = is_ignored(mask) or mask_network(mask) is not None
    return not is_address and _HOST.match(mask) is not None and not _DIGITS_AND_DOTS.match(mask)


def mask_fault(mask: str) -> str:
    """Why an entry never matches a call; "" if it can."""
    if is_ignored(mask):
        return "LiveKit ignores it: it holds a space, a bracket, +, *, a comma, a semicolon or a scheme"
    if mask_network(mask) is not None or parse_address(mask) is not None or is_host_name(mask):
        return ""
    return "it is neither an address nor a prefix such as 192.0.2.0/24"
