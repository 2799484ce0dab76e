"""The real livekit-server (and livekit-sip) on loopback, beside Debian's redis-server."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sipctl.telephony.secret import Secret

API_KEY = "devkey"
API_SECRET = "a-secret-of-at-least-32-characters"
SERVER_VERSION = "1.13.5"
SIP_VERSION = "1.8.0"
PEERS = Path(os.environ.get("SIPCTL_PEERS") or Path.home() / ".cache" / "sipctl-peers")
SERVER = PEERS / f"livekit-server-{SERVER_VERSION}"
SIP_NODE = PEERS / f"livekit-sip-{SIP_VERSION}"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_PORTS = range(20000 + 2480 * _WORKER, 20000 + 2480 * (_WORKER + 1) - 80)
"""Of this worker alone, and below 30000, where TURN's relays and then the system's own connections begin."""

_UP_WITHIN_S = 20.0
_RTC = "use_external_ip: false, node_ip: 127.0.0.1, enable_loopback_candidate: true"


def missing() -> str:
    """What is not installed of what the real tests need; "" if nothing."""
    if not SERVER.exists():
        return f"no livekit-server {SERVER_VERSION} at {SERVER}"
    return "" if shutil.which("redis-server") else "no redis-server installed"


def free_ports(count: int) -> int:
    """The first of some consecutive ports that no one uses, below the range of the system's own connections."""
    while True:
        first = random.choice(_PORTS)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    tried = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    tried.bind(("127.0.0.1", port))
            return first


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a URL answers 200."""
    deadline = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        threading.Event().wait(0.05)
    raise TimeoutError(f"{url} did not answer")


class Redis:
    """A redis-server without files."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _UP_WITHIN_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.command(b"PING")
                return
            threading.Event().wait(0.02)
        raise TimeoutError("redis-server did not start")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def command(self, *words: bytes) -> bytes:
        """One command in redis's own protocol, and the start of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
            connection.sendall(b"".join(parts))
            return connection.recv(65536)


class RealLiveKit:
    """A livekit-server with the attributes and actions of `Sandbox`, so that one test can use either."""

    def __init__(self, folder: Path, *, redis: bool = True, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.api_key = API_KEY
        self.api_secret = Secret(API_SECRET)
        self._base = free_ports(8)
        self.port = self._base + 1
        self.redis = Redis(self._base) if redis else None
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._people: dict[tuple[str, str], Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if self.redis:
            self.redis.start()
        self.start_server()

    def start_server(self) -> None:
        """Start livekit-server alone; its redis may be running already."""
        config = self.folder / "livekit.yaml"
        config.write_text(self._yaml())
        with (self.folder / "livekit.log").open("ab") as log:
            self._process = subprocess.Popen([SERVER, "--config", config], stdout=log, stderr=log)
        wait_for(f"{self.url}/", self._process)

    def _yaml(self) -> str:
        media, room = free_ports(60), {"empty_timeout": 300, "departure_timeout": 20, **self._settings}
        lines = [
            f"port: {self.port}",
            'bind_addresses: ["127.0.0.1"]',
            f"rtc: {{tcp_port: {self._base + 2}, port_range_start: {media}, port_range_end: {media + 59}, {_RTC}}}",
            f"keys: {{{API_KEY}: {API_SECRET}}}",
            f"room: {{empty_timeout: {room['empty_timeout']}, departure_timeout: {room['departure_timeout']}}}",
            "logging: {level: info, json: true}",
        ]
        if url := self._settings.get("webhook_url"):
            lines.append(f"webhook: {{api_key: {API_KEY}, urls: [{url}]}}")
        if "webhook" in self._settings:
            lines.append(f'webhook: {{api_key: {API_KEY}, urls: ["{self._settings["webhook"]}"]}}')
        if self.redis:
            lines.append(f'redis: {{address: "127.0.0.1:{self.redis.port}"}}')
        return "\n".join(lines) + "\n"

    def stop(self) -> None:
        self.kill_server()
        if self.redis:
            self.redis.stop()
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def kill_server(self) -> None:
        """kill -9: its rooms stay listed in redis as ghosts."""
        for room, identity in list(self._people):
            self.leave(room, identity)
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def has_ended(self) -> bool:
        """Whether livekit-server is gone of its own accord."""
        return self._process is not None and self._process.poll() is not None

    def crash(self) -> None:
        """kill -9 while people are inside, so that their rooms become ghosts."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        for room, identity in list(self._people):
            self.leave(room, identity)  # or its client would come back to the next server, and the room with it

    def clear(self) -> None:
        """Empty the store and end every room."""
        for room, identity in list(self._people):
            self.leave(room, identity)
        if self.redis:
            self.redis.command(b"DEL", b"sip_dispatch_rule", b"sip_inbound_trunk", b"sip_outbound_trunk", b"sip_trunk")
        asyncio.run(self._end_rooms())

    async def _end_rooms(self) -> None:
        from livekit import api

        async with api.LiveKitAPI(self.url, API_KEY, API_SECRET) as livekit:
            for room in (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms:
                await livekit.room.delete_room(api.DeleteRoomRequest(room=room.name))

    def plant(self, hash_name: str, messages: Mapping[str, bytes]) -> None:
        """Store protobuf messages past the API, as an operator's redis may hold them."""
        assert self.redis
        words = [part for key, value in messages.items() for part in (key.encode(), value)]
        self.redis.command(b"HSET", hash_name.encode(), *words)

    def join(self, room: str, identity: str, *, kind: str = "STANDARD", name: str = "") -> None:
        """Let someone in with the rtc SDK."""
        self._in_loop(self._join(room, identity, kind, name))

    async def _join(self, room_name: str, identity: str, kind: str, name: str) -> None:
        from livekit import api, rtc

        grants = api.VideoGrants(room_join=True, room=room_name)
        token = api.AccessToken(API_KEY, API_SECRET).with_identity(identity).with_name(name).with_grants(grants)
        if kind == "SIP":
            token = token.with_kind("sip")
        room = rtc.Room()
        await room.connect(self.url.replace("http", "ws"), token.to_jwt())
        self._people[room_name, identity] = room

    def leave(self, room: str, identity: str) -> bool:
        """Take someone out."""
        connected = self._people.pop((room, identity), None)
        if connected is not None:
            self._in_loop(connected.disconnect())
        return connected is not None

    def _in_loop(self, work: Any) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            self._thread.start()
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


@contextlib.contextmanager
def running_livekit(
    folder: Path, *, redis: bool = True, settings: Mapping[str, Any] | None = None
) -> Iterator[RealLiveKit]:
    """A real server while the body runs."""
    server = RealLiveKit(folder, redis=redis, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
