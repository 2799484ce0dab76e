"""Webhooks: a replay against a bare loop that signs and posts the same, and how much memory a long file takes."""

import asyncio
import base64
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import jwt

from sipctl.operations.batch import StopSwitch
from sipctl.operations.webhooks.replay import Demands, Pace, Replay
from sipctl.operations.webhooks.target import Target
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.telephony.secret import Secret
from sipctl.webhooks.event_files import EventFiles
from sipctl.webhooks.signing import sign
from tests.benchmarks.ratios import best, show
from tests.benchmarks.webhook_receivers import API_KEY, API_SECRET, receiver
from tests.support.running import server_env
from tests.support.serving import serving
from tests.support.webhooks import recorded

EVENTS = 10_000
ROOMS = 50
LONG = 200_000
LIVE = 500


def lines(count: int) -> Iterator[str]:
    """Recorded deliveries over and over, in 50 rooms."""
    bodies = [event.body.decode() for event in recorded()]
    for number in range(count):
        value = json.loads(bodies[number % len(bodies)])
        value["room"] = value.get("room", {}) | {"name": f"room-{number % ROOMS}"}
        yield json.dumps({"n": number, "headers": {}, "body": json.dumps(value)}) + "\n"


def replay(path: Path, url: str) -> None:
    async def run() -> None:
        target = Target(url=url, api_key=API_KEY, api_secret=Secret(API_SECRET), timeout_s=60)
        files = EventFiles.named([path], print)
        tally = await Replay(target, Pace(), Demands(), StopSwitch()).run(files.read())
        assert tally.acknowledged == EVENTS

    asyncio.run(run())


def bare(path: Path, url: str) -> None:
    """As many at once, and in no order."""

    async def run() -> None:
        with path.open() as file:
            waiting = iter(file)
            async with aiohttp.ClientSession() as session:
                await asyncio.gather(*(worker(session, waiting) for _ in range(16)))

    async def worker(session: aiohttp.ClientSession, waiting: Iterator[str]) -> None:
        for line in waiting:
            body = json.loads(line)["body"].encode()
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            now = int(time.time())
            claims = {"iss": API_KEY, "iat": now, "nbf": now, "exp": now + 300, "sha256": digest}
            headers = {"Authorization": jwt.encode(claims, API_SECRET), "Content-Type": "application/webhook+json"}
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

    asyncio.run(run())


def peak_of(path: Path) -> int:
    """The most memory, in KiB, of a process that reads this file and lists its events."""
    words = [sys.executable, "-m", "sipctl", "webhook", "replay", str(path), "--dry-run", "-o", "name"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True, env={"PYTHONPATH": "src", "HOME": "/nonexistent"})
    return max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def requests(url: str, count: int = 2000, at_once: int = 16) -> list[float]:
    """How long each of so many signed deliveries takes, in seconds."""
    taken: list[float] = []

    async def run() -> None:
        waiting = iter(range(count))
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(worker(session, waiting) for _ in range(at_once)))

    async def worker(session: aiohttp.ClientSession, waiting: Iterator[int]) -> None:
        for number in waiting:
            body = json.dumps({"event": "track_published", "room": {"name": f"room-{number % LIVE}"}}).encode()
            token = sign(body, API_KEY, Secret(API_SECRET), time.time())
            began = time.perf_counter()
            async with session.post(url, data=body, headers={"Authorization": token}) as answer:
                await answer.read()
                assert answer.status == 200
            taken.append(time.perf_counter() - began)

    asyncio.run(run())
    return sorted(taken)


def receivers(folder: str) -> None:
    """`listen` and `serve` against a handler that only verifies; `serve` while it brings 500 rooms in order."""
    folders = {f"SIPCTL_{name}_DIR": f"{folder}/{name.lower()}" for name in ("STATE", "DATA")}
    os.environ.update(folders, XDG_CONFIG_HOME=folder)
    with receiver("verifies") as url:
        floor = best(lambda: requests(url), 3)
    env = server_env("http://127.0.0.1:1", API_SECRET)
    with serving("webhook", "listen", "--quiet", env=env) as listening:
        show("2000 deliveries to listen", best(lambda: requests(listening.url), 3), floor, 2)
    with serving("webhook", "listen", "--quiet", "--write", f"{folder}/events.jsonl", env=env) as listening:
        show("2000 deliveries to listen --write", best(lambda: requests(listening.url), 3), floor, 3)
    sandbox = Sandbox(api_secret=API_SECRET)
    with running_sandbox(sandbox):
        for number in range(LIVE):
            sandbox.join(f"room-{number}", "alice")
        words = ("webhook", "serve", "--quiet", "--assign", "--bind", "127.0.0.1:0")
        with serving(*words, env=server_env(sandbox.url, API_SECRET)) as serve:
            taken = requests(serve.url, 500, at_once=1)
        p99 = taken[int(len(taken) * 0.99)] * 1000
        sys.stdout.write(f"serve answers while it brings {LIVE} rooms in order: p99 {p99:.0f} ms (limit 100 ms)\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        receivers(folder)
    with tempfile.TemporaryDirectory() as folder, receiver("takes") as url:
        path = Path(folder) / "events.jsonl"
        path.write_text("".join(lines(EVENTS)))
        floor = best(lambda: bare(path, url), 3)
        show(f"replay of {EVENTS:,} events of {ROOMS} rooms", best(lambda: replay(path, url), 3), floor, 1.3)
        short = peak_of(path)
        with path.open("a") as file:
            file.writelines(lines(LONG))
        sys.stdout.write(f"a file of {LONG + EVENTS:,} lines: {peak_of(path) / short:.2f}x the memory of {EVENTS:,}\n")


if __name__ == "__main__":
    main()
