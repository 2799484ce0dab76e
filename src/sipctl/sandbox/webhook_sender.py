"""The sandbox's webhooks: what LiveKit sends, in the order and with the losses that LiveKit has.

One queue for each room and receiver, one worker for each queue (livekit/protocol webhook/resource_url_notifier.go,
resource_queue.go, 1.13.4): 200 events wait at most, none longer than 30 s for its first attempt; then five attempts,
all with one token, without a time limit. Redirects are followed as Go's client does.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast

import aiohttp
from livekit.protocol.webhook import WebhookEvent

from sipctl.telephony.secret import Secret
from sipctl.webhooks.answer import Answer, retry_wait
from sipctl.webhooks.messages import body_of
from sipctl.webhooks.signing import CONTENT_TYPE, sign

if TYPE_CHECKING:
    from sipctl.sandbox.faults import Fault, Faults
    from sipctl.sandbox.store import Store

DEPTH: Final = 200
MAX_AGE_S: Final = 30.0
_REMEMBERED: Final = 1000
_USER_AGENT: Final = "Go-http-client/1.1"
_TICK_S: Final = 0.2
_HELD_S: Final = 1.0
"""How long an event that is to be overtaken waits for the next one of its room."""

End = Literal["sent", "failed", "queue is full", "age", "lost"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an event at one receiver; `status` is the last answer's, 0 = none."""

    event: str
    room: str
    url: str
    end: End
    status: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Queued:
    event: WebhookEvent
    body: bytes
    token: str
    since: float
    faults: tuple["Fault", ...]


@dataclass(slots=True)
class _Lane:
    """The queue of one room at one receiver. What is in flight is not in it."""

    waiting: deque[_Queued] = field(default_factory=deque)
    worker: "asyncio.Task[None] | None" = None
    more: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Sender:
    """Sends a store's events to receivers. `ended` are the latest that came to an end."""

    store: "Store"
    faults: "Faults"
    api_key: str
    api_secret: Secret
    urls: tuple[str, ...]
    depth: int = DEPTH
    max_age_s: float = MAX_AGE_S
    ended: deque[Ended] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _lanes: dict[tuple[str, str], _Lane] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _ticking: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Listen to the store, from whatever thread it changes, and end its rooms when their time is over."""
        loop = asyncio.get_running_loop()
        self._session = aiohttp.ClientSession(
            auto_decompress=False, skip_auto_headers=("Accept", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None), headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip"},
        )  # fmt: skip
        self.store.on_event = lambda event: loop.call_soon_threadsafe(self._queue, event)
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """End every delivery, as a server that is killed does."""
        tasks = [lane.worker for lane in self._lanes.values() if lane.worker]
        tasks += [self._ticking] if self._ticking else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.store.close_expired_rooms()

    def _queue(self, event: WebhookEvent) -> None:
        """Put an event into the queue of its room, for each receiver."""
        body, faults = body_of(event), tuple(self.faults.strike(event.event, of_webhooks=True))
        token = sign(body, self.api_key, self.api_secret, self.store.clock.now())
        now = asyncio.get_running_loop().time()
        for url in self.urls:
            if any(fault.name == "webhook-lost" for fault in faults):
                self._end(event, url, "lost")
                continue
            lane = self._lanes.setdefault((url, event.room.name), _Lane())
            if len(lane.waiting) >= self.depth:
                self._end(event, url, "queue is full")
                continue
            lane.waiting.append(_Queued(event, body, token, now, faults))
            lane.more.set()
            if lane.worker is None or lane.worker.done():
                lane.worker = asyncio.create_task(self._work(url, lane))

    def _end(self, event: WebhookEvent, url: str, end: End, status: int = 0, attempts: int = 0) -> None:
        self.ended.append(Ended(event.event, event.room.name, url, end, status, attempts))

    async def _work(self, url: str, lane: _Lane) -> None:
        while lane.waiting:
            queued = lane.waiting.popleft()
            names = {fault.name: fault.value for fault in queued.faults}
            if "webhook-reordered" in names and await self._next_one(lane):
                await self._deliver(url, lane.waiting.popleft())
            if "webhook-hang" in names:
                await asyncio.Event().wait()
            await asyncio.sleep(names.get("webhook-late", 0) / 1000)
            await self._deliver(url, queued)
            if "webhook-doubled" in names:
                await self._deliver(url, queued)

    async def _next_one(self, lane: _Lane) -> bool:
        """Whether another event of the room is there, or comes soon."""
        if not lane.waiting:
            lane.more.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(lane.more.wait(), _HELD_S)
        return bool(lane.waiting)

    async def _deliver(self, url: str, queued: _Queued) -> None:
        event = queued.event
        if asyncio.get_running_loop().time() - queued.since > self.max_age_s:
            self._end(event, url, "age")
            return
        attempt = 0
        while True:
            answer = await self._post(url, queued)
            wait = retry_wait(answer, attempt, time.time())
            attempt += 1
            if wait is None:
                break
            await asyncio.sleep(wait)
        status = answer.status
        failed = not status or status == 429 or (status >= 500 and status != 501)
        self._end(event, url, "failed" if failed else "sent", status, attempt)

    async def _post(self, url: str, queued: _Queued) -> Answer:
        headers = {"Content-Type": CONTENT_TYPE, "Authorization": queued.token}
        session = cast("aiohttp.ClientSession", self._session)  # workers live as long as it does
        try:
            async with session.post(url, data=queued.body, headers=headers, max_redirects=10) as answer:
                await answer.read()
                return Answer(status=answer.status, retry_after=answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientSSLError, aiohttp.TooManyRedirects):
            return Answer(kind="tls")
        except (aiohttp.ClientError, OSError):
            return Answer(kind="cut")
