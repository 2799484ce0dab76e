"""What a sequence of events shows: what is missing in it, twice in it, or in the wrong order.

Nothing is kept of an event but its id, and of a room that ended but its sid, and of both only so many.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sipctl.webhooks.event import NAMES, Event, Head

_REMEMBERED: Final = 100_000
_MEETS: Final = frozenset({"participant_connection_aborted", "agent_job_started", "agent_job_ended"})
"""Events that Meet answers with 422 (suitenumerique/meet core/services/livekit_events.py)."""


class Weight(StrEnum):
    """How much a note weighs."""

    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a sequence shows. `code` is stable."""

    code: str
    weight: Weight
    text: str


def _warn(code: str, text: str) -> Note:
    return Note(code, Weight.WARN, text)


def _info(code: str, text: str) -> Note:
    return Note(code, Weight.INFO, text)


@dataclass(slots=True)
class _Session:
    """A room from its start to its end: where it started ("" = not in the file), and who is in it."""

    name: str
    started: str = ""
    people: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Recent:
    """The latest of many names."""

    names: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def add(self, name: str) -> bool:
        """Whether it was there before."""
        was_there = name in self.names
        self.names[name] = None
        if len(self.names) > _REMEMBERED:
            self.names.popitem(last=False)
        return was_there


@dataclass(slots=True)
class Sequence:
    """What was seen so far."""

    _sessions: dict[str, _Session] = field(default_factory=dict)
    _ended: _Recent = field(default_factory=_Recent)
    _ids: _Recent = field(default_factory=_Recent)
    _odd_rooms: _Recent = field(default_factory=_Recent)
    _number: int | None = None
    _has_secret: bool = False

    def see(self, event: Event) -> list[Note]:
        """What this event shows, after those before."""
        head = event.head
        notes = [*self._of_event(event), *self._of_numbers(event)]
        if head.identifier and self._ids.add(head.identifier):
            return [*notes, _info("repeated-id", f"{head.identifier} came before: a retry, or a second delivery")]
        return [*notes, *self._of_room(event)]

    def open_rooms(self) -> Iterator[tuple[str, str, Note]]:
        """The rooms that started and did not finish: where, the room, and the note on it."""
        for session in self._sessions.values():
            if session.started:
                yield session.started, session.name, _warn("no-finish", "room_started without room_finished")

    def _of_event(self, event: Event) -> Iterator[Note]:
        head = event.head
        if head.name not in NAMES:
            yield _warn("unknown-event", f"LiveKit has no event {head.name!r}")
        elif head.name in _MEETS:
            yield _info("meet-event", "Meet does not know this event, and answers 422")
        if head.dropped:
            yield _warn("dropped", f"LiveKit says that it dropped {head.dropped} events before this one")
        if head.has_secret and not self._has_secret:
            self._has_secret = True
            yield _warn("secret", "the file holds turnPassword: redact it before you share it")
        if head.room and not _is_uuid(head.room) and not self._odd_rooms.add(head.room):
            yield _info("meet-room", "the room's name is no UUID, which Meet refuses")

    def _of_numbers(self, event: Event) -> Iterator[Note]:
        before, self._number = self._number, event.number
        if before is not None and event.number is not None and event.number > before + 1:
            text = f"n goes from {before} to {event.number}: a line is missing, or a redirect took its body"
            yield _warn("gap", text)

    def _of_room(self, event: Event) -> Iterator[Note]:
        head = event.head
        if head.name not in NAMES or not head.name.startswith(("room_", "participant_", "track_")):
            return
        if not head.room:
            yield _warn("no-room", "it names no room")
            return
        key = head.room_sid or head.room
        if head.name == "room_started":
            yield from self._of_start(key, event)
            return
        if key in self._ended.names:
            yield _warn("after-finish", "it came after the room_finished of its room")
            return
        session = self._sessions.get(key)
        if session is None:
            session = self._sessions[key] = _Session(head.room)
            yield _info("no-start", "the room_started of its room is not here")
        yield from _of_people(session, head)
        if head.name == "room_finished":
            self._end(key)

    def _of_start(self, key: str, event: Event) -> Iterator[Note]:
        if key in self._ended.names:
            yield _warn("finish-before-start", "the room_finished of its room came before it")
            if event.head.room_sid:
                return
            self._ended.names.pop(key, None)  # a room of the same name may start again
        elif (known := self._sessions.get(key)) is not None:
            text = "its room started already" if known.started else "other events of its room came before it"
            yield _warn("late-start", text)
        self._sessions.setdefault(key, _Session(event.head.room)).started = event.place

    def _end(self, key: str) -> None:
        self._sessions.pop(key, None)
        self._ended.add(key)


def _of_people(session: _Session, head: Head) -> Iterator[Note]:
    if head.name == "participant_joined":
        session.people.add(head.identity)
    elif head.name == "participant_left":
        if session.started and head.identity not in session.people:
            yield _warn("no-join", f"{head.identity!r} left without participant_joined")
        session.people.discard(head.identity)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
