"""A backend that answers webhooks as Meet does, and writes dispatch rules as Meet does, on loopback."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import web
from livekit import api

from sipctl.sandbox.server import Sandbox
from sipctl.sandbox.thread import loop_in_thread
from tests.support.peers.livekit import RealLiveKit

PATH = "/api/v1.0/rooms/webhooks-livekit/"


@dataclass
class Backend:
    """Rooms by their UUID and what this backend was told; `mood` is how it takes events.

    works, ignores (200, and nothing happens), refuses (500), moved (301), slow (writes the rule after a while).
    """

    server: Sandbox | RealLiveKit
    pins: dict[str, str | None]
    secret: str = ""
    mood: str = "works"
    url: str = ""
    events: list[tuple[str, str]] = field(default_factory=list)
    late: list[asyncio.Task[None]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body, token = (await request.read()).decode(), request.headers.get("Authorization")
        if token is None:
            return web.json_response({"status": "error"}, status=401)
        key, secret = self.server.api_key, self.secret or self.server.api_secret.reveal()
        try:
            event = api.WebhookReceiver(api.TokenVerifier(key, secret)).receive(body, token)
        except Exception:  # noqa: BLE001 - as Meet does: the receiver raises whatever its libraries raise
            return web.json_response({"status": "error"}, status=400)
        self.events.append((event.event, event.room.name))
        if self.mood == "moved":
            raise web.HTTPMovedPermanently(f"{request.path}/")
        if self.mood == "refuses":
            return web.json_response({"status": "error"}, status=500)
        return await self._work(event.event, event.room.name)

    async def _work(self, event: str, room: str) -> web.Response:
        if self.mood == "ignores":
            return web.json_response({"status": "success"})
        if event not in {"room_started", "room_finished"}:
            return web.json_response({"status": "error"}, status=422)
        try:
            room = str(uuid.UUID(room))
        except ValueError:
            return web.json_response({"status": "error"}, status=500)
        if self.mood == "slow":
            self.late.append(asyncio.create_task(self._later(event, room)))
            return web.json_response({"status": "success"})
        return await self._write(event, room)

    async def _later(self, event: str, room: str) -> None:
        await asyncio.sleep(0.3)
        await self._write(event, room)

    async def _write(self, event: str, room: str) -> web.Response:
        async with api.LiveKitAPI(self.server.url, self.server.api_key, self.server.api_secret.reveal()) as livekit:
            listed = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
            mine = [rule.sip_dispatch_rule_id for rule in listed.items if rule.name == f"SIP_{room}"]
            if event == "room_finished":
                for identifier in mine:
                    request = api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=identifier)
                    await livekit.sip.delete_dispatch_rule(request)
            elif room not in self.pins:
                return web.json_response({"status": "error"}, status=500)
            elif not mine:
                direct = api.SIPDispatchRuleDirect(room_name=room, pin=str(self.pins[room]))
                rule = api.SIPDispatchRule(dispatch_rule_direct=direct)
                await livekit.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(rule=rule, name=f"SIP_{room}"))
        return web.json_response({"status": "success"})


@contextlib.contextmanager
def running_backend(backend: Backend) -> Iterator[Backend]:
    """The backend listening while the body runs."""
    application = web.Application()
    application.router.add_post(PATH, backend.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

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
