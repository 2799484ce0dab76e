"""Recorded events sent again: in order within a room, rooms beside each other, tried again as LiveKit does.

A lane is the queue of one room. A lane whose first event waits for its next attempt holds up none of the others, and
no worker. What is read ahead is bounded, so a file may be of any length.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from sipctl.errors import UsageError
from sipctl.operations.batch import StopSwitch
from sipctl.operations.daemon_thread import in_daemon_thread
from sipctl.operations.webhooks.target import Target
from sipctl.webhooks.answer import Answer, retry_wait
from sipctl.webhooks.delivery import client_session, post
from sipctl.webhooks.event import Event
from sipctl.webhooks.latency import Latencies
from sipctl.webhooks.selection import Spacing

if TYPE_CHECKING:
    import aiohttp

    from sipctl.webhooks.resume import Progress

_AHEAD: Final = 4096
"""How many events are read ahead of those that are sent."""
_BATCH: Final = 256
_DESCRIBED: Final = 20
_NO_TOKEN: Final = Answer(kind="no-token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast: so many requests at once; with `in_one_lane` in the files' own order, whatever the room."""

    jobs: int = 16
    in_one_lane: bool = False
    spacing: Spacing = field(default_factory=Spacing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked of the answers: `status` None = any success, `latency_s` None = any time.

    `retries` is how often LiveKit tries again, `as_recorded` = with the old token.
    """

    status: int | None = None
    latency_s: float | None = None
    retries: int = 4
    as_recorded: bool = False

    def is_met(self, answer: Answer) -> bool:
        """Whether the answer counts as an acknowledgement."""
        return answer.is_acknowledged if self.status is None else answer.status == self.status


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that was not acknowledged."""

    event: Event
    answer: Answer


@dataclass(slots=True)
class Tally:
    """What became of the events, in little memory: `answers` by their word, with one example of each.

    `resumed` were acknowledged by an earlier run, `unsent` not begun when a signal came. `unread` is why the files
    could not be read to their end.
    """

    acknowledged: int = 0
    failed: int = 0
    arrived: int = 0
    retried: int = 0
    resumed: int = 0
    unsent: int = 0
    late: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Answer] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)
    took_s: float = 0.0
    unread: UsageError | None = None

    @property
    def sent(self) -> int:
        """How many events were sent."""
        return self.acknowledged + self.failed

    def note(self, event: Event, answer: Answer, demands: Demands) -> bool:
        """Count an event that ended; whether it was acknowledged."""
        is_met = demands.is_met(answer)
        self.answers[answer.word] += 1
        self.examples.setdefault(answer.word, answer)
        self.arrived += answer.arrived
        if answer.status:
            self.latencies.add(answer.took_s)
        self.late += demands.latency_s is not None and answer.took_s > demands.latency_s
        if is_met:
            self.acknowledged += 1
        else:
            self.failed += 1
            if len(self.failures) < _DESCRIBED:
                self.failures.append(Failure(event, answer))
        return is_met


@dataclass(slots=True)
class _Pending:
    index: int
    event: Event
    token: str = ""
    attempt: int = 0


_Lane = deque[_Pending]


