"""Logged calls as people and scripts read them. PINs of a log are masked, whatever was asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sipctl.output.formats import Listing
from sipctl.output.streams import Streams
from sipctl.output.text import printable
from sipctl.telephony.explaining.advice import Advice
from sipctl.telephony.explaining.logged import LoggedExplanation
from sipctl.telephony.explaining.words import told_outcome
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.pins import mask_pin
from sipctl.telephony.siplog.calls import PIN_ASKED, LoggedCall
from sipctl.telephony.siplog.ending import guesses, happened, is_failed, reason_of, told_ending, untold


@dataclass(frozen=True, slots=True)
class LogView:
    """The calls of a log, in the order in which they began."""

    calls: Sequence[LoggedExplanation]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The calls as text: a few lines each for people."""
        if style != "table":
            yield from _listing(self.calls).render(style, streams)
            return
        for call in self.calls:
            yield "".join(f"{printable(line)}\n" for line in _lines(call))


def _listing(calls: Sequence[LoggedExplanation]) -> Listing[LoggedExplanation]:
    return Listing(
        schema="sipctl/logged-calls/v1",
        items=calls,
        columns=(),
        row=lambda _: (),
        record=logged_record,
        name=lambda one: one.logged.call_id,
    )


def _lines(one: LoggedExplanation) -> Iterator[str]:
    call = one.logged
    yield (
        f"{_time(call.started)}  {call.from_user or 'nobody'} → {call.to_user or call.to_host}"
        f"  from {call.source_ip} {call.transport}  {call.call_id}"
    )
    yield f"  {'; '.join(_story(call))}"
    if one.now and is_failed(call):
        yield from _now_lines(one)
    for guess in guesses(call):
        yield f"  a guess: {guess}"
    if questions := untold(call):
        yield f"  not in the log: {'; '.join(questions)}"


def _now_lines(one: LoggedExplanation) -> Iterator[str]:
    """Why it failed, if the present rules still fail it; else what they would do."""
    if one.agrees is False:
        yield f"  now: {_told_now(one)}"
    for advice in one.now.advice if one.now and one.agrees else ():
        yield f"  why: {advice.text}"
        if advice.command:
            yield f"       $ {advice.command}"


def _story(call: LoggedCall) -> Iterator[str]:
    """What happened, step by step."""
    if call.has(PIN_ASKED):
        typed = "" if call.typed is None else f", typed {mask_pin(call.typed.reveal())}#"
        yield f"asked for a PIN{typed}"
    if call.joined:
        yield f"in room {call.room!r} for {call.last - call.joined:.0f} s"
    yield told_ending(call)


def _told_now(one: LoggedExplanation) -> str:
    return told_outcome(one.now.outcome, one.logged.call, mask_pin) if one.now else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def logged_record(one: LoggedExplanation) -> dict[str, Any]:
    """A logged call as JSON."""
    call, was = one.logged, happened(one.logged)
    return {
        "call_id": call.call_id,
        "sip_call_id": call.sip_call_id,
        "time": _time(call.started),
        "to": call.to_user,
        "to_host": call.to_host,
        "from": call.from_user,
        "from_host": call.from_host,
        "source_ip": call.source_ip,
        "transport": call.transport,
        "trunk_id": call.trunk_id,
        "rule_id": call.rule_id,
        "room_name": call.room,
        "identity": call.identity,
        "pin": None if call.typed is None else mask_pin(call.typed.reveal()),
        "reason": reason_of(call),
        "ended": told_ending(call),
        "failed": is_failed(call),
        "outcome": was[0].value if was else None,
        "stage": was[1].value if was else None,
        "agrees": one.agrees,
        "now": {"verdict": _told_now(one), **outcome_record(one.now.outcome)} if one.now else None,
        "advice": list(map(_advice_record, one.now.advice)) if one.now else [],
        "untold": untold(call),
        "guesses": guesses(call),
    }


def _advice_record(advice: Advice) -> dict[str, str]:
    return {"text": advice.text, "command": str(advice.command or "")}
