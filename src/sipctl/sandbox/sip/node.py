"""The SIP node on the network: UDP and TCP on one port, TLS on the next one, on loopback alone."""

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from sipctl.errors import UncheckedError
from sipctl.sandbox.faults import Fault, Faults
from sipctl.sandbox.sip.answers import Answers, Step
from sipctl.sandbox.sip.certificates import Certificates
from sipctl.sandbox.sip.mischief import Mischief
from sipctl.sandbox.sip.replies import reply
from sipctl.sandbox.store import Store
from sipctl.sip.errors import BuildError, FramingError
from sipctl.sip.message import Request
from sipctl.sip.parser import Parsed, StreamParser, parse
from sipctl.transport.targets import Address, Transport

HOST: Final = "127.0.0.1"
_TRIES: Final = 50
_REMEMBERED: Final = 1000
"""Calls that are kept before those that have ended are forgotten."""


@dataclass(slots=True)
class _Ringing:
    """A call that is not decided: its INVITE, and what is still to be sent."""

    request: Request
    tag: str
    due: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Whether something is still to be sent."""
        return any(due.when() > asyncio.get_running_loop().time() and not due.cancelled() for due in self.due)


class SipNode:
    """A SIP node. `port` takes UDP and TCP, the port after it TLS."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self.port = 0
        self.certificates = Certificates()
        self._faults = faults
        self._answers = Answers(store)
        self._mischief = Mischief()
        self._ringing: dict[str, _Ringing] = {}
        self._udp: asyncio.DatagramTransport | None = None
        self._servers: list[asyncio.Server] = []

    async def start(self, port: int = 0) -> None:
        """Listen; port 0 = any that is free, with the one after it.

        Raises:
            UncheckedError: a port is taken.
        """
        for attempt in range(1 if port else _TRIES):
            try:
                await self._listen(port)
            except OSError as error:
                await self.stop()
                if port or attempt == _TRIES - 1:
                    words = os.strerror(error.errno or 0)
                    raise UncheckedError(f"cannot listen on {HOST}:{port} and the port after it: {words}") from error
            else:
                return

    async def _listen(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(HOST, port))
        self.port = int(self._udp.get_extra_info("sockname")[1])
        context = self.certificates.context(lambda: self._faults.of_certificates)
        for at, (name, tls) in enumerate(((Transport.TCP, None), (Transport.TLS, context))):
            made = lambda name=name: _Stream(self, name)  # noqa: E731 - a name for each of the two
            self._servers.append(await loop.create_server(made, HOST, self.port + at, ssl=tls))

    async def stop(self) -> None:
        """Close every socket and forget every call."""
        for call in self._ringing.values():
            for due in call.due:
                due.cancel()
        self._ringing.clear()
        if self._udp:
            self._udp.close()
        for server in self._servers:
            server.close()
        self._udp, self._servers = None, []

    def close(self) -> None:
        """Delete the certificates."""
        self.certificates.close()

    def take(self, parsed: Parsed, source: Address, over: "_Datagrams | _Stream") -> None:
        """Answer a message, as the faults in force allow."""
        message = parsed.message
        method = message.method if isinstance(message, Request) else ""
        struck = self._faults.strike(method, of_sip=True) if method else []
        delay_s = self._mischief.delay_s(struck)
        if delay_s is None:
            return
        steps: Iterable[Step] = self._answers.steps(parsed, source, over.transport, self.port)
        if not isinstance(message, Request) or self._is_ringing(message):
            return
        with suppress(BuildError):  # what is to be copied into the answer would break it
            if message.method == "CANCEL":
                steps = self._cancelled(message, source)
            steps = self._mischief.busy(struck, message, source) or steps
            self._schedule(message, steps, struck, delay_s, source, over)

    def _schedule(
        self, request: Request, steps: Iterable[Step], struck: list[Fault], delay_s: float, source: Address,
        over: "_Datagrams | _Stream",
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        call = _Ringing(request, "")
        for step in steps:
            call.tag = step.response.to.tag if step.response.to else ""
            data = self._mischief.spoilt(struck, step.response)
            send = over.send_elsewhere if self._mischief.is_elsewhere(struck) else over.send
            if step.after_s + delay_s <= 0:
                send(data, source)
            else:
                call.due.append(loop.call_later(step.after_s + delay_s, send, data, source))
        via = request.via
        if request.method == "INVITE" and via and call.due:
            self._forget_ended()
            self._ringing[via.branch] = call

    def _is_ringing(self, request: Request) -> bool:
        """Whether an INVITE only repeats one that is not decided."""
        call = self._ringing.get(request.via.branch) if request.via and request.method == "INVITE" else None
        return call is not None and call.is_live

    def _forget_ended(self) -> None:
        if len(self._ringing) >= _REMEMBERED:
            self._ringing = {branch: call for branch, call in self._ringing.items() if call.is_live}

    def _cancelled(self, request: Request, source: Address) -> Iterable[Step]:
        """A call that still rings is ended (RFC 3261 9.2); LiveKit answers nothing for one that it has dropped."""
        call = self._ringing.pop(request.via.branch, None) if request.via else None
        if call is None or not call.is_live:
            return []
        for due in call.due:
            due.cancel()
        return [
            Step(0.0, reply(request, 200, "OK", source, tag=call.tag)),
            Step(0.001, reply(call.request, 487, "Request Terminated", source, tag=call.tag)),
        ]


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP side."""

    transport: Final = Transport.UDP

    def __init__(self, node: SipNode) -> None:
        self._node = node

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(FramingError):
            self._node.take(parse(data), Address(*addr), self)

    def send(self, data: bytes, to: Address) -> None:
        """Answer from the port that was asked."""
        if not self._socket.is_closing():
            self._socket.sendto(data, (to.ip, to.port))

    def send_elsewhere(self, data: bytes, to: Address) -> None:
        """Answer from another port, as a broken NAT lets it look."""
        Mischief.send_from_another_port(data, to)


class _Stream(asyncio.Protocol):
    """One connection, over TCP or TLS."""

    def __init__(self, node: SipNode, transport: Transport) -> None:
        self._node = node
        self.transport = transport
        self._parser = StreamParser()
        self._is_deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection = cast("asyncio.WriteTransport", transport)
        ip, port, *_ = transport.get_extra_info("peername")
        self._peer = Address(ip, port)

    def data_received(self, data: bytes) -> None:
        """A segment that is no SIP is dropped; after one that begins as another protocol does, nothing is heard."""
        if self._is_deaf:
            return
        try:
            if not self._parser.end() and self._is_foreign(data):
                return
            self._parser.feed(data)
            for parsed in self._parser.messages():
                if parsed.message.headers.has("Content-Length"):  # LiveKit waits for ever for the end of others
                    self._node.take(parsed, self._peer, self)
        except FramingError:
            self._parser = StreamParser()

    def _is_foreign(self, data: bytes) -> bool:
        """Whether a segment begins with a line of something else."""
        line, end, _ = data.partition(b"\n")
        if not end or b"SIP/" in line or not line.strip():
            return False
        self._is_deaf = line.count(b" ") == 2
        return True

    def send(self, data: bytes, _to: Address) -> None:
        """Answer on the same connection."""
        if not self._connection.is_closing():
            self._connection.write(data)

    send_elsewhere = send
