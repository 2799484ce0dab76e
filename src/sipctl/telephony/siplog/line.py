"""One line of livekit-sip's log, in either of its formats, with or without what a container runtime puts before it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_END_OF_TIME: Final = 253_402_300_800
"""The year 10000, in Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A message and its fields. `time` is Unix seconds. Fields that repeat inside one object always say the same."""

    time: float
    message: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field that is text; "" if it is not there."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def read_line(text: str) -> LogLine:
    """Read a line of the JSON format, or of the text format that livekit-sip writes by default.

    Raises:
        ValueError: it is neither.
    """
    before, brace, rest = text.partition("{")
    fields: dict[str, Any] = json.loads(brace + rest)
    columns = before.rstrip().split("\t")
    if len(columns) >= 5:
        moment = columns[-5].rpartition(" ")[2]
        return LogLine(time=datetime.fromisoformat(moment).timestamp(), message=columns[-1], fields=fields)
    time, message = fields.get("ts"), fields.get("msg")
    if isinstance(time, int | float) and isinstance(message, str) and 0 <= time < _END_OF_TIME:
        return LogLine(time=float(time), message=message, fields=fields)
    raise ValueError("neither ts nor msg")
