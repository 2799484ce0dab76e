"""The one place where client transactions meet sockets and time: feed, drain, transmit, re-arm.

Whatever arrives or falls due goes to the transactions of a link; what they want to send goes out, what they report
becomes a happening, and one timer is set for the next thing that falls due.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sipctl.sip.errors import Fault, FramingError, Unframed
from sipctl.sip.message import Message, Request, Response
from sipctl.sip.parser import Parsed, StreamParser, parse
from sipctl.sip.transaction import ClientTransaction, State
from sipctl.transport.link import Link, LinkError, Trouble
from sipctl.transport.targets import Address, Target, Transport
from sipctl.transport.tcp import StreamLink
from sipctl.transport.udp import UdpLink

if TYPE_CHECKING:
    from sipctl.transport.tls import TlsFacts

MAX_STRAYS: Final = 20
"""How many things that answer nothing are reported of one link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response to a request of ours.

    `delay_s` counts from the first send. Where `sends` is more than one, any of them may have been answered, so it is
    no round trip. `source` is where the response came from, `faults` what is wrong with it.
    """

    request: Request
    response: Response
    faults: tuple[Fault, ...]
    source: Address
    delay_s: float
    sends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A request had no final response within the time of RFC 3261."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """What arrived and answers nothing: a message of another transaction, a request, or bytes that are no message."""

    source: Address
    message: Message | None = None
    faults: tuple[Fault, ...] = ()
    unframed: Unframed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The target refused a datagram, or the connection has ended."""

    error: LinkError


Happening = Answer | Unanswered | Stray | Broken


class Driver:
    """The transactions of one link."""

    link: Link
    tls: "TlsFacts | None" = None

    def __init__(self, transport: Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_reliable = transport is not Transport.UDP
        self._is_readable = True
        self._transactions: list[ClientTransaction] = []
        self._stream = StreamParser()
        self._happened: asyncio.Queue[Happening] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._strays = 0

    def start(self, request: Request) -> ClientTransaction:
        """Send a request in a transaction of its own."""
        transaction = ClientTransaction(request, self._loop.time(), self._is_reliable)
        self._transactions.append(transaction)
        self._drain()
        return transaction

    def send(self, request: Request) -> None:
        """Send a request that nothing answers: the ACK of a 2xx."""
        self.link.send(bytes(request))

    async def next(self, within_s: float) -> Happening | None:
        """What happens next; None = nothing within this time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._happened.get()
        except TimeoutError:
            return None

    def close(self) -> None:
        """Forget all transactions and free the socket."""
        self._transactions.clear()
        self._rearm()
        self.link.close()

    def received(self, data: bytes, source: Address) -> None:
        """Feed a datagram, or a piece of a stream, to the transactions."""
        try:
            for parsed in self._messages(data):
                self._take(parsed, source)
        except FramingError as error:
            self._note_unframed(error, source)
        self._drain()

    def broke(self, error: LinkError) -> None:
        """Report that the target refused, or that the connection has ended, and within what."""
        if not self._is_readable:
            return
        try:
            if error.trouble is Trouble.CLOSED and self._stream.end():
                error = LinkError(Trouble.CLOSED, "within a message")
        except FramingError as unframed:
            error = LinkError(Trouble.NOT_SIP, str(unframed))
        self._happened.put_nowait(Broken(error=error))

    def _messages(self, data: bytes) -> Iterator[Parsed]:
        if not self._is_reliable:
            yield parse(data)
        elif self._is_readable:
            self._stream.feed(data)
            yield from self._stream.messages()

    def _note_unframed(self, error: FramingError, source: Address) -> None:
        """A keep-alive is nothing to report. A stream can be read no further."""
        if self._is_reliable:
            self.broke(LinkError(Trouble.NOT_SIP, str(error)))
            self._is_readable = False
        elif error.reason is not Unframed.EMPTY:
            self._note_stray(Stray(source=source, unframed=error.reason))

    def _take(self, parsed: Parsed, source: Address) -> None:
        message, faults = parsed
        if isinstance(message, Response):
            for transaction in self._transactions:
                if transaction.matches(message):
                    self._answer(transaction, message, faults, source)
                    return
        self._note_stray(Stray(source=source, message=message, faults=faults))

    def _answer(
        self, transaction: ClientTransaction, response: Response, faults: tuple[Fault, ...], source: Address
    ) -> None:
        now = self._loop.time()
        answer = Answer(
            request=transaction.request,
            response=response,
            faults=faults,
            source=source,
            delay_s=now - transaction.started,
            sends=transaction.sends,
        )
        if transaction.receive(response, now):
            self._happened.put_nowait(answer)

    def _note_stray(self, stray: Stray) -> None:
        self._strays += 1
        if self._strays <= MAX_STRAYS:
            self._happened.put_nowait(stray)

    def _fire(self, due: float) -> None:
        """Do what is due. The loop may come a moment early, by the resolution of its clock."""
        now = max(due, self._loop.time())
        for transaction in self._transactions:
            if transaction.on_timer(now):
                self._happened.put_nowait(Unanswered(request=transaction.request))
        self._drain()

    def _drain(self) -> None:
        """Send what is to be sent, forget what has ended."""
        for transaction in self._transactions:
            for data in transaction.outbox:
                self.link.send(data)
            transaction.outbox.clear()
        self._transactions = [one for one in self._transactions if one.state is not State.TERMINATED]
        self._rearm()

    def _rearm(self) -> None:
        if self._timer:
            self._timer.cancel()
        timers = [timer for one in self._transactions if (timer := one.next_timer()) is not None]
        self._timer = self._loop.call_at(min(timers), self._fire, min(timers)) if timers else None


@asynccontextmanager
async def connected(
    target: Target, *, domain: str = "", source_ip: str = "", within_s: float = 5.0
) -> AsyncIterator[Driver]:
    """A driver with a link to a target.

    `domain` is the host of the URI, for which a certificate must be valid ("" = the target's host), `source_ip` our
    own address ("" = as routing chooses); `within_s` limits the connection and its handshake.

    Raises:
        LinkError: no link could be made; a `TlsError` says what the handshake showed.
    """
    driver = Driver(target.transport)
    deadline = asyncio.get_running_loop().time() + within_s
    await _link(driver, target, domain or target.host, source_ip, deadline)
    try:
        yield driver
    finally:
        driver.close()


async def _link(driver: Driver, target: Target, domain: str, source_ip: str, deadline: float) -> None:
    if target.transport is Transport.UDP:
        driver.link = UdpLink.open(target.address, driver, source_ip)
    elif target.transport is Transport.TCP:
        driver.link = await StreamLink.open(target, driver, source_ip, deadline)
    else:
        from sipctl.transport.tls import open_tls  # noqa: PLC0415 - only TLS waits for the import of cryptography

        driver.link, driver.tls = await open_tls(target, domain, driver, source_ip, deadline)
