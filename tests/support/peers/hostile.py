"""An aiohttp server on loopback, in a thread of its own, that answers what a test says and counts who asked."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web

from sipctl.operations.loop_thread import loop_in_thread

PROTOBUF = "application/protobuf"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Hostile:
    """A running server: where it is, the paths asked for so far, and whether anyone asked at all."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)


def says(status: int, body: str | bytes = b"", content_type: str = "text/html", **headers: str) -> Answer:
    """Always this answer."""
    data = body.encode() if isinstance(body, str) else body

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=data, headers={"Content-Type": content_type, **headers})

    return answer


async def hangs(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def cuts(request: web.Request) -> web.StreamResponse:
    """Half a body, then the end of the connection."""
    response = web.StreamResponse(headers={"Content-Type": PROTOBUF, "Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    return _closed(request, response)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Not one byte."""
    return _closed(request, web.Response())


def _closed(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport:
        request.transport.close()
    return response


def floods(mebibytes: int) -> Answer:
    """A success of zeros without an end in sight."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": PROTOBUF})
        response.enable_chunked_encoding()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(mebibytes):
                await response.write(bytes(1024 * 1024))
        return response

    return answer


async def echoes_token(request: web.Request) -> web.StreamResponse:
    """A refusal that repeats the token whole, as some versions of LiveKit do."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    text = f"invalid token: {token}, error: token signature is invalid: signature is invalid"
    return web.Response(status=401, text=text)


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one stays."""
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


@contextlib.contextmanager
def hostile(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """A server that gives this answer to every request while the body runs."""
    server = Hostile()

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        server.paths.append(request.path)
        server.asked.set()
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return int(runner.addresses[0][1])

    with loop_in_thread("hostile") as run:
        try:
            server.url = f"http{'s' if tls else ''}://127.0.0.1:{run(start())}"
            yield server
        finally:
            run(runner.cleanup())
