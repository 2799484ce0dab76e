"""LiveKit's objects as JSON rows, their PINs masked unless asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypedDict

from sipctl.telephony.livekit_json import RuleJson, rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership, is_open
from sipctl.telephony.pins import mask_pin

FURTHER_KEYS: Final = {"additionalProperties": True}
"""In JSON Schema: the row has more keys than its TypedDict names."""

Names = Mapping[str, str]
"""What people call a room, by its name in LiveKit, as far as that is known."""


UNKNOWN_FIELDS: Final = ("unknown fields", "of a newer LiveKit: kept as they are")
"""A line of what is shown in full, if it has any."""


class RuleMarks(TypedDict):
    """What sipctl makes of a dispatch rule; `called` is what people call its room, null if that is not known."""

    owned: bool
    open: bool
    called: str | None


class RuleRow(RuleJson):
    """A dispatch rule in LiveKit's own JSON; the PIN is masked unless --show-pins was given."""

    sipctl: RuleMarks


def utc_text(moment: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, to the second."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def cells(row: Mapping[str, object]) -> tuple[str, ...]:
    """The values of a JSON row that holds texts alone, as the cells of a table."""
    return tuple(map(str, row.values()))


def shown_pin(pin: str, *, show: bool) -> str:
    """The PIN as this run may print it."""
    return pin if show else mask_pin(pin)


def mask_rule_json(rule: Mapping[str, Any], *, show: bool) -> None:
    """Mask the PIN of a dispatch rule in LiveKit's JSON shape, in place, unless it may be shown."""
    if not show:
        for kind in (rule["rule"] or {}).values():
            kind["pin"] = mask_pin(kind["pin"])


def rule_row(rule: DispatchRule, mark: Ownership, *, show_pins: bool, names: Names = MappingProxyType({})) -> RuleRow:
    """LiveKit's own JSON of the rule, and what sipctl makes of it under `sipctl`."""
    marks = RuleMarks(owned=mark.owns(rule), open=is_open(rule), called=names.get(rule.room_name))
    row = RuleRow(**rule_to_json(rule), sipctl=marks)
    mask_rule_json(row, show=show_pins)
    return row
