"""A receiver of webhooks: HTTP with limits, every delivery judged before it is handled."""

import asyncio
import ipaddress
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from aiohttp import web

from sipctl.errors import UncheckedError, UsageError
from sipctl.telephony.secret import Secret
from sipctl.webhooks.verification import Verdict, verify

BODY_LIMIT: Final = 1024 * 1024
"""The most bytes of a body; LiveKit's events have some thousand."""
_CONNECTIONS: Final = 512
_READ_S: Final = 10.0
"""How long a client may take to send a body."""
_IDLE_S: Final = 30.0
"""How long a connection may be open without a request; so slow clients lose theirs, too."""
_STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery as it came: `number` counts from 1, `received_at` are Unix seconds, `offset_s` since the start."""

    number: int
    received_at: float
    offset_s: float
    path: str
    peer: str
    headers: Mapping[str, str]
    body: bytes
    verdict: Verdict


Handle = Callable[[Delivery], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 = any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """An address from `HOST:PORT`, `[IPV6]:PORT`, or a port of this machine alone.

        Raises:
            UsageError: it is none.
        """
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
            raise UsageError(f"--bind {text!r} is not an address", hint="write HOST:PORT, such as 127.0.0.1:8090")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class _Refusing(asyncio.Protocol):
    """What a connection meets that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer before anything is asked."""
        writing = cast("asyncio.Transport", transport)
        writing.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writing.close()


@dataclass(slots=True)
class Receiver:
    """Takes deliveries by POST and hands them on, good or bad; GET is answered by `pages`, by their paths."""

    keys: Mapping[str, Secret]
    handle: Handle
    pages: Mapping[str, Callable[[], web.Response]] = field(default_factory=dict)
    url: str = ""
    _count: int = 0
    _began: float = 0.0
    _server: web.Server | None = None
    _listening: asyncio.Server | None = None
    _sweeping: "asyncio.Task[None] | None" = None
    _heard: dict[Any, float] = field(default_factory=dict)
    _busy: set[Any] = field(default_factory=set)

    async def start(self, address: Address) -> None:
        """Listen.

        Raises:
            UncheckedError: the port is taken, or the address is not this machine's.
        """
        loop = asyncio.get_running_loop()
        server = self._server = web.Server(self._answer, access_log=None, keepalive_timeout=_IDLE_S)

        def connected() -> asyncio.Protocol:
            return server() if len(server.connections) < _CONNECTIONS else _Refusing()

        try:
            self._listening = await loop.create_server(connected, address.host, address.port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "there is no such address"
            raise UncheckedError(f"cannot listen on {address}: {reason}", hint="--bind HOST:PORT chooses") from error
        port = self._listening.sockets[0].getsockname()[1]
        self.url = f"http://{Address(address.host, port)}"
        self._began = time.monotonic()
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Take no more connections, and let what is in flight end."""
        if self._listening:
            self._listening.close()
        if self._sweeping:
            self._sweeping.cancel()
        if self._server:
            self._server.pre_shutdown()
            await self._server.shutdown(_STOP_S)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._answered(request)
        finally:
            self._busy.discard(request.protocol)
            self._heard[request.protocol] = time.monotonic()

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method in {"GET", "HEAD"}:
            page = self.pages.get(request.path)
            return page() if page else web.Response(status=404 if self.pages else 405)
        if request.method != "POST":
            return web.Response(status=405)
        try:
            async with asyncio.timeout(_READ_S):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        return await self.handle(self._delivery(request, body))

    def _delivery(self, request: web.BaseRequest, body: bytes) -> Delivery:
        self._count += 1
        now = time.time()
        return Delivery(
            number=self._count, received_at=now, offset_s=time.monotonic() - self._began, path=request.path_qs,
            peer=request.remote or "", headers=dict(request.headers), body=body,
            verdict=verify(body, request.headers.get("Authorization", ""), self.keys, now),
        )  # fmt: skip

    async def _sweep(self) -> None:
        """Close connections that asked for nothing for too long, or are too slow to ask."""
        while True:
            await asyncio.sleep(_IDLE_S / 3)
            now, open_ones = time.monotonic(), list(self._server.connections) if self._server else []
            self._heard = {connection: self._heard.get(connection, now) for connection in open_ones}
            for connection, since in self._heard.items():
                if connection not in self._busy and now - since > _IDLE_S and connection.transport:
                    connection.transport.abort()
