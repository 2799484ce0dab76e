"""SIP over UDP: a socket that hears refusals and, since it is not connected, answers from anywhere.

A connected socket would drop what comes from another address or port, as happens behind a broken NAT. An
unconnected one hears of ICMP errors only if it asks for them: IP_RECVERR (ip(7), ipv6(7); Linux alone).
"""

import asyncio
import socket
import sys
from typing import Final, Self

from sipctl.transport.link import LinkError, Receiver, family_of, link_error, local_ip
from sipctl.transport.targets import Address, Transport

_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_MSG_ERRQUEUE: Final = 0x2000
_LARGEST_DATAGRAM: Final = 65_535
_ERRORS_AT_ONCE: Final = 64


class UdpLink:
    """A socket of its own for one target."""

    transport: Final = Transport.UDP

    def __init__(self, target: Address, bound: socket.socket, receiver: Receiver) -> None:
        self._target = target
        self._socket = bound
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound, self._ready)
        ip, port, *_ = bound.getsockname()
        self.local = Address(ip, port)

    @classmethod
    def open(cls, target: Address, receiver: Receiver, source_ip: str) -> Self:
        """Bind a socket to the address from which the target is reached.

        Raises:
            LinkError: there is no route, or the source is not ours.
        """
        bound = socket.socket(family_of(target), socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            if sys.platform == "linux":
                _ask_for_errors(bound)
            bound.bind((local_ip(target, source_ip), 0))
        except OSError as error:
            bound.close()
            raise link_error(error) from error
        except LinkError:
            bound.close()
            raise
        return cls(target, bound, receiver)

    def send(self, data: bytes) -> None:
        """Send a datagram to the target. One that the system's buffer does not take is lost, as on the way."""
        try:
            self._socket.sendto(data, (self._target.ip, self._target.port))
        except BlockingIOError:
            return
        except OSError as error:
            self._receiver.broke(link_error(error))

    def close(self) -> None:
        """Free the socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _ready(self) -> None:
        """Take one datagram or one error; the loop comes back while there is more."""
        try:
            data, (ip, port, *_) = self._socket.recvfrom(_LARGEST_DATAGRAM)
        except BlockingIOError:
            self._empty_error_queue()
        except OSError as error:
            self._empty_error_queue()
            self._receiver.broke(link_error(error))
        else:
            self._receiver.received(data, Address(ip, port))

    def _empty_error_queue(self) -> None:
        """Errors stay queued, and would wake the loop for ever, after the one that `recvfrom` raised."""
        for _ in range(_ERRORS_AT_ONCE if sys.platform == "linux" else 0):
            try:
                self._socket.recvmsg(0, 0, _MSG_ERRQUEUE)
            except OSError:
                return


def _ask_for_errors(bound: socket.socket) -> None:
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
