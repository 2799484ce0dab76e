"""A receiver of webhooks that takes only what livekit-api's own WebhookReceiver takes, and keeps every body."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web
from livekit import api

from sipctl.operations.loop_thread import loop_in_thread

Answers = Callable[[int, bytes], Awaitable[web.StreamResponse | None]]
"""What is answered to the delivery of this number (from 0) with this body; None = as LiveKit's receiver judges it."""


async def judged(_number: int, _body: bytes) -> web.StreamResponse | None:
    """Every delivery as LiveKit's receiver judges it."""
    return None


@dataclass
class Receiver:
    """The bodies that were taken, in order; `refused` those that were not."""

    secret: str
    answers: Answers = judged
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    deliveries: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body, token = await request.read(), request.headers.get("Authorization", "")
        number, self.deliveries = self.deliveries, self.deliveries + 1
        planned = await self.answers(number, body)
        if planned is not None:
            return planned
        try:
            api.WebhookReceiver(api.TokenVerifier("devkey", self.secret)).receive(body.decode(), token)
        except Exception:  # noqa: BLE001 - it raises whatever its libraries raise
            self.refused.append(body)
            return web.json_response({"status": "error"}, status=401)
        self.bodies.append(body)
        self.tokens.append(token)
        return web.json_response({"status": "success"})


@contextlib.contextmanager
def running_receiver(secret: str, answers: Answers = judged) -> Iterator[Receiver]:
    """The receiver listening while the body runs."""
    receiver = Receiver(secret, answers)
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    with loop_in_thread("receiver") as run:
        try:
            receiver.url = f"http://127.0.0.1:{run(start())}/hook"
            yield receiver
        finally:
            run(runner.cleanup())
