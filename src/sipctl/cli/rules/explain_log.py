"""`sipctl rules explain --log`: livekit-sip's log, its calls, and what the present rules make of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypedDict

from sipctl.cli.inputs import STDIN, Lines, check_stdin, named, read_moment
from sipctl.cli.rules.explain_view import ExplanationView
from sipctl.cli.rules.surroundings import Surroundings, read_site, to_paste
from sipctl.cli.session import Session
from sipctl.command_line import prose_text
from sipctl.errors import NotFoundError, PartialError
from sipctl.output.formats import Listing
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.telephony.explaining.advice import Advice
from sipctl.telephony.explaining.logged import LoggedExplanation, explain_logged
from sipctl.telephony.explaining.words import describe_outcome
from sipctl.telephony.matching.record import Ending, outcome_record
from sipctl.telephony.naming import counted
from sipctl.telephony.pins import mask_pin
from sipctl.telephony.siplog.calls import PIN_ASKED, LoggedCall, gather_calls
from sipctl.telephony.siplog.ending import describe_ending, guesses, happened, is_failed, not_in_log, reason_of
from sipctl.telephony.siplog.line import LogLine, read_line
from sipctl.telephony.siplog.wrapping import unwrapped
from sipctl.telephony.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls of a log to explain: one by its id, those since a time, those that failed."""

    path: Path
    call: str | None
    since: str | None
    failed: bool


def explain_log(session: Session, around: Surroundings, wanted: Wanted) -> None:
    """`rules explain --log`."""
    check_stdin(
        {"--log -": wanted.path == STDIN, "--offline -": STDIN in around.offline}, "put one of them into a file"
    )
    since = read_moment("--since", wanted.since) if wanted.since else None
    site = _site(session, around)
    log = _Log(Lines(wanted.path, session.streams.warn))
    gathered = gather_calls(log.lines(), session.options.max_items)
    calls = [call for call in gathered if _is_wanted(call, wanted, since)]
    if wanted.call is not None and not calls:
        raise NotFoundError(f"no call {wanted.call!r} in {named(wanted.path)}", hint="give its callID or its Call-ID")
    if not calls:
        session.streams.note(f"note: no such call in {named(wanted.path)}")
    explained = [
        replace(one, now=to_paste(session, one.now)) if one.now else one for one in explain_logged(site, calls)
    ]
    _, called = session.named(calls, lambda call: call.room)
    session.emit(LogView(explained, called))
    if wanted.call is not None and session.options.output == "table":
        _show_whole(session, explained)
    log.conclude(session.streams.note)


def _site(session: Session, around: Surroundings) -> Site | None:
    """The present rules; None if there is no one to ask for them."""
    if not around.offline and session.settings.connection_or_none is None:
        session.streams.note("note: no LiveKit is configured and no --offline given: this is the log alone")
        return None
    return read_site(session, around)


@dataclass(slots=True)
class _Log:
    """The lines of livekit-sip in a file. Others are counted: a log holds what its container writes beside."""

    file: Lines
    known: int = 0
    strange: int = 0

    def lines(self) -> Iterator[LogLine]:
        for line in unwrapped(line.decode(errors="replace") for _, line in self.file.read()):
            try:
                yield read_line(line)
                self.known += 1
            except (ValueError, RecursionError):
                self.strange += 1

    def conclude(self, note: Callable[[str], None]) -> None:
        """Say how many lines were passed over.

        Raises:
            PartialError: there was none of livekit-sip's.
        """
        path = named(self.file.path)
        if self.strange and not self.known:
            raise PartialError(f"no line of {path} is one of livekit-sip's", hint="give the log of livekit-sip itself")
        if self.strange:
            are = "are" if self.strange != 1 else "is"
            note(f"note: {counted(self.strange, 'line')} of {path} {are} not livekit-sip's")


def _is_wanted(call: LoggedCall, wanted: Wanted, since: float | None) -> bool:
    return (
        (wanted.call is None or wanted.call in {call.call_id, call.sip_call_id})
        and (since is None or call.started >= since)
        and (not wanted.failed or is_failed(call))
    )


def _show_whole(session: Session, explained: Iterable[LoggedExplanation]) -> None:
    """One call is worth the whole screen, its PIN masked as in the log."""
    for one in explained:
        if one.now:
            session.streams.write(["\n"])
            session.emit(ExplanationView(one.now, show_pins=False))


