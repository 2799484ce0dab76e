"""Options of commands that plan and apply changes of many rules."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.config.values import DURATION_FAULT, read_duration
from sipctl.errors import UsageError

_SLOWEST: Final = 0.01
_FASTEST: Final = 10_000

Grace = Annotated[
    str | None, typer.Option(metavar="TIME", help="How long a rule must be stale: 90s, 10m, 2h; default 10m.")
]
MaxDelete = Annotated[int | None, typer.Option(min=0, metavar="N", help="The most rules to delete; default 20.")]
MaxPercent = Annotated[
    int | None,
    typer.Option("--max-delete-percent", min=0, max=100, metavar="N", help="In percent, from 10 rules on; default 30."),
]


def _pause(value: str | None) -> str | None:
    """A run holds the lock while it waits, and two observations at one moment prove nothing."""
    span = read_duration(value) if value is not None else timedelta(seconds=1)
    if span is None:
        raise typer.BadParameter(f"{value!r} {DURATION_FAULT}")
    if not timedelta(seconds=1) <= span <= timedelta(days=1):
        raise typer.BadParameter(f"{value!r} is not from 1s to 1d")
    return value


def _rate(value: float) -> float:
    if 0 < value < _SLOWEST:
        raise typer.BadParameter(f"{value:g} is neither 0 nor from {_SLOWEST:g} (one in 100 seconds) to {_FASTEST}")
    return value


LookTwice = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", callback=_pause, help="Observe, wait, observe again; needs no earlier observation, keeps none."
    ),
]
Via = Annotated[
    str | None, typer.Option(metavar="EXECUTOR", help="livekit, or webhook: send missed webhooks to the backend again.")
]
LockWait = Annotated[
    float, typer.Option(min=0, max=86_400, metavar="SECONDS", help="How long to wait for another run to end.")
]
Rate = Annotated[
    float,
    typer.Option(min=0, max=_FASTEST, metavar="N", callback=_rate, help="At most so many writes a second; 0 = any."),
]
DetailedExit = Annotated[bool, typer.Option("--detailed-exitcode", help="Without --apply: 10 if there is work.")]
Textfile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write metrics there, for node_exporter.")]


def span_of(option: str, text: str | None) -> timedelta | None:
    """The time that an option names.

    Raises:
        UsageError: it names none.
    """
    span = read_duration(text) if text is not None else None
    if text is not None and span is None:
        raise UsageError(f"{option} {text!r} {DURATION_FAULT}")
    return span
