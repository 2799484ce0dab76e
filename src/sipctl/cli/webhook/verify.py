"""`sipctl webhook verify`."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypedDict

import typer

from sipctl.cli.command import TestCommand
from sipctl.cli.endings import finish
from sipctl.cli.options import FailOn
from sipctl.cli.report import level_named
from sipctl.cli.session import Session
from sipctl.cli.webhook.common import Files, opened, own_keys, read_to_the_end
from sipctl.errors import ExitCode, UsageError
from sipctl.findings.record import Level
from sipctl.output.formats import Listing, View
from sipctl.output.junit import Case, junit_text
from sipctl.output.streams import Streams
from sipctl.telephony.naming import counted
from sipctl.webhooks.event import Event
from sipctl.webhooks.sequence import Note, Sequence

if TYPE_CHECKING:
    from sipctl.webhooks.verification import Verdict  # and PyJWT with it


class NoteRow(TypedDict):
    """Something that the sequence of events shows."""

    code: str
    level: Literal["warn", "info"]
    text: str


class VerifiedEvent(TypedDict):
    """An event of a file, and what is wrong with it; `verdict` is "ok", or the first step that it failed."""

    place: str
    event: str
    room: str
    id: str
    verdict: str
    detail: str
    notes: list[NoteRow]


PRINTS: Final = {"webhook-verified": list[VerifiedEvent]}
KIND: Final = TestCommand

_WEIGHTS: Final = {"error": 2, "warn": 1, "info": 0}


def run(
    ctx: typer.Context,
    files: Files,
    clock: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="Judge tokens by the time at which they were received (if the file says), or issued; or now.",
        ),
    ] = "received",
    fail_on: FailOn = "error",
) -> None:
    """Check recorded events: token and body of each, and what is missing or out of order.

    The key is the profile's. A refused event names the step: no token, `Bearer` before it, unknown key, signature,
    times, missing claim, or a body that is not the one that was signed. Exit code 1 from --fail-on up.

    \b
    Examples:
      sipctl webhook verify meeting.jsonl
      sipctl webhook verify recordings/ --clock issued --fail-on warn
      sipctl webhook verify meeting.jsonl.gz -o junit
    """
    from sipctl.webhooks.verification import verify

    session = Session.of(ctx)
    level, moment_of = level_named(fail_on), _clock(clock)
    source, keys = opened(session, files), own_keys(session)
    found = Found()
    events = found.judged(source.read(), lambda one: verify(one.body, one.authorization, keys, moment_of(one)))
    if session.options.quiet and session.options.output == "table":
        deque(events, maxlen=0)  # counted, and not shown
    else:
        session.emit(EventsView(events, found))
    read_to_the_end(source, events)
    describe = session.streams.warn if found.fails(level) else session.streams.note
    describe(found.summary(source.others))
    finish(session, code=ExitCode.FINDINGS if found.fails(level) else ExitCode.DONE)


def _clock(word: str) -> Callable[[Event], float]:
    """The time at which an event is judged, in Unix seconds.

    Raises:
        UsageError: the word names no clock.
    """
    from sipctl.webhooks.verification import issued_at

    clocks: dict[str, Callable[[Event], float]] = {
        "now": lambda _event: time.time(),
        "received": lambda event: time.time() if event.received_at is None else event.received_at,
        "issued": lambda event: issued_at(event.authorization) or time.time(),
    }
    if word not in clocks:
        raise UsageError(f"--clock {word!r} is no clock", hint=f"choose one of {', '.join(clocks)}")
    return clocks[word]


@dataclass(frozen=True, slots=True)
class _Judged:
    """One row: an event with its verdict, or a place with what is missing there (`verdict` None)."""

    place: str
    event: str
    room: str
    identifier: str
    verdict: "Verdict | None"
    notes: list[Note]

    @property
    def word(self) -> str:
        if self.verdict is None:
            return ""
        return self.verdict.fault.value if self.verdict.fault else "ok"

    @property
    def detail(self) -> str:
        return self.verdict.detail if self.verdict else ""

    @property
    def record(self) -> VerifiedEvent:
        return VerifiedEvent(
            place=self.place, event=self.event, room=self.room, id=self.identifier, verdict=self.word,
            detail=self.detail,
            notes=[NoteRow(code=note.code, level=note.weight.value, text=note.text) for note in self.notes],
        )  # fmt: skip

    @property
    def row(self) -> tuple[str, ...]:
        described = "; ".join(filter(None, (self.detail, *(note.text for note in self.notes))))
        return self.place, self.event, self.room, self.word, described


@dataclass(slots=True)
class Found:
    """What was found so far: how many events, how many of them refused, and the notes by their codes."""

    events: int = 0
    refused: int = 0
    weights: Counter[str] = field(default_factory=Counter)

    def judged(self, events: Iterator[Event], judge: "Callable[[Event], Verdict]") -> Iterator[_Judged]:
        """Every event with its verdict, then the rooms that did not finish."""
        sequence = Sequence()
        for event in events:
            head = event.head
            one = _Judged(event.place, head.name, head.room, head.identifier, judge(event), sequence.see(event))
            self.events += 1
            self.refused += one.word != "ok"
            self._count(one.notes)
            yield one
        for place, room, note in sequence.open_rooms():
            self._count([note])
            yield _Judged(place, "room_started", room, "", None, [note])

    def _count(self, notes: list[Note]) -> None:
        self.weights.update(note.weight.value for note in notes)

    def fails(self, level: Level) -> bool:
        """Whether something weighs as much as this."""
        weight = _WEIGHTS[level.value]
        return bool(self.refused) or any(self.weights[word] for word, own in _WEIGHTS.items() if own >= weight)

    def summary(self, others: int) -> str:
        """One line on all of it."""
        parts = [f"{self.events - self.refused} of {counted(self.events, 'event')} verified"]
        parts += [counted(self.weights["warn"], "warning")] if self.weights["warn"] else []
        parts += [f"{counted(others, 'line')} beside events"] if others else []
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class EventsView:
    """The events as they are judged."""

    events: Iterator[_Judged]
    found: Found

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The events as text; `name` = the places of those that were refused."""
        if style == "junit":
            return iter((junit_text("sipctl webhook verify", map(_case, self.events)),))
        events = (one for one in self.events if one.word not in {"", "ok"}) if style == "name" else self.events
        view: View = Listing(
            schema="sipctl/webhook-verified/v1", things="events", items=events,
            columns=("place", "event", "room", "verdict", "what is wrong"),
            row=lambda one: one.row, record=lambda one: one.record, name=lambda one: one.place,
        )  # fmt: skip
        return view.render(style, streams)


def _case(one: _Judged) -> Case:
    failed, described = one.word not in {"", "ok"}, one.row[-1]
    return Case(
        name=f"{one.event} [{one.place}]",
        group="sipctl.webhook",
        ended="failed" if failed else "ok",
        message=described if failed else "",
        output=() if failed or not described else (described,),
    )
