"""SIP nodes on loopback that do exactly one thing, good or bad, in the loop of the test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar, cast

from sipctl.operations.loop_thread import loop_in_thread
from sipctl.sip.message import Request, build_response
from sipctl.sip.parser import StreamParser, parse
from sipctl.sip.uri import parse_uri
from sipctl.transport.asking import Asked, ask, new_dialog
from sipctl.transport.driver import connected
from sipctl.transport.targets import Address, Target, Transport

T = TypeVar("T")

PROBED = parse_uri("sip:probed@sip.test")
CALLER = "sip:probe@sip.test"

Answers = Callable[[Request], Iterable[bytes]]
"""What a node sends for a request, a datagram each."""


def answered(request: Request, code: int, reason: str = "", *headers: tuple[str, str]) -> bytes:
    """A response to a request, on the wire."""
    return bytes(build_response(request, code, reason, headers, to_tag="t"))


class UdpNode(asyncio.DatagramProtocol):
    """Answers datagrams as it is set to, from its own port or from another one."""

    def __init__(self, answers: Answers, *, from_elsewhere: bool = False) -> None:
        self._answers = answers
        self._from_elsewhere = from_elsewhere
        self.requests: list[Request] = []
        self._arrived = asyncio.Event()

    async def last_is(self, method: str) -> None:
        """Wait until the latest request has this method."""
        while self.requests[-1].method != method:
            self._arrived.clear()
            await self._arrived.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        request = parse(data).message
        assert isinstance(request, Request)
        self.requests.append(request)
        self._arrived.set()
        for answer in self._answers(request):
            if self._from_elsewhere:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    other.sendto(answer, source)
            else:
                self._transport.sendto(answer, source)


@contextlib.asynccontextmanager
async def udp_node(answers: Answers, *, from_elsewhere: bool = False) -> AsyncIterator[tuple[Target, UdpNode]]:
    """A node over UDP while the body runs."""
    loop = asyncio.get_running_loop()
    transport, node = await loop.create_datagram_endpoint(
        lambda: UdpNode(answers, from_elsewhere=from_elsewhere), local_addr=("127.0.0.1", 0)
    )
    try:
        yield target_of(Transport.UDP, transport.get_extra_info("sockname")[1]), node
    finally:
        transport.close()


Serves = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tcp_node(serves: Serves) -> AsyncIterator[Target]:
    """A node over TCP while the body runs. What serves a connection must end when the probe closes it."""
    served: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await serves(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield target_of(Transport.TCP, server.sockets[0].getsockname()[1])
        await asyncio.gather(*filter(None, served))


async def next_request(reader: asyncio.StreamReader) -> Request:
    """The next request of a connection."""
    stream = StreamParser()
    while True:
        stream.feed(await reader.read(65_536))
        for parsed in stream.messages():
            assert isinstance(parsed.message, Request)
            return parsed.message


def target_of(transport: Transport, port: int, ip: str = "127.0.0.1") -> Target:
    """A target on loopback."""
    return Target(transport=transport, address=Address(ip, port), host="sip.test")


async def probe(target: Target, *, method: str = "OPTIONS", within_s: float = 5.0, source_ip: str = "") -> Asked:
    """Ask a target once."""
    async with connected(target, source_ip=source_ip) as driver:
        return await ask(driver, new_dialog(driver, PROBED, caller=CALLER), method, within_s=within_s)


@contextlib.contextmanager
def beside(node: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """A node in a loop and a thread of its own, for what runs a loop itself."""
    with loop_in_thread("node") as run:
        value = run(_enter(node))
        try:
            yield value
        finally:
            run(_leave(node))


async def _enter(node: contextlib.AbstractAsyncContextManager[T]) -> T:
    return await node.__aenter__()


async def _leave(node: contextlib.AbstractAsyncContextManager[T]) -> None:
    await node.__aexit__(None, None, None)
