"""What a person sees: tables and reports on terminals of two widths, in colour and without."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sipctl.cli.report_text import report_text
from sipctl.cli.rules.list import _view
from sipctl.command_line import CommandLine
from sipctl.doctor.report import make_report
from sipctl.findings.record import Finding, Fix, Level
from sipctl.output.streams import Streams
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership

SCREENS: Final = Path(__file__).parents[1] / "data" / "screens"
WIDTHS: Final = (80, 120)
_MARK: Final = Ownership()
_ROOMS: Final = [f"0198c5a2-77de-7cc1-8a5e-2b1c9d3e{at:04x}" for at in range(3)]
_LONG: Final = "a-room-whose-name-is-one-word-that-is-longer-than-the-terminal-is-wide-" + "x" * 60


class Terminal(io.StringIO):
    """A stream that says a person reads it."""

    def isatty(self) -> bool:
        return True


def screens() -> Iterator[tuple[str, str]]:
    """The name of each screen, and what is on it."""
    for width in WIDTHS:
        for color in ("color", "plain"):
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("COLUMNS", str(width))
                environment.setenv("TERM", "xterm")
                environment.delenv("FORCE_COLOR", raising=False)
                environment.setenv("NO_COLOR", "" if color == "color" else "1")
                for name, text in _contents():
                    yield f"{name}-{width}-{color}.txt", text


def _contents() -> Iterator[tuple[str, str]]:
    yield "rules-of-uuid-rooms", _list(_ROOMS)
    yield "rules-wide", _list(_ROOMS, wide=True)
    yield "rules-with-a-long-word", _list([_LONG, "standup"])
    yield "no-rules", _list([])
    yield "500-findings", _report(500)


def _list(rooms: list[str], *, wide: bool = False) -> str:
    rules = [
        DispatchRule(
            sip_dispatch_rule_id=f"SDR_{at}aQ7vKp3LmX9", kind=RuleKind.DIRECT, room_name=room, pin=f"482193050{at}",
            name=f"SIP_{room}",
        )
        for at, room in enumerate(rooms)
    ]  # fmt: skip
    out = Terminal()
    streams = Streams(out, out, wide=wide)
    out.writelines(_view(rules, _MARK, show_pins=False, names={}).render("table", streams))
    return out.getvalue()


def _report(count: int) -> str:
    findings = [
        Finding(
            code="RUL405", level=Level.WARN, title="Every owned rule has a live room",
            resource=f"rule SDR_{at:03}", detail=f"room 'gone-{at}' of SIP_gone-{at} is not live",
            fix=Fix(text="delete the rule; `sipctl rules purge --apply` deletes all that stay stale",
                    command=CommandLine.of("rules", "delete").on(f"SDR_{at:03}")),
        )
        for at in range(count)
    ]  # fmt: skip
    out = Terminal()
    report = make_report(findings, "500 warnings in the checks asked for.", fail_on=Level.ERROR)
    out.writelines(report_text(report, Streams(out, out), ()))
    return out.getvalue()
