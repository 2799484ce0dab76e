"""Meet's side of LiveKit's webhooks on loopback: the same answers, the same dispatch rules, the same config API.

What it answers was measured on Meet 1.27.0: its webhook endpoint in Development and in Production, and what Django
does before a request gets there.
"""

import asyncio
import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from livekit import api
from livekit.protocol.webhook import WebhookEvent

from sipctl.operations.loop_thread import loop_in_thread
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit

PATH = "/api/v1.0/rooms/webhooks-livekit/"
CONFIG_PATH = "/api/v1.0/config/"

_KNOWN: Final = frozenset(
    ["participant_joined", "participant_left", "track_published", "track_unpublished", "egress_started"]
)
"""Events that Meet knows and does nothing about."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Backend:
    """A Meet: its rooms with their PINs, its settings, and the events it was sent.

    `pins` are by UUID, None = NULL. `mood` is how it takes events: works, ignores (200, and nothing happens), refuses
    (500), slow (writes the rule after a while). `production` = Meet's Production settings, as a proxy that ends TLS
    serves them unless `is_https` is off; `hosts` are the names it is served by. `number` and `country` are what the
    running process read when it was started. `before_writing` and `after_writing` happen around its writes of rules.
    """

    server: Sandbox | RealLiveKit
    pins: Mapping[str, str | None]
    secret: str = ""
    mood: str = "works"
    production: bool = False
    is_https: bool = False
    hosts: tuple[str, ...] = ("127.0.0.1",)
    telephony: bool = True
    roomkit: bool = False
    number: str = ""
    country: str = "FR"
    room_filter: str = ""
    url: str = ""
    before_writing: Callable[[], object] = lambda: None
    after_writing: Callable[[], object] = lambda: None
    events: list[tuple[str, str]] = field(default_factory=list)
    late: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def application(self) -> web.Application:
        """What listens."""
        application = web.Application(middlewares=[self._django])
        application.router.add_post(PATH, self._webhook)
        application.router.add_get(CONFIG_PATH, self._config)
        return application

    @web.middleware
    async def _django(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What Django's middlewares answer, before and after a view."""
        if self.production and request.url.host not in self.hosts:
            return web.Response(status=400, text="<h1>Bad Request (400)</h1>", content_type="text/html")
        if self.production and not self.is_https:
            raise web.HTTPMovedPermanently(str(request.url.with_scheme("https")))
        if f"{request.path}/" in {PATH, CONFIG_PATH}:
            if self.production or request.method == "GET":
                raise web.HTTPMovedPermanently(f"{request.path}/")
            return web.Response(status=500, text="<h1>RuntimeError</h1>", content_type="text/html")
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed:
            return web.json_response({"detail": "Method not allowed."}, status=405)

    async def _config(self, _request: web.Request) -> web.Response:
        shown: dict[str, Any] = {"enabled": False}
        if self.telephony and self.number and self.country:
            shown = {
                "enabled": True, "default_country": self.country, "international_phone_number": self.number,
            }  # fmt: skip
        return web.json_response({"telephony": shown, "livekit": {"url": self.server.url}})

    async def _webhook(self, request: web.Request) -> web.Response:
        body, token = await request.read(), request.headers.get("Authorization")
        if token is None:
            return _error(401)
        key, secret = self.server.api_key, self.secret or self.server.api_secret.reveal()
        try:
            event = api.WebhookReceiver(api.TokenVerifier(key, secret)).receive(body.decode(), token)
        except Exception:  # noqa: BLE001 - as Meet does: the receiver raises whatever its libraries raise
            return _error(400)
        self.events.append((event.event, event.room.name))
        if self.mood == "refuses":
            return _error(500)
        return _done() if self.mood == "ignores" else await self._handle(event)

    async def _handle(self, event: WebhookEvent) -> web.Response:
        name = event.room.name
        is_other = self.room_filter and not re.search(self.room_filter, name)
        if is_other or name.startswith("connection-test-") or event.event in _KNOWN:
            return _done()
        if event.event not in {"room_started", "room_finished"}:
            return _error(422)
        try:
            room = str(uuid.UUID(name))
        except ValueError:
            return _error(500)
        if self.mood == "slow":
            self.late.append(asyncio.create_task(self._later(event.event, room)))
            return _done()
        return await self._write(event.event, room)

    async def _later(self, event: str, room: str) -> None:
        await asyncio.sleep(0.3)
        await self._write(event, room)

    async def _write(self, event: str, room: str) -> web.Response:
        """Create the rule of a room that started, or delete those of one that ended; neither while it is off."""
        if event == "room_started" and room not in self.pins:
            return _error(500)
        if not (self.telephony or self.roomkit):
            return _done()
        url, key, secret = self.server.url, self.server.api_key, self.server.api_secret.reveal()
        await asyncio.to_thread(self.before_writing)
        try:
            async with api.LiveKitAPI(url, key, secret) as livekit:
                await (self._ensure(livekit, room) if event == "room_started" else self._delete(livekit, room))
            await asyncio.to_thread(self.after_writing)
        except api.TwirpError:
            return _error(500)
        return _done()

    async def _ensure(self, livekit: api.LiveKitAPI, room: str) -> None:
        """Meet compares names alone; a PIN that is NULL becomes its text."""
        if not await self._ids_of(livekit, room):
            direct = api.SIPDispatchRuleDirect(room_name=room, pin=str(self.pins[room]))
            rule = api.SIPDispatchRule(dispatch_rule_direct=direct)
            await livekit.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(rule=rule, name=f"SIP_{room}"))

    async def _delete(self, livekit: api.LiveKitAPI, room: str) -> None:
        for identifier in await self._ids_of(livekit, room):
            await livekit.sip.delete_dispatch_rule(api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=identifier))

    async def _ids_of(self, livekit: api.LiveKitAPI, room: str) -> list[str]:
        listed = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
        return [rule.sip_dispatch_rule_id for rule in listed.items if rule.name == f"SIP_{room}"]


def _done() -> web.Response:
    return web.json_response({"status": "success"})


def _error(status: int) -> web.Response:
    return web.json_response({"status": "error"}, status=status)


@contextlib.contextmanager
def running_backend(backend: Backend) -> Iterator[Backend]:
    """The backend listening while the body runs."""
    runner = web.AppRunner(backend.application, access_log=None, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    async def stop() -> None:
        await asyncio.gather(*backend.late, return_exceptions=True)
        await runner.cleanup()

    with loop_in_thread("backend") as run:
        try:
            backend.url = f"http://127.0.0.1:{run(start())}{PATH}"
            yield backend
        finally:
            run(stop())
