"""Options of `sipctl webhook replay`, and what their words mean."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.inputs import read_moment
from sipctl.config.values import DURATION_FAULT, read_duration
from sipctl.errors import UsageError
from sipctl.webhooks.event import ALIASES
from sipctl.webhooks.selection import Selection, Spacing

Events = Annotated[
    list[str] | None, typer.Option("--event", metavar="EVENT", help="Only events of this name; repeatable.")
]
Rooms = Annotated[list[str] | None, typer.Option("--room", metavar="ROOM", help="Only this room; repeatable.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From then on; 15m, 2h … or RFC 3339.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")]
Skip = Annotated[int, typer.Option(min=0, max=10**12, metavar="N", help="Not the first N of these.")]
Limit = Annotated[int | None, typer.Option(min=0, max=10**12, metavar="N", help="At most N of the rest.")]
Jobs = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="So many requests at once.")]
GlobalOrder = Annotated[bool, typer.Option("--global-order", help="One after the other, whatever the room.")]
Speed = Annotated[str, typer.Option(metavar="SPEED", help="max; 1x as recorded, 10x ten times as fast.")]
MaxGap = Annotated[
    str | None, typer.Option(metavar="TIME", help="With a speed: no two events are further apart in the file.")
]
Retries = Annotated[int, typer.Option(min=0, max=4, metavar="N", help="LiveKit's four, after 1, 2, 4 and 8 s.")]
AsRecorded = Annotated[bool, typer.Option("--as-recorded", help="Send the recorded token; sign nothing anew.")]
Resume = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep there how far it came, and go on from there.")]
ExpectStatus = Annotated[
    int | None, typer.Option(min=100, max=599, metavar="CODE", help="Each answer has this status.")
]
MaxLatency = Annotated[
    float | None, typer.Option(min=0.001, max=3600, metavar="SECONDS", help="No answer takes longer.")
]
ExpectRule = Annotated[
    list[str] | None, typer.Option(metavar="ROOM", help="Afterwards LiveKit has one rule for it; repeatable.")
]
ExpectNoRule = Annotated[
    list[str] | None, typer.Option(metavar="ROOM", help="Afterwards LiveKit has none for it; repeatable.")
]
Settle = Annotated[
    float, typer.Option(min=0, max=3600, metavar="SECONDS", help="How long rules may take until they are so.")
]

_SPEED: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)x\Z")


def selection(
    events: Iterable[str] | None, rooms: Iterable[str] | None, since: str | None, until: str | None, skip: int,
    limit: int | None,
) -> Selection:  # fmt: skip
    """The events that these options mean.

    Raises:
        UsageError: a time is none.
    """
    return Selection(
        names=frozenset(ALIASES.get(name, name) for name in events or ()),
        rooms=frozenset(rooms or ()),
        since=read_moment("--since", since) if since else None,
        until=read_moment("--until", until) if until else None,
        skip=skip,
        limit=limit,
    )


def spacing(speed: str, max_gap: str | None) -> Spacing:
    """How events are spaced.

    Raises:
        UsageError: the speed is none, or the gap no time.
    """
    gap = read_duration(max_gap) if max_gap is not None else None
    if max_gap is not None and gap is None:
        raise UsageError(f"--max-gap {max_gap!r} {DURATION_FAULT}")
    found = _SPEED.match(speed)
    factor = float(found[1]) if found else 0.0
    if speed != "max" and not factor:
        raise UsageError(f"--speed {speed!r} is no speed", hint="write max, 1x, 10x or 0.5x")
    return Spacing(factor or None, gap.total_seconds() if gap is not None else None)
