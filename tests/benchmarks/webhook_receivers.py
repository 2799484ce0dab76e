"""Receivers of webhooks, each in a process of its own, for benchmarks."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from sipctl.telephony.secret import Secret
from sipctl.webhooks.verification import verify

API_KEY = "devkey"
API_SECRET = "a-secret-of-at-least-32-characters"
_KEYS = {API_KEY: Secret(API_SECRET)}


async def takes(request: web.Request) -> web.Response:
    """Reads the body, and takes it."""
    await request.read()
    return web.Response(body=b"{}", content_type="application/json")


async def verifies(request: web.Request) -> web.Response:
    """Reads the body, and takes it if it verifies."""
    verdict = verify(await request.read(), request.headers.get("Authorization", ""), _KEYS, time.time())
    return web.Response(status=401 if verdict.fault else 200, body=b"{}", content_type="application/json")


@contextlib.contextmanager
def receiver(kind: str) -> Iterator[str]:
    """The address of a receiver, while the body runs."""
    words = [sys.executable, "-m", "tests.benchmarks.webhook_receivers", kind]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/hook"
        finally:
            process.kill()


def main(kind: str) -> None:
    application = web.Application()
    application.router.add_post("/hook", {"takes": takes, "verifies": verifies}[kind])

    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    web.run_app(application, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main(sys.argv[1])
