"""SIP over TCP, and what TLS adds to it."""

import asyncio
import socket
import ssl
from typing import Self, cast

from sipctl.transport.link import LinkError, Receiver, Trouble, family_of, link_error, source_error
from sipctl.transport.targets import Address, Target


class StreamLink(asyncio.Protocol):
    """A connection to one target."""

    def __init__(self, target: Target, receiver: Receiver) -> None:
        self.transport = target.transport
        self.local = target.address
        self._peer = target.address
        self._receiver: Receiver | None = receiver
        self._stream: asyncio.WriteTransport | None = None

    @classmethod
    async def open(cls, target: Target, receiver: Receiver, source_ip: str, deadline: float) -> Self:
        """Connect over TCP until the deadline, a time of the loop.

        Raises:
            LinkError: the target refuses, does not answer, or cannot be reached.
        """
        return await cls.over(await connected_socket(target.address, source_ip, deadline), target, receiver)

    @classmethod
    async def over(
        cls, connected: socket.socket, target: Target, receiver: Receiver,
        tls: ssl.SSLContext | None = None, server_name: str = "",
    ) -> Self:  # fmt: skip
        """Speak over a socket that is connected, with TLS if there is a context for it.

        Raises:
            OSError: the handshake fails (`ssl.SSLError` is one).
        """
        link = cls(target, receiver)
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(
                lambda: link, sock=connected, ssl=tls, server_hostname=server_name if tls else None
            )
        except BaseException:
            connected.close()
            raise
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers are awaited."""
        self._stream = cast("asyncio.WriteTransport", transport)
        ip, port, *_ = transport.get_extra_info("sockname")
        self.local = Address(ip, port)

    def data_received(self, data: bytes) -> None:
        """Pass a piece of the stream on."""
        if self._receiver:
            self._receiver.received(data, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the receiver, unless it closed the connection itself."""
        if self._receiver:
            error = link_error(exc) if isinstance(exc, OSError) else LinkError(Trouble.CLOSED)
            self._receiver.broke(error)

    def send(self, data: bytes) -> None:
        """Send a message."""
        if self._stream and not self._stream.is_closing():
            self._stream.write(data)

    def close(self) -> None:
        """End the connection at once: what was sent has left, and TLS would only wait for a farewell."""
        self._receiver = None
        if self._stream:
            self._stream.abort()

    def tls(self) -> ssl.SSLObject | None:
        """What TLS knows of the connection; None without TLS."""
        found = self._stream.get_extra_info("ssl_object") if self._stream else None
        return found if isinstance(found, ssl.SSLObject) else None


async def connected_socket(target: Address, source_ip: str, deadline: float) -> socket.socket:
    """A TCP connection; `source_ip` "" = as routing chooses, `deadline` is a time of the loop.

    Raises:
        LinkError: the target refuses, does not answer, or cannot be reached.
    """
    connecting = socket.socket(family_of(target), socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        if source_ip:
            connecting.bind((source_ip, 0))
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().sock_connect(connecting, (target.ip, target.port))
    except BaseException as error:
        connecting.close()
        if isinstance(error, TimeoutError):
            raise LinkError(Trouble.SILENT, "no answer to the connection") from error
        if isinstance(error, OSError):
            raise source_error(error, source_ip) from error
        raise
    return connecting
