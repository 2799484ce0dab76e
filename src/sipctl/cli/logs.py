"""What `rules explain --log` does: read livekit-sip's log, gather its calls, hold them against the rules."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sipctl.cli.explaining import Surroundings, read_site, to_paste
from sipctl.cli.inputs import STDIN, Lines, check_stdin, named
from sipctl.cli.session import Session
from sipctl.cli.views.explanation import ExplanationView
from sipctl.cli.views.logged import LogView
from sipctl.errors import NotFoundError, PartialError, UsageError
from sipctl.telephony.explaining.logged import LoggedExplanation, explain_logged
from sipctl.telephony.siplog.calls import LoggedCall, gather_calls
from sipctl.telephony.siplog.ending import is_failed
from sipctl.telephony.siplog.line import LogLine, read_line
from sipctl.telephony.siplog.wrapping import unwrapped
from sipctl.telephony.site import Site

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])\Z")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


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
    since = _moment(wanted.since) if wanted.since else None
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
    session.emit(LogView(explained))
    if wanted.call is not None and session.options.output == "table":
        _show_whole(session, explained)
    log.conclude(session.streams.note)


def _site(session: Session, around: Surroundings) -> Site | None:
    """The present rules; None if there is nobody to ask for them."""
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
            lines = f"{self.strange} line{'s' if self.strange != 1 else ''}"
            note(f"note: {lines} of {path} {'are' if self.strange != 1 else 'is'} not livekit-sip's")


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


def _moment(text: str) -> float:
    """A time as RFC 3339 writes it (UTC unless it says otherwise), or how long ago: 90s, 15m, 2h, 1d.

    Raises:
        UsageError: it is neither.
    """
    ago = _AGO.match(text)
    try:
        moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text!r} is no time", hint="write 15m, 2h, 1d or 2026-11-22T21:17:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
