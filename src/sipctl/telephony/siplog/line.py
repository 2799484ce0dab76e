"""One line of livekit-sip's log, in either of its formats, whatever comes before it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_END_OF_TIME: Final = 253_402_300_800
"""The year 10000, in Unix seconds."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_COLUMNS: Final = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))\s+"
    r"(?:DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL)\s+(?:\S+\s+)?\S+\.go:\d+\s+(?P<rest>.*)\Z",
    re.DOTALL,
)
"""Time, level, perhaps the logger's name, and the place in the source: zap's console encoder parts them by tabs, and
what copies a log by blanks."""

_LEAST_BEFORE: Final = 20
"""Where an object begins before so many characters, no columns come before it: a time alone is as long."""

_OBJECT: Final = re.compile(r'\{(?:\s*"|\})')
_FIELDS: Final = re.compile(r'(?:\A|\s)(?=\{(?:\s*"|\}))')


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
    text = _COLOUR.sub("", text).replace("#011", "\t")  # rsyslog writes a tab so
    start = _OBJECT.search(text)
    columns = None if start and start.start() < _LEAST_BEFORE else _COLUMNS.search(text)
    if columns and not (start and start.start() < columns.start()):
        return _from_columns(columns["time"], columns["rest"])
    if start is None:
        raise ValueError("no columns and no JSON")
    return _from_json(json.loads(text[start.start() :]))


def _from_columns(time: str, rest: str) -> LogLine:
    found = _FIELDS.search(rest)
    message, fields = (rest[: found.start()], json.loads(rest[found.end() :])) if found else (rest, {})
    return LogLine(time=datetime.fromisoformat(time).timestamp(), message=message.strip(), fields=fields)


def _from_json(fields: Mapping[str, Any]) -> LogLine:
    time, message = fields.get("ts"), fields.get("msg")
    if isinstance(time, int | float) and isinstance(message, str) and 0 <= time < _END_OF_TIME:
        return LogLine(time=float(time), message=message, fields=fields)
    raise ValueError("neither ts nor msg")
