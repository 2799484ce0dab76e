"""Rooms of which an event came: each is to be looked at now, in two seconds, and in ten."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

DELAYS_S: Final = (0.0, 2.0, 10.0)
"""LiveKit's lists lag behind its events, and the people of a room come after it started."""
_PAUSE_S: Final = 0.05
"""How long after a first event others are waited for: they are served together."""
_LIMIT: Final = 100_000


@dataclass(slots=True)
class Hints:
    """When each room is due, in seconds of a clock that never goes back. May be used from any thread.

    A room is finished if the last event that came of it said so.
    """

    clock: Callable[[], float] = monotonic
    _due: dict[str, list[float]] = field(default_factory=dict)
    _finished: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, room: str, *, finished: bool = False) -> None:
        """Note that something happened in a room; what was due for an earlier event is due with this one."""
        with self._changed:
            if room not in self._due and len(self._due) >= _LIMIT:
                return  # the minute's run serves them all
            now = self.clock() + _PAUSE_S
            first = self._due.get(room, [now])[0]
            self._due[room] = [min(first, now), *(now + delay for delay in DELAYS_S[1:])]
            (self._finished.add if finished else self._finished.discard)(room)
            self._changed.notify()

    def take_due(self) -> list[str]:
        """The rooms that are due now."""
        with self._changed:
            now = self.clock()
            due = [room for room, times in self._due.items() if times[0] <= now]
            for room in due:
                self._due[room] = [at for at in self._due[room] if at > now]
                if not self._due[room]:
                    del self._due[room]
            return due

    def finished(self) -> list[str]:
        """The rooms that were called finished."""
        with self._changed:
            return sorted(self._finished)

    def forget_finished(self, rooms: set[str]) -> None:
        """Forget that these rooms were called finished: their rules are gone."""
        with self._changed:
            self._finished -= rooms

    def wait(self, until: float) -> None:
        """Wait until a room is due, or this moment."""
        with self._changed:
            due = min((times[0] for times in self._due.values()), default=until)
            self._changed.wait(max(min(due, until) - self.clock(), 0.0))
