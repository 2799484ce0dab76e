"""What a replay shows: how many events were answered how, and what that means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from sipctl.output.formats import encode_json, name_lines
from sipctl.output.junit import Case, junit_text
from sipctl.output.streams import Streams
from sipctl.output.text import printable
from sipctl.telephony.naming import counted
from sipctl.webhooks.answer import Meaning, meaning_of
from sipctl.webhooks.event_files import EventFiles

if TYPE_CHECKING:
    from sipctl.operations.webhooks.replay import Demands, Failure, Tally


class AnswerRow(TypedDict):
    """An answer, how often it came, and what it means; `answer` is the status, or why there was none."""

    answer: str
    count: int
    meaning: str


class FailureRow(TypedDict):
    """An event that was not acknowledged; the first ones alone are named."""

    place: str
    event: str
    room: str
    id: str
    answer: str


class LatencyRow(TypedDict):
    """How long answers took, in milliseconds; p50 and p95 to 2 %."""

    p50: float
    p95: float
    max: float


class ExpectationRow(TypedDict):
    """Something that had to be true; `fault` "" = it was."""

    what: str
    fault: str


class Replayed(TypedDict):
    """A replay and what became of its events."""

    sent: int
    acknowledged: int
    failed: int
    retried: int
    resumed: int
    unsent: int
    other_lines: int
    broken_lines: int
    duration_s: float
    latency_ms: LatencyRow
    answers: list[AnswerRow]
    failures: list[FailureRow]
    expectations: list[ExpectationRow]


@dataclass(frozen=True, slots=True)
class TallyView:
    """What became of the events; `rules` says of each expected room what is wrong, "" = nothing."""

    source: EventFiles
    tally: "Tally"
    demands: "Demands"
    rules: Mapping[str, str]

    @property
    def is_unexpected(self) -> bool:
        """Whether an expectation failed."""
        return any(fault for _, fault in self._expectations())

    @property
    def first_meaning(self) -> Meaning:
        """What the first failed answer means."""
        return meaning_of(self.tally.failures[0].answer)

    def _expectations(self) -> Iterator[tuple[str, str]]:
        """What had to be true, and what is wrong with it."""
        tally, demands = self.tally, self.demands
        if demands.status is not None:
            fault = f"{counted(tally.failed, 'event')} had another" if tally.failed else ""
            yield f"status {demands.status}", fault
        if demands.latency_s is not None:
            fault = f"{counted(tally.late, 'answer')} took longer" if tally.late else ""
            yield f"latency up to {demands.latency_s:g} s", fault
        for room, fault in self.rules.items():
            yield f"rules of room {room}", fault

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The tally as text; `name` = the places of the first events that failed."""
        match style:
            case "json":
                yield encode_json({"schema": "sipctl/webhook-replayed/v1", "item": self._record()}) + "\n"
            case "jsonl":
                yield encode_json(self._record()) + "\n"
            case "name":
                yield from name_lines((one.event.place for one in self.tally.failures), streams)
            case "junit":
                yield junit_text("sipctl webhook replay", self._cases())
            case _:
                yield from (f"{printable(line)}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        tally = self.tally
        yield f"{tally.acknowledged} of {counted(tally.sent, 'event')} acknowledged in {tally.took_s:.1f} s"
        for row in self._answers():
            yield f"  {row['answer']}: {row['count']}, {row['meaning']}"
        if tally.latencies.count:
            times = self._latency()
            yield f"  answered after {times['p50']:g} ms (p50), {times['p95']:g} ms (p95), {times['max']:g} ms (max)"
        more = {"tried again": tally.retried, "done before": tally.resumed, "not sent": tally.unsent,
                "lines beside events": self.source.others, "broken lines": self.source.broken}  # fmt: skip
        if counts := [f"{count} {what}" for what, count in more.items() if count]:
            yield f"  {', '.join(counts)}"
        for one in tally.failures:
            yield f"✗ {one.event.place}: {one.event.head.name} of room {one.event.head.room!r}: {one.answer.word}"
        for what, fault in self._expectations():
            yield f"✗ {what}: {fault}" if fault else f"✓ {what}"

    def _answers(self) -> list[AnswerRow]:
        tally = self.tally
        return [
            AnswerRow(answer=word, count=count, meaning=meaning_of(tally.examples[word]).in_full)
            for word, count in tally.answers.most_common()
        ]

    def _latency(self) -> LatencyRow:
        times = self.tally.latencies
        return LatencyRow(
            p50=_ms(times.percentile(50)), p95=_ms(times.percentile(95)), max=_ms(times.longest_s)
        )  # fmt: skip

    def _record(self) -> Replayed:
        tally = self.tally
        return Replayed(
            sent=tally.sent, acknowledged=tally.acknowledged, failed=tally.failed, retried=tally.retried,
            resumed=tally.resumed, unsent=tally.unsent, other_lines=self.source.others,
            broken_lines=self.source.broken, duration_s=round(tally.took_s, 3), latency_ms=self._latency(),
            answers=self._answers(), failures=[_failure(one) for one in tally.failures],
            expectations=[ExpectationRow(what=what, fault=fault) for what, fault in self._expectations()],
        )  # fmt: skip

    def _cases(self) -> Iterator[Case]:
        yield Case(
            name=f"{counted(self.tally.sent, 'event')} acknowledged",
            group="sipctl.webhook",
            took_s=self.tally.took_s,
            ended="failed" if self.tally.failed else "ok",
            message="; ".join(f"{row['answer']}: {row['count']}" for row in self._answers()),
        )
        for what, fault in self._expectations():
            yield Case(name=what, group="sipctl.webhook", ended="failed" if fault else "ok", message=fault)


def _ms(seconds: float) -> float:
    return float(f"{seconds * 1000:.3g}")


def _failure(one: "Failure") -> FailureRow:
    head = one.event.head
    return FailureRow(
        place=one.event.place, event=head.name, room=head.room, id=head.identifier, answer=one.answer.word
    )  # fmt: skip
