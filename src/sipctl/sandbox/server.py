"""The sandbox as a whole: in a thread for tests and the demo, in the foreground for `sipctl sandbox run`."""

import asyncio
import gc
import logging
import os
import secrets
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from livekit.protocol.models import ParticipantInfo

from sipctl.command_line import quoted
from sipctl.config.reading import read_text
from sipctl.errors import UncheckedError, UsageError
from sipctl.operations.loop_thread import loop_in_thread
from sipctl.sandbox.api import Api, Call
from sipctl.sandbox.calls import evaluate_call
from sipctl.sandbox.control import Control
from sipctl.sandbox.faults import Fault, Faults
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.store import Store
from sipctl.sandbox.webhook_sender import Sender
from sipctl.telephony.matching.call_reading import call_from_json
from sipctl.telephony.secret import Secret

if TYPE_CHECKING:
    from sipctl.sandbox.sip.node import SipNode

HOST: Final = "127.0.0.1"
DEFAULT_KEY: Final = "devkey"
_SECRET_BYTES: Final = 24


class Sandbox:
    """A LiveKit-compatible server. Its methods may be called from any thread while it runs."""

    def __init__(
        self, *, api_key: str = DEFAULT_KEY, api_secret: str = "", store: Store | None = None,
        with_sip: bool = False, webhooks: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.store = store or Store()
        self.api_key = api_key
        self.api_secret = Secret(api_secret or secrets.token_urlsafe(_SECRET_BYTES))
        self.port = 0
        self._api = Api(self.store, self.api_key, self.api_secret)
        self.webhooks = Sender(self.store, self._api.faults, self.api_key, self.api_secret, tuple(webhooks))
        self._runner: web.AppRunner | None = None
        self.sip = _sip_node(self.store, self._api.faults) if with_sip else None
        """The SIP node, if there is one."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def calls(self) -> deque[Call]:
        """The latest calls received, oldest first."""
        return self._api.calls

    def join(self, room: str, identity: str, *, kind: str = "STANDARD", name: str = "") -> ParticipantInfo:
        """Let someone into a room; `kind` SIP is a phone caller."""
        return self.store.join(room, identity, kind=kind, name=name)

    def leave(self, room: str, identity: str) -> bool:
        """Take someone out of a room; whether they were in."""
        return self.store.leave(room, identity)

    def fault(self, text: str, *, times: int = 0) -> None:
        """Plant a fault, written `NAME[=VALUE][@METHOD]`; `times` 0 = until it is lifted.

        Raises:
            UsageError: it is none, a number is out of its bounds, or there are too many.
        """
        self._api.faults.plant(Fault.parse(text, times=times), self.store)

    def lift_faults(self) -> None:
        """End every fault."""
        self._api.faults.lift(self.store)

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            UsageError: further than the clock goes.
        """
        self.store.clock.advance(seconds)

    def call(self, **row: str | None) -> dict[str, Any]:
        """What becomes of a call, as livekit-sip would learn it: `to`, `from`, `source_ip`, `pin` … as in call files.

        No one joins a room by it.

        Raises:
            UsageError: that is no call.
        """
        return evaluate_call(self.store, call_from_json(row))

    async def start(self, port: int = 0, sip_port: int = 0) -> None:
        """Listen on loopback; port 0 = any free one.

        Raises:
            UncheckedError: the port is taken.
        """
        application = self._api.application()
        Control(self.store, self._api.faults).add_to(application.router)
        application.router.add_route("*", "/{tail:.*}", self._api.handle)
        self._runner = web.AppRunner(
            application, access_log=None, auto_decompress=False, shutdown_timeout=0.1, logger=_logger()
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UncheckedError(f"cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}") from error
        self.port = int(self._runner.addresses[0][1])
        if self.sip:
            await self.sip.start(sip_port)
        if self.webhooks.urls:
            await self.webhooks.start()

    async def stop(self) -> None:
        """Close every connection."""
        await self.webhooks.stop()
        if self._runner:
            await self._runner.cleanup()
        if self.sip:
            await self.sip.stop()
            self.sip.close()


def _sip_node(store: Store, faults: Faults) -> "SipNode":
    """A SIP node that is not started; cryptography takes 0.1 s to import, and few need it."""
    from sipctl.sandbox.sip.node import SipNode  # noqa: PLC0415

    return SipNode(store, faults)


def _logger() -> logging.Logger:
    """Where aiohttp writes the traceback of a fault of ours, and of no other."""
    logger = logging.getLogger("sipctl.sandbox")
    logger.addFilter(_is_our_fault)
    return logger


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whether the sandbox could have done better: not if the client died, or spoke no HTTP."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, ConnectionError | HttpProcessingError)


@contextmanager
def running_sandbox(sandbox: Sandbox | None = None, port: int = 0) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of its own while the body runs."""
    sandbox = sandbox or Sandbox()
    with loop_in_thread("sandbox") as run:
        try:
            run(sandbox.start(port))
            yield sandbox
        finally:
            run(sandbox.stop())


def serve(
    *,
    port: int,
    api_key: str,
    secret_file: Path | None,
    seed: Path | None,
    faults: Iterable[str],
    env_out: Path | None,
    sip_port: int | None,
    webhooks: Iterable[str],
    announce: Callable[[str], None],
) -> None:
    """Run the sandbox until SIGINT or SIGTERM. A random secret is announced, once; a secret from a file is not.

    Raises:
        UsageError: the secret is empty, the seed is no snapshot, or there is no such fault.
        UncheckedError: the port is taken.
    """
    secret = read_text(secret_file).removesuffix("\n") if secret_file else ""
    if secret_file and not secret:
        raise UsageError(f"{secret_file} is empty", hint="put the API secret into it")
    gc.enable()  # short commands run without; this one may run for weeks
    sandbox = Sandbox(api_key=api_key, api_secret=secret, with_sip=sip_port is not None, webhooks=webhooks)
    if seed:
        plant_snapshot(sandbox.store, read_text(seed))
    for fault in faults:
        sandbox.fault(fault)
    asyncio.run(_serve(sandbox, (port, sip_port or 0), env_out, announce, show_secret=not secret_file))


async def _serve(
    sandbox: Sandbox,
    ports: tuple[int, int],
    env_out: Path | None,
    announce: Callable[[str], None],
    *,
    show_secret: bool,
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await sandbox.start(*ports)
    try:
        environment = {"LIVEKIT_URL": sandbox.url, "LIVEKIT_API_KEY": sandbox.api_key}
        if sandbox.sip:
            environment["SIPCTL_SIP_HOST"] = f"sip:{HOST}:{sandbox.sip.port}"
        secret = sandbox.api_secret.reveal()
        if env_out:
            _write_env(env_out, {**environment, "LIVEKIT_API_SECRET": secret})
        for name, value in {**environment, **({"LIVEKIT_API_SECRET": secret} if show_secret else {})}.items():
            announce(f"export {name}={quoted(value)}")
        if sandbox.sip:
            announce(f"# TLS: sips:{HOST}:{sandbox.sip.port + 1}, SSL_CERT_FILE={sandbox.sip.certificates.authority}")
        await ended.wait()
    finally:
        await sandbox.stop()


def _write_env(path: Path, environment: dict[str, str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)  # the file may have been there before
            file.writelines(f"{name}={value}\n" for name, value in environment.items())
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}") from error
