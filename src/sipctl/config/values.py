"""What a setting's text means: the types that Meet's settings have, and our own."""

import re
from datetime import timedelta
from typing import Final

from sipctl.config.model import Setting
from sipctl.errors import ConfigError
from sipctl.telephony.ownership import ROOM_FIELD

_TRUE: Final = frozenset({"yes", "y", "true", "1"})
_FALSE: Final = frozenset({"no", "n", "false", "0", ""})
_DURATION: Final = re.compile(r"([0-9]{1,8})([smhd]?)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_DAYS: Final = 365
"""No one waits longer, and the calendar of the machine ends somewhere."""
DURATION_FAULT: Final = f"is not a time such as 90s, 10m, 2h or 1d, up to {_LONGEST_DAYS}d"


def read_boolean(name: str, setting: Setting) -> bool:
    """A boolean as django-configurations reads it: yes, y, true, 1 and no, n, false, 0, "" in any case.

    Raises:
        ConfigError: any other word, at which Meet does not start.
    """
    word = str(setting.value).lower()
    if word not in _TRUE | _FALSE:
        raise ConfigError(
            f"{name}={setting.value} is no boolean for Meet ({setting.origin})", hint="write True or False"
        )
    return word in _TRUE


def read_count(name: str, setting: Setting) -> int:
    """A whole number from 0 up.

    Raises:
        ConfigError: anything else, at which Meet does not start.
    """
    text = str(setting.value).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ConfigError(f"{name}={setting.value} is no whole number ({setting.origin})", hint="write digits alone")
    return int(text)


def check_template(name: str, setting: Setting) -> None:
    """Refuse a `name_template` that does not hold the room once.

    Raises:
        ConfigError: it does not.
    """
    if fault := template_fault(str(setting.value)):
        raise ConfigError(f"{name}={setting.value} {fault} ({setting.origin})")


def check_pattern(name: str, setting: Setting) -> None:
    """Refuse a regular expression that is none.

    Raises:
        ConfigError: it is none.
    """
    if fault := pattern_fault(str(setting.value)):
        raise ConfigError(f"{name}={setting.value} {fault} ({setting.origin})")


def template_fault(text: str) -> str:
    """What is wrong with a `name_template`; "" if nothing."""
    return "" if text.count(ROOM_FIELD) == 1 else f"must hold {ROOM_FIELD} once, as SIP_{ROOM_FIELD} does"


def pattern_fault(text: str) -> str:
    """What is wrong with a regular expression; "" if nothing."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return ""


def read_duration(text: str) -> timedelta | None:
    """A time such as 90s, 10m, 2h, 1d or 0, up to 365d; None if the text is none."""
    found = _DURATION.fullmatch(text.strip())
    span = timedelta(seconds=int(found[1]) * _SECONDS[found[2] or "s"]) if found else None
    return span if span is not None and span <= timedelta(days=_LONGEST_DAYS) else None


def duration_text(span: timedelta) -> str:
    """A time in the words that `read_duration` reads."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
