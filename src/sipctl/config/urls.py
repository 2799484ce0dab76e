"""Addresses of servers: what is one and which are the same."""

from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sipctl.config.model import Setting
from sipctl.errors import ConfigError
from sipctl.masking import shown_url

SCHEMES: Final = ("http", "https", "ws", "wss")
_PORTS: Final = {"http": 80, "https": 443}
_SAME: Final = {"ws": "http", "wss": "https"}
"""LiveKit serves websockets and its API on one port, so that either scheme names the same server."""
_LOOPBACK: Final = "localhost"


def check_url(name: str, setting: Setting) -> str:
    """The address of a server, as it is.

    Raises:
        ConfigError: it has no http, https, ws or wss scheme, no host, a bad port, or credentials, which are not shown.
    """
    text = str(setting.value)
    if fault := url_fault(text):
        raise ConfigError(
            f"{name} {shown_url(text)!r} {fault} ({setting.origin})",
            hint="write an address such as https://livekit.example.org",
        )
    return text


def split_url(text: str) -> SplitResult | None:
    """The parts of an address; None if its host or its port is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def url_fault(text: str) -> str:
    """What is wrong with an address; "" if nothing."""
    if any(character.isspace() for character in text):
        return "holds white space"
    parts = split_url(text)
    if parts is None or parts.port == 0:
        return "has a port or host that is none"
    if parts.scheme not in SCHEMES or not text.startswith(f"{parts.scheme}://"):
        return f"does not start with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
    if "@" in parts.netloc:
        return "holds credentials; key and secret have settings of their own"
    if not parts.hostname:
        return "names no host"
    return "has a query or a fragment" if parts.query or parts.fragment else ""


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are spellings of one."""
    return server_name(one) == server_name(other)


def same_door(one: str, other: str) -> bool:
    """Whether two addresses have one host and one port, whatever their scheme and path; a default port is one port."""
    doors = [_door(split_url(text)) for text in (one, other)]
    return None not in doors and doors[0] == doors[1]


def _door(parts: SplitResult | None) -> tuple[str, int | None] | None:
    if parts is None or not parts.hostname:
        return None
    port = None if parts.port == _PORTS.get(_SAME.get(parts.scheme, parts.scheme)) else parts.port
    return _place(parts.hostname), port


def host_and_port(text: str, default_port: int) -> tuple[str, int]:
    """The two parts of an address such as redis:6379; every name of this machine itself is one."""
    parts = split_url(text if "://" in text else f"//{text}")
    if parts is None or not parts.hostname:
        return text, default_port
    return _place(parts.hostname), parts.port or default_port


def server_name(url: str, host: str = "") -> str:
    """The one name of a server for all spellings of its address: the same for ws and http, without a default port.

    With the name of a `host` a loopback address is that host's alone: another host means another server by it.
    """
    parts = split_url(url)
    if parts is None or not parts.hostname:
        return url
    scheme = _SAME.get(parts.scheme, parts.scheme)
    place = _place(parts.hostname)
    port = f":{parts.port}" if parts.port not in {None, _PORTS.get(scheme)} else ""
    of_host = f" of {host}" if host and place == _LOOPBACK else ""
    return f"{scheme}://{place}{port}{parts.path.rstrip('/')}{of_host}"


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine alone."""
    parts = split_url(url)
    return parts is not None and bool(parts.hostname) and _place(parts.hostname or "") == _LOOPBACK


def _place(hostname: str) -> str:
    """A host in one spelling: every address of this machine itself is "localhost", 0.0.0.0 too, which leads there."""
    name = hostname.rstrip(".")
    if name == _LOOPBACK or name.endswith(f".{_LOOPBACK}"):
        return _LOOPBACK
    try:
        address = ip_address(name)
    except ValueError:
        return name
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback or address.is_unspecified:
        return _LOOPBACK
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
