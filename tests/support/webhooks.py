"""Recorded webhooks of a real livekit-server, and the keys that verify them."""

from collections.abc import Iterator
from pathlib import Path

from sipctl.telephony.secret import Secret
from sipctl.webhooks.event import Event
from sipctl.webhooks.event_files import EventFiles

RECORDINGS = Path(__file__).parents[1] / "data" / "webhooks"
API_SECRET = "secret-for-bench-only-0123456789abcdef"
KEYS = {"devkey": Secret(API_SECRET), "otherkey": Secret("another-secret-for-bench-only-012345")}


def events_of(*paths: Path) -> list[Event]:
    """The events of files that hold nothing broken."""
    files = EventFiles.named(paths, print)
    events = list(files.read())
    assert not files.broken
    return events


def recorded() -> Iterator[Event]:
    """Every delivery of every recording."""
    return iter(events_of(RECORDINGS))


def recorded_lines(name: str) -> list[bytes]:
    """The lines of one recording."""
    return (RECORDINGS / f"{name}.jsonl").read_bytes().splitlines()
