"""PINs in files: csv, json or jsonl, with the fields room, pin, state and assigned_at."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sipctl.errors import UsageError
from sipctl.registry.store import Holding, Registry
from sipctl.telephony.pins import is_pin

FIELDS: Final = ("room", "pin", "state", "assigned_at")
_ROOM_NAMES: Final = ("room", "resource_id", "room_name")
_PIN_NAMES: Final = ("pin", "pin_code")
_MANGLED: Final = re.compile(r"[0-9.,]+E\+?[0-9]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an import: `state` is added, changed, conflicting, unchanged or invalid, `why` says more."""

    room: str
    pin: str
    state: str
    why: str = ""


def records(holdings: Iterable[Holding]) -> Iterator[dict[str, str]]:
    """What a file holds of each room; PINs in full."""
    for holding in holdings:
        state = "active" if holding.pin else "none"
        yield {"room": holding.room, "pin": holding.pin, "state": state, "assigned_at": holding.assigned_at}


def read_rows(text: str) -> list[tuple[int, str, str]]:
    """The line or item number, room and PIN of each row of a csv, json or jsonl file.

    Raises:
        UsageError: it is none of these, or lacks a column.
    """
    start = text.lstrip()[:1]
    rows = _json_rows(text) if start in {"[", "{"} else _csv_rows(text)
    return [(number, *_room_and_pin(row, number)) for number, row in rows if row.get("state", "active") != "retired"]


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        whole = json.loads(text) if text.lstrip().startswith("[") else _whole(text)
        value = whole or [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise UsageError(f"the file is not JSON of PINs: {error}") from None
    for number, row in enumerate(value, 1):
        if not isinstance(row, Mapping):
            raise UsageError(f"item {number} is no object with room and pin")
        yield number, row


def _whole(text: str) -> list[Any] | None:
    """The items of one JSON object, or None if the text is one object a line."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return list(value["items"]) if isinstance(value, Mapping) and "items" in value else None


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), dialect=_dialect(text))
    for row in reader:
        yield reader.line_num, {str(key).strip(): value for key, value in row.items()}


def _dialect(text: str) -> type[csv.Dialect] | str:
    head = text.splitlines()[0] if text else ""
    return _Semicolons if head.count(";") > head.count(",") else "excel"


class _Semicolons(csv.excel):
    delimiter = ";"


def _room_and_pin(row: Mapping[str, Any], number: int) -> tuple[str, str]:
    room, pin = (next((row[name] for name in names if name in row), None) for names in (_ROOM_NAMES, _PIN_NAMES))
    if room is None or pin is None:
        raise UsageError(f"row {number} has no room or no pin", hint=f"the columns are {', '.join(FIELDS)}")
    return str(room).strip(), "" if pin is None else str(pin).strip()


def plan_import(registry: Registry, rows: Iterable[tuple[int, str, str]], length: int) -> list[Item]:
    """What an import would do with each row. `length` is the one in force: a shorter number lost its zeros.

    Raises:
        UsageError: a PIN was mangled by a spreadsheet, or is none.
    """
    rows = [row for row in rows if row[2]]
    for number, room, pin in rows:
        _refuse_mangled(number, room, pin, length)
    held = registry.pins_of(room for _, room, _ in rows)
    holders = registry.holders(pin for _, _, pin in rows)
    seen: dict[str, str] = {}
    items = []
    for _, room, pin in rows:
        holder = holders.get(pin)
        if held.get(room) == pin:
            items.append(Item(room, pin, "unchanged"))
        elif pin in seen or (holder and (holder.room != room or holder.state != "active")):
            other = seen.get(pin) or (holder.room if holder else "")
            items.append(Item(room, pin, "conflicting", f"the PIN is or was that of room {other!r}"))
        elif room in held:
            items.append(Item(room, pin, "conflicting", "the room has another PIN; `sipctl pin rotate` changes it"))
        else:
            items.append(Item(room, pin, "added"))
        seen.setdefault(pin, room)
    return items


def _refuse_mangled(number: int, room: str, pin: str, length: int) -> None:
    if _MANGLED.match(pin):
        raise UsageError(f"row {number}: a spreadsheet made {pin!r} of the PIN of {room!r}", hint="format it as text")
    if pin.isdigit() and len(pin) < length:
        raise UsageError(
            f"row {number}: the PIN of {room!r} has {len(pin)} digits instead of {length}: leading zeros may be lost",
            hint="format the column as text, or set ROOM_TELEPHONY_PIN_LENGTH to what the file has",
        )
    if not is_pin(pin):
        raise UsageError(f"row {number}: the PIN of {room!r} is not 4 to 16 digits")


def apply_import(registry: Registry, items: Iterable[Item]) -> set[str]:
    """Store what a plan adds; the rooms that got their PIN."""
    return registry.give([(item.room, item.pin) for item in items if item.state == "added"])
