"""Calls to a real livekit-sip as they were recorded on the wire."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sipctl.telephony.explaining.wire import EARLY_DIGITS

RECORDED = Path(__file__).parents[1] / "data" / "sip" / "calls.jsonl.gz"


def recorded() -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def check_a_pin_that_fills_the_buffer_loses_its_hash() -> None:
    by_name = {one["scenario"]: one for one in recorded()}
    for name, digits, lost in (("pin-early-9-digits", 10, False), ("pin-early-10-digits", 11, True)):
        first = next(event for event in by_name[name]["events"] if event["kind"] == "dtmf")
        assert len(first["digits"]) == digits
        assert (len(first["digits"]) > EARLY_DIGITS) is lost
        again = [event for event in by_name[name]["events"] if event["kind"] == "dtmf"][1:]
        assert bool(again) is lost  # the caller had to press # again