class PresentEnding(Ending):
    """What the present rules make of a logged call."""

    verdict: str


class LoggedAdvice(TypedDict):
    """What to change, in words and as a command."""

    text: str
    command: str


_Caller = TypedDict("_Caller", {"from": str})


class LoggedRow(_Caller):
    """A call of livekit-sip's log. `outcome` and `stage` are what LiveKit decided, null where the log does not say.

    `agrees` tells whether the present rules decide the same; `called` is the room's name for people, null if that is
    not known. The PIN is masked in any case.
    """

    call_id: str
    sip_call_id: str
    time: str
    to: str
    to_host: str
    from_host: str
    source_ip: str
    transport: str
    trunk_id: str
    rule_id: str
    room_name: str
    identity: str
    pin: str | None
    reason: str
    ended: str
    failed: bool
    outcome: str | None
    stage: str | None
    agrees: bool | None
    now: PresentEnding | None
    advice: list[LoggedAdvice]
    not_in_log: list[str]
    guesses: list[str]
    called: str | None


PRINTS: Final = {"logged-calls": list[LoggedRow]}


@dataclass(frozen=True, slots=True)
class LogView:
    """The calls of a log, in the order in which they began."""

    calls: Sequence[LoggedExplanation]
    called: Mapping[str, str]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The calls as text: a few lines each for people."""
        if style != "table":
            yield from _listing(self.calls, self.called).render(style, streams)
            return
        for call in self.calls:
            yield "".join(for_people(_lines(call, self.called.get(call.logged.room, "")), streams.out))


def _listing(calls: Sequence[LoggedExplanation], called: Mapping[str, str]) -> Listing[LoggedExplanation]:
    return Listing(
        schema="sipctl/logged-calls/v1",
        things="calls",
        items=calls,
        columns=(),
        row=lambda _: (),
        record=lambda one: _record(one, called.get(one.logged.room)),
        name=lambda one: one.logged.call_id,
    )


def _lines(one: LoggedExplanation, called: str) -> Iterator[str]:
    call = one.logged
    yield (
        f"{_time(call.started)}  {call.from_user or 'a hidden number'} → {call.to_user or call.to_host}"
        f"  from {call.source_ip} {call.transport}  {call.call_id}"
    )
    yield f"  {'; '.join(_story(call, called))}"
    if one.now and is_failed(call):
        yield from _now_lines(one)
    for guess in guesses(call):
        yield f"  a guess: {guess}"
    if questions := not_in_log(call):
        yield f"  not in the log: {'; '.join(questions)}"


def _now_lines(one: LoggedExplanation) -> Iterator[str]:
    """Why it failed, if the present rules still fail it; else what they would do."""
    if one.agrees is False:
        yield f"  now: {_describe_now(one)}"
    for advice in one.now.advice if one.now and one.agrees else ():
        yield f"  why: {prose_text(advice.text)}"
        if advice.command:
            yield f"       $ {advice.command}"


def _story(call: LoggedCall, called: str) -> Iterator[str]:
    """What happened, step by step."""
    if call.has(PIN_ASKED):
        typed = "" if call.typed is None else f", typed {mask_pin(call.typed.reveal())}#"
        yield f"asked for a PIN{typed}"
    if call.joined:
        name = f" ({called})" if called else ""
        yield f"in room {call.room!r}{name} for {call.last - call.joined:.0f} s"
    yield describe_ending(call)


def _describe_now(one: LoggedExplanation) -> str:
    return describe_outcome(one.now.outcome, one.logged.call, mask_pin) if one.now else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _record(one: LoggedExplanation, called: str | None) -> LoggedRow:
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
        "ended": describe_ending(call),
        "failed": is_failed(call),
        "outcome": was[0].value if was else None,
        "stage": was[1].value if was else None,
        "agrees": one.agrees,
        "now": {"verdict": _describe_now(one), **outcome_record(one.now.outcome)} if one.now else None,
        "advice": list(map(_advice_record, one.now.advice)) if one.now else [],
        "not_in_log": not_in_log(call),
        "guesses": guesses(call),
        "called": called,
    }


def _advice_record(advice: Advice) -> LoggedAdvice:
    return {"text": prose_text(advice.text), "command": str(advice.command or "")}
