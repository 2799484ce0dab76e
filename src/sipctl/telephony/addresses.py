"""Entries of a trunk's `allowed_addresses`, judged as LiveKit does (livekit/protocol sip/sip.go, address matching)."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_IGNORED = re.compile(r"[()+*;,\s]|://")
_PREFIX = re.compile(r"(0|[1-9][0-9]{0,2})\Z")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?\Z")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+\Z")

Network = IPv4Network | IPv6Network


def mask_network(mask: str) -> Network | None:
    """The addresses that an entry lets through, or None if it names none: a single address is a network of one."""
    if _IGNORED.search(mask) or "%" in mask:
        return None
    address, slash, prefix = mask.partition("/")
    parsed = _address(address)
    if parsed is None or (slash and not _PREFIX.match(prefix)):
        return None
    try:
        return ip_network(mask, strict=False)
    except ValueError:
        return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def mask_fault(mask: str) -> str:
    """Why an entry never does what its author meant; "" if it can match a source address."""
    if _IGNORED.search(mask):
        return "LiveKit ignores it: it holds a space, a bracket, +, *, a comma, a semicolon or a scheme"
    if mask_network(mask) is not None:
        return ""
    if _HOST.match(mask) and not _DIGITS_AND_DOTS.match(mask):
        return "a host name is compared with the From header, which any caller can forge, never with the source"
    return "it is neither an address nor a prefix such as 192.0.2.0/24"
