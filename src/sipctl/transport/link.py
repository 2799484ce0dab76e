"""What the links over UDP, TCP and TLS share: whom they serve, and what can go wrong with them."""

import errno
import os
import socket
from enum import StrEnum
from typing import Final, Protocol

from sipctl.transport.targets import Address, Transport, is_ip


class Trouble(StrEnum):
    """Why a target cannot be spoken to."""

    REFUSED = "refused"
    """The machine is there, and nothing listens."""
    NO_ROUTE = "no-route"
    SILENT = "silent"
    """A connection, or its TLS handshake, was not answered in time."""
    CLOSED = "closed"
    """The peer ended the connection."""
    TLS = "tls"
    """No TLS, or a certificate that does not hold; nothing of SIP was sent."""
    NOT_SIP = "not-sip"
    SOURCE = "source"
    """The source address asked for is not ours, or cannot reach the target."""


class LinkError(Exception):
    """A link that could not be made, or broke."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble.value}: {detail}" if detail else trouble.value)
        self.trouble = trouble
        self.detail = detail


class Receiver(Protocol):
    """Whom a link serves."""

    def received(self, data: bytes, source: Address) -> None:
        """Take a datagram, or a piece of a stream."""

    def broke(self, error: LinkError) -> None:
        """Hear that the target refused a datagram, or that the connection has ended; a stream brings no more."""


class Link(Protocol):
    """A socket for one target."""

    @property
    def transport(self) -> Transport:
        """What it goes over."""

    @property
    def local(self) -> Address:
        """Where answers are awaited."""

    def send(self, data: bytes) -> None:
        """Send one message; the receiver hears what goes wrong."""

    def close(self) -> None:
        """Free the socket; the receiver hears no more."""


_TROUBLES: Final = {
    errno.ECONNREFUSED: Trouble.REFUSED,
    errno.ENETUNREACH: Trouble.NO_ROUTE,
    errno.EHOSTUNREACH: Trouble.NO_ROUTE,
    errno.ENETDOWN: Trouble.NO_ROUTE,
    errno.EHOSTDOWN: Trouble.NO_ROUTE,
    errno.EACCES: Trouble.NO_ROUTE,
    errno.EPERM: Trouble.NO_ROUTE,
    errno.ETIMEDOUT: Trouble.SILENT,
    errno.EINVAL: Trouble.NO_ROUTE,
    errno.EADDRNOTAVAIL: Trouble.SOURCE,
}
"""EACCES and EPERM are how a firewall says no (ICMP type 3 codes 9, 10 and 13, and its own rules on this machine)."""


def link_error(error: OSError) -> LinkError:
    """What the system's error means for the link."""
    number = error.errno or 0
    return LinkError(_TROUBLES.get(number, Trouble.CLOSED), os.strerror(number) if number > 0 else str(error))


def family_of(address: Address) -> socket.AddressFamily:
    """The address family of an IP address."""
    return socket.AF_INET6 if ":" in address.ip else socket.AF_INET


def local_ip(target: Address, source_ip: str) -> str:
    """The address of ours from which a target is reached: the one asked for, or the one that routing chooses.

    Raises:
        LinkError: there is no route, or the source is not ours.
    """
    try:
        with socket.socket(family_of(target), socket.SOCK_DGRAM) as probe:  # connecting it sends nothing
            if source_ip:
                probe.bind((source_ip, 0))
            probe.connect((target.ip, target.port))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise source_error(error, source_ip) from error


def is_own_address(ip: str) -> bool:
    """Whether this is an IP address, and this machine has it."""
    if not is_ip(ip):
        return False
    try:
        with socket.socket(family_of(Address(ip, 0)), socket.SOCK_DGRAM) as probe:
            probe.bind((ip, 0))
    except OSError:
        return False
    return True


def source_error(error: OSError, source_ip: str) -> LinkError:
    """What an error means where a source address may be to blame: one of the other family, or one on loopback."""
    if isinstance(error, socket.gaierror) or (source_ip and error.errno == errno.EINVAL):
        return LinkError(Trouble.SOURCE, f"{source_ip} cannot reach it")
    return link_error(error)
