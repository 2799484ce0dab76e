"""Listening to webhooks: each delivery is on the disk before it is answered, here or by the backend behind."""

import asyncio
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import aiohttp
from aiohttp import web

from sipctl.config.model import Connection
from sipctl.errors import SipctlError
from sipctl.webhooks.delivery import client_session
from sipctl.webhooks.receiver import Address, Delivery, Receiver
from sipctl.webhooks.recording import EventLog, Recorder, forwarded_line, line_of
from sipctl.webhooks.redaction import Redactor

_OF_THE_HOP: Final = frozenset({
    "connection", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers of one connection (RFC 9110 7.6.1), which the next one gets of its own."""
_ANSWER_LIMIT: Final = 64 * 1024
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is done with deliveries: written to a file, rotated at so many bytes; forwarded within so many seconds."""

    bind: Address
    write: Path | None
    rotate_bytes: int
    forward: str
    timeout_s: float
    redact: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A delivery, and what was answered; `failure` says why it could not be recorded or forwarded."""

    delivery: Delivery
    status: int
    failure: str = ""


@dataclass(slots=True)
class Listener:
    """Handles deliveries. `hear` is given each with its answer."""

    wishes: Wishes
    hear: Callable[[Heard], None]
    recorder: Recorder | None = None
    session: aiohttp.ClientSession | None = None
    redactor: Redactor | None = None

    async def handle(self, delivery: Delivery) -> web.Response:
        """Record, then answer. What cannot be recorded gets 503, so that LiveKit sends it again."""
        try:
            if self.recorder:
                await self.recorder.write(line_of(delivery, self.redactor))
        except (OSError, SipctlError) as error:
            self.hear(Heard(delivery, 503, f"not recorded: {_reason(error)}"))
            return web.Response(status=503)
        if self.session:
            return await self._forwarded(self.session, delivery)
        status = 401 if delivery.verdict.fault else 200
        self.hear(Heard(delivery, status))
        return web.json_response({"status": "error" if delivery.verdict.fault else "success"}, status=status)

    async def _forwarded(self, session: aiohttp.ClientSession, delivery: Delivery) -> web.Response:
        """What the backend answers; 502 or 504 if it does not, at which LiveKit tries again or would wait."""
        began, failure = monotonic(), ""
        headers = {name: value for name, value in delivery.headers.items() if name.lower() not in _OF_THE_HOP}
        limit = aiohttp.ClientTimeout(total=self.wishes.timeout_s)
        try:
            async with session.post(
                self.wishes.forward, data=delivery.body, headers=headers, allow_redirects=False, timeout=limit
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_THE_HOP}
                response = web.Response(
                    status=answer.status, body=await answer.content.read(_ANSWER_LIMIT), headers=kept
                )
        except (aiohttp.ClientError, OSError) as error:
            failure = "the backend did not answer in time" if isinstance(error, TimeoutError) else "no backend answers"
            response = web.Response(status=504 if isinstance(error, TimeoutError) else 502)
        if self.recorder:
            status = 0 if failure else response.status
            self.recorder.write_later(forwarded_line(delivery.number, status, monotonic() - began))
        self.hear(Heard(delivery, response.status, failure))
        return response


def _reason(error: OSError | SipctlError) -> str:
    return error.message if isinstance(error, SipctlError) else error.strerror or type(error).__name__


async def listen(
    connection: Connection, wishes: Wishes, announce: Callable[[str], None], hear: Callable[[Heard], None]
) -> None:
    """Listen until SIGINT or SIGTERM; `announce` is given the address.

    Raises:
        UncheckedError: the port is taken, or the file cannot be written.
        ChangedError: another process records to the file.
    """
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        listener = Listener(wishes, hear, redactor=Redactor(secrets.token_bytes(_KEY_BYTES)) if wishes.redact else None)
        if wishes.write:
            log = EventLog.opened(wishes.write, wishes.rotate_bytes)
            stack.callback(log.close)
            listener.recorder = Recorder(log)
            stack.push_async_callback(listener.recorder.flush)
        if wishes.forward:
            listener.session = await stack.enter_async_context(client_session(wishes.forward))
        receiver = Receiver({connection.api_key: connection.api_secret}, listener.handle)
        await receiver.start(wishes.bind)
        stack.push_async_callback(receiver.stop)
        announce(receiver.url)
        await ended.wait()
