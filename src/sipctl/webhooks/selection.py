"""Which events of a file are meant, and when each of them is due."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from sipctl.webhooks.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Events by name, room and time (Unix seconds), then without the first `skip`, and at most `limit` of the rest.

    Empty sets = all. An event that says no time is in no span of time.
    """

    names: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    since: float | None = None
    until: float | None = None
    skip: int = 0
    limit: int | None = None

    def of(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events that are meant, as they come."""
        end = None if self.limit is None else self.skip + self.limit
        return islice(filter(self._takes, events), self.skip, end)

    def _takes(self, event: Event) -> bool:
        head = event.head
        return (
            (not self.names or head.name in self.names)
            and (not self.rooms or head.room in self.rooms)
            and (self.since is None or event.moment >= self.since)
            and (self.until is None or 0 < event.moment < self.until)
        )


@dataclass(slots=True)
class Spacing:
    """When events are due, as they were spaced: `speed` times as fast (None = at once), no gap over `max_gap_s`."""

    speed: float | None = None
    max_gap_s: float | None = None
    _before: float | None = None
    _due_s: float = field(default=0.0)

    def due_s(self, event: Event) -> float:
        """How many seconds after the first event this one is due."""
        if self.speed is None:
            return 0.0
        at = _time_of(event)
        gap = 0.0 if self._before is None or at is None else max(at - self._before, 0.0)
        self._before = self._before if at is None else at
        self._due_s += (gap if self.max_gap_s is None else min(gap, self.max_gap_s)) / self.speed
        return self._due_s


def _time_of(event: Event) -> float | None:
    """The finest time that the file has: seconds of a clock of its own, None = it has none."""
    if event.received_at is not None:
        return event.received_at
    return event.offset_s if event.offset_s is not None else float(event.head.created_at) or None
