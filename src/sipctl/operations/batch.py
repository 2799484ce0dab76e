"""Many writes: some at a time, each tried whatever became of the others, and none begun once the stop switch is on."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from types import FrameType
from typing import Any, Final, Generic, TypeVar

from sipctl.errors import ChangedError, SipctlError

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 16
_AT_ONCE_FAR: Final = 32
_FAR_S: Final = 0.01
FAILURES_IN_A_ROW: Final = 5


@dataclass(slots=True)
class StopSwitch:
    """Whether a run begins anything more. What is in flight is always finished.

    `signal_number` is the signal that asked to stop, 0 = none; `failures` counts those since the last success.
    `check_lock` raises ChangedError once the lock of the server is lost, and `lost` is that error.
    """

    limit: int = FAILURES_IN_A_ROW
    failures: int = 0
    signal_number: int = 0
    check_lock: Callable[[], None] = lambda: None
    lost: ChangedError | None = None
    _turned_on: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)
    _signalled: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.signal_number:
            self.stop(self.signal_number)

    @property
    def is_on(self) -> bool:
        """Whether to begin nothing more."""
        return bool(self.signal_number) or self.lost is not None or self.failures >= self.limit

    def ask_lock(self) -> bool:
        """Whether to begin nothing more, now that the lock was asked for: right before each batch of writes."""
        try:
            self.check_lock()
        except ChangedError as error:
            self.lost = error
        self._end_waits()
        return self.is_on

    def note(self, *, failed: bool) -> None:
        """Count one more that ended."""
        if not self.is_on:
            self.failures = self.failures + 1 if failed else 0
            self._end_waits()

    def stop(self, signal_number: int) -> None:
        """Begin nothing more, for this signal asked so."""
        self.signal_number = signal_number
        self._signalled.set()
        self._end_waits()

    async def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the switch is on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._turned_on.wait(), seconds)

    def _end_waits(self) -> None:
        if self.is_on:
            self._turned_on.set()

    async def unless_stopped(self, reading: Coroutine[Any, Any, T]) -> T:
        """What this comes to, which changes nothing; it is given up when a signal comes.

        Raises:
            StoppedError: it was given up.
        """
        task, stop = asyncio.create_task(reading), asyncio.create_task(self._signalled.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StoppedError
            return task.result()
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)


class StoppedError(Exception):
    """What was read is not wanted any more."""


@contextmanager
def stopping_on_signals(switch: StopSwitch) -> Iterator[None]:
    """While the body runs, SIGINT, SIGTERM and SIGHUP put the stop switch on instead of ending the process.

    A SIGHUP that is ignored stays so: that is what `nohup` is for.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]

    def stop(number: int, _frame: FrameType | None) -> None:
        switch.signal_number = number  # at once: the loop may have nothing more to do, and would lose it
        loop.call_soon_threadsafe(switch.stop, number)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T, R]):
    """One item and what came of it: a result, an error, or neither if it was not begun."""

    item: T
    result: R | None = None
    error: SipctlError | None = None
    begun: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast: so many at once, so many begun a second at most (0 = without such a limit)."""

    at_once: int = AT_ONCE
    per_second: float = 0.0


def at_once_over(round_trip_s: float) -> int:
    """How many writes are in flight: from a round trip of 10 ms on twice as many, for then they wait for the line."""
    return _AT_ONCE_FAR if _FAR_S <= round_trip_s < inf else AT_ONCE


async def attempt_each(
    items: Sequence[T],
    work: Callable[[T], Awaitable[R]],
    switch: StopSwitch,
    pace: Pace | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> list[Attempt[T, R]]:
    """Do the work for each item and return the attempts in the items' order; `on_end` gets each that ended."""
    if items:
        switch.ask_lock()
    pace = pace or Pace()
    waiting = iter(range(len(items)))
    attempts: dict[int, Attempt[T, R]] = {}
    ticket = _tickets(pace.per_second, switch)

    async def worker() -> None:
        while not switch.is_on and (at := next(waiting, None)) is not None:
            await ticket()
            if switch.is_on:
                return
            attempts[at] = await _attempt(items[at], work)
            switch.note(failed=attempts[at].error is not None)
            on_end()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(pace.at_once, len(items))):
            group.create_task(worker())
    return [attempts.get(at) or Attempt(item, begun=False) for at, item in enumerate(items)]


async def _attempt(item: T, work: Callable[[T], Awaitable[R]]) -> Attempt[T, R]:
    try:
        return Attempt(item, await work(item))
    except SipctlError as error:
        return Attempt(item, error=error)


def _tickets(per_second: float, switch: StopSwitch) -> Callable[[], Awaitable[None]]:
    """What each start waits for, so that they are spaced evenly, unless the switch is on."""
    loop = asyncio.get_running_loop()
    following = loop.time()

    async def ticket() -> None:
        nonlocal following
        if per_second:
            mine = max(following, loop.time())
            following = mine + 1 / per_second
            await switch.wait(mine - loop.time())

    return ticket
