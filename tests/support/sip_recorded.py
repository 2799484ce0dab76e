"""Every SIP message between a caller and LiveKit SIP, as recorded (tests/data/sip/messages.jsonl.gz)."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "sip" / "messages.jsonl.gz"

ODD = frozenset({"malformed-udp", "malformed-tcp", "hidden-malformed"})
"""Scenarios in which the caller breaks rules on purpose."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The bytes of one datagram or segment. `defect` names what the caller made wrong on purpose."""

    scenario: str
    transport: str
    from_livekit: bool
    data: bytes
    defect: str


def recorded_messages() -> Iterator[Recorded]:
    """All of them, in their order."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield Recorded(
                scenario=row["scenario"],
                transport=row["transport"],
                from_livekit=row["dir"] == "in",
                data=row["text"].encode("utf-8" if row["dir"] == "in" else "latin-1"),
                defect=row.get("defect", ""),
            )
