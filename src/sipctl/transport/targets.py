"""Where a request goes: transport, address and port, and how they were found."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from sipctl.errors import UsageError


class Transport(StrEnum):
    """The transports that we speak; the value is that of a URI's `transport` parameter."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"

    @property
    def default_port(self) -> int:
        """The port of a URI that names none (RFC 3261 19.1.2)."""
        return 5061 if self is Transport.TLS else 5060


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place where the requests for a URI may go.

    `host` is the name that led to the address: the target of an SRV record, or the URI's own host. `priority` and
    `weight` are those of the SRV record, None without one.
    """

    transport: Transport
    address: Address
    host: str
    priority: int | None = None
    weight: int | None = None


class Failure(StrEnum):
    """Why a question to DNS has no records for an answer; the first one is the least of them."""

    NO_RECORDS = "no-records"
    NO_SUCH_NAME = "no-such-name"
    BAD_NAME = "bad-name"
    """No name of DNS can be so."""
    SERVER_FAILED = "server-failed"
    """Every name server refused or failed, or none is configured."""
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question and its answer.

    `records` are written as in a zone file, in the order of their use; `alias` is where a CNAME leads ("" = there is
    none), `server` who answered ("192.0.2.53:53", "/etc/hosts"), `ttl` counts in seconds (None = unknown).
    """

    name: str
    kind: str
    records: tuple[str, ...] = ()
    failure: Failure | None = None
    alias: str = ""
    ttl: int | None = None
    server: str = ""
    duration_ms: float = 0.0


def is_ip(host: str) -> bool:
    """Whether a host is an address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def read_nameserver(text: str) -> tuple[str, int]:
    """The address and port of a name server: "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"; the port is 53.

    Raises:
        UsageError: it is no such thing.
    """
    host, _, port = text.rpartition(":")
    if is_ip(text):
        host, port = text, "53"
    host = host.removeprefix("[").removesuffix("]")
    if not (is_ip(host) and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise UsageError(f"{text!r} is no address of a name server", hint="write it as 192.0.2.53 or 192.0.2.53:5353")
    return host, int(port)