@dataclass(slots=True)
class Replay:
    """Sends events to a target. `on_end` is called for each that ended, `switch` stops before the next is begun."""

    target: Target
    pace: Pace
    demands: Demands
    switch: StopSwitch
    progress: "Progress | None" = None
    on_end: Callable[[], None] = lambda: None
    tally: Tally = field(default_factory=Tally)
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _ready: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)
    _room_ahead: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AHEAD))
    _drained: asyncio.Event = field(default_factory=asyncio.Event)
    _is_fed: bool = False

    async def run(self, events: Iterator[Event], *, is_pipe: bool = False) -> Tally:
        """Send all of them; of a pipe each as it comes.

        Raises:
            UncheckedError: the progress cannot be written down.
        """
        began = time.monotonic()
        async with client_session(self.target.url, self.pace.jobs) as session:
            workers = [asyncio.create_task(self._work(session)) for _ in range(self.pace.jobs)]
            feeding = asyncio.create_task(self._feed(events, 1 if is_pipe else _BATCH))
            stopping = asyncio.create_task(self.switch.wait(float("inf")))
            try:
                await asyncio.wait({feeding, stopping, *workers}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancelled(feeding, stopping)
                for _ in workers:
                    self._ready.put_nowait(None)
                ends = await asyncio.gather(*workers, return_exceptions=True)
        for failure in filter(None, ends):
            raise failure
        if not feeding.cancelled():
            feeding.result()
        self.tally.unsent = sum(map(len, self._lanes.values()))
        self.tally.took_s = time.monotonic() - began
        return self.tally

    async def _feed(self, events: Iterator[Event], batch_size: int) -> None:
        """Read the events, put each into its lane when it is due, and wait until all lanes are empty."""
        began, index = time.monotonic(), 0
        while batch := await self._read(events, batch_size):
            for event in batch:
                await self._admit(event, index, began)
                index += 1
        self._is_fed = True
        if self._lanes:
            await self._drained.wait()

    async def _read(self, events: Iterator[Event], size: int) -> list[Event]:
        """The next events. A file that ends in the middle ends the run after what could be read."""
        batch: list[Event] = []
        try:
            await in_daemon_thread(lambda: batch.extend(islice(events, size)))
        except UsageError as error:
            self.tally.unread = error
        return batch

    async def _admit(self, event: Event, index: int, began: float) -> None:
        key = "" if self.pace.in_one_lane else event.head.room
        if self.progress and self.progress.is_done(index, event.head.room):
            self.tally.resumed += 1
            return
        await self._room_ahead.acquire()
        pause = began + self.pace.spacing.due_s(event) - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = deque((_Pending(index, event),))
            self._ready.put_nowait(key)
        else:
            lane.append(_Pending(index, event))

    async def _work(self, session: "aiohttp.ClientSession") -> None:
        """Send the first event of one lane after the other, as long as there are any."""
        loop = asyncio.get_running_loop()
        while (key := await self._ready.get()) is not None and not self.switch.is_on:
            lane = self._lanes[key]
            pending = lane[0]
            answer = await self._attempt(session, pending)
            pause = self._pause_after(pending, answer)
            if pause is not None:
                self.tally.retried += 1
                pending.attempt += 1
                loop.call_later(pause, self._ready.put_nowait, key)
                continue
            lane.popleft()
            self._note_end(pending, answer)
            if lane:
                self._ready.put_nowait(key)
            else:
                self._leave(key)

    async def _attempt(self, session: "aiohttp.ClientSession", pending: _Pending) -> Answer:
        """One attempt; the token is signed once for all of them, as LiveKit does."""
        target = self.target
        if not pending.token:
            recorded = pending.event.authorization
            pending.token = recorded if self.demands.as_recorded else target.token(pending.event.body)
            if not pending.token:
                return _NO_TOKEN
        return await post(session, target.url, pending.event.body, pending.token, target.timeout_s)

    def _pause_after(self, pending: _Pending, answer: Answer) -> float | None:
        demands = self.demands
        if pending.attempt >= demands.retries or demands.is_met(answer):
            return None
        return retry_wait(answer, pending.attempt, time.time())

    def _note_end(self, pending: _Pending, answer: Answer) -> None:
        event = pending.event
        if self.tally.note(event, answer, self.demands) and self.progress:
            self.progress.note(pending.index, event.head.room)
        self._room_ahead.release()
        self.on_end()

    def _leave(self, key: str) -> None:
        del self._lanes[key]
        if self._is_fed and not self._lanes:
            self._drained.set()


async def _cancelled(*tasks: "asyncio.Task[None]") -> None:
    """The end of tasks that may be waiting still."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
