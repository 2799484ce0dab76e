"""PINs in files: csv, json or jsonl, with the fields room, pin, state and assigned_at."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import NotFoundError, PartialError, SipctlError, UsageError
from sipctl.operations.audit import Journal
from sipctl.operations.pins import give_back, partly_done_after, store_pins
from sipctl.operations.rotation_plan import rules_of_others
from sipctl.operations.safeguards import spared_by
from sipctl.operations.snapshot import Live
from sipctl.spreadsheet import from_cell
from sipctl.telephony.limits import MAX_ITEMS, check_objects, within
from sipctl.telephony.naming import counted
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import MASK, MIN_LENGTH, is_pin, typed_pin
from sipctl.telephony.registered import ACTIVE, RETIRED, Holder
from sipctl.telephony.room_names import checked_room_name
from sipctl.telephony.text import is_unicode

if TYPE_CHECKING:
    from sipctl.registry.store import Registry

FIELDS: Final = ("room", "pin", "state", "assigned_at")
_ROWS: Final = "rows in the file"
_ROOM_NAMES: Final = ("room", "resource_id", "room_name")
_PIN_NAMES: Final = ("pin", "pin_code")
_LIKE_A_PIN: Final = re.compile(r"[0-9.,E+ ]+\Z")
_MANGLED: Final = re.compile(r"[0-9.,]+E\+?[0-9]+\Z", re.IGNORECASE)

_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(\s[0-9]{3})+\Z")
"""How a spreadsheet writes a number, whose zeros it has taken away; Meet's groups are 3, 3 and 4 digits."""


class State(StrEnum):
    """What an import does with a row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICTING = "conflicting"
    LIVE = "left out: live"
    PROTECTED = "left out: protected"
    FOREIGN = "left out: foreign"
    FAILED = "failed"
    PARTLY = "partly done"
    UNKNOWN = "unknown room"


_LEFT_OUT: Final = {
    "live": (State.LIVE, "someone may be dialling; `--allow live-room` changes it"),
    "protected": (State.PROTECTED, "it is on the protect list; `--allow protected` changes it"),
    "foreign": (State.FOREIGN, "a rule that this profile does not own carries its PIN, too; `--allow foreign`"),
}
_BACK: Final = "it had this PIN before: out of quarantine"


@dataclass(frozen=True, slots=True)
class Item:
    """One row of an import and what becomes of it; `why` says more."""

    room: str
    pin: str
    state: State
    why: str = ""


def read_rows(text: str, limit: int = MAX_ITEMS) -> list[tuple[int, str, str]]:
    """The line or item number, room and PIN ("" = none) of each row of a csv, json or jsonl file.

    Raises:
        UsageError: it is none of these, lacks a column, or has more than `limit` rows.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise UsageError("the file is empty", hint=f"the columns are {', '.join(FIELDS)}")
    check_objects(text, limit, _ROWS)
    start = text.lstrip()[:1]
    rows = within(limit, _json_rows(text) if start in {"[", "{"} else _csv_rows(text), _ROWS)
    return [(number, *_room_and_pin(row, number)) for number, row in rows if row.get("state", "active") != "retired"]


def read_row_lines(text: str, limit: int = MAX_ITEMS) -> tuple[list[tuple[int, str, str]], int]:
    """The same of a file with one JSON object a line, and how many of its lines are none with room and pin.

    Those are passed over, as is a line that is not UTF-8 (its bytes are lone surrogates).

    Raises:
        UsageError: no line is one, a PIN is no text, or there are more than `limit` lines.
    """
    all_lines = within(limit, text.removeprefix("\ufeff").split("\n"), _ROWS)
    lines = [(number, line) for number, line in enumerate(all_lines, 1) if line.strip()]
    found = [(number, row) for number, line in lines if (row := _row_of(line)) is not None]
    if not found:
        raise UsageError("no line of the file is an object with room and pin", hint='such as {"room": …, "pin": …}')
    rows = [(number, *_room_and_pin(row, number)) for number, row in found if row.get("state", "active") != "retired"]
    return rows, len(lines) - len(found)


def rows_of_rules(live: Live, mark: Ownership) -> list[tuple[int, str, str]]:
    """The rows that the owned rules of live rooms make: each room with the PIN that opens it now."""
    carried = (rule for rule in live.rules if rule.room_name in live.rooms and mark.owns(rule) and is_pin(rule.pin))
    pairs = dict.fromkeys((rule.room_name, rule.pin) for rule in carried)
    return [(number, room, pin) for number, (room, pin) in enumerate(pairs, 1)]


def _row_of(line: str) -> Mapping[str, Any] | None:
    try:
        row = json.loads(line) if is_unicode(line) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, Mapping):
        return None
    room = next((row[name] for name in _ROOM_NAMES if name in row), None)
    return row if room and not row.keys().isdisjoint(_PIN_NAMES) else None


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        whole = json.loads(text) if text.lstrip().startswith("[") else _whole(text)
        value = [json.loads(line) for line in text.split("\n") if line.strip()] if whole is None else whole
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
    try:
        for row in reader:
            yield reader.line_num, {str(key).strip(): from_cell(value or "") for key, value in row.items() if key}
    except csv.Error as error:
        raise UsageError(f"row {reader.reader.line_num}: {error}", hint="save it as CSV in UTF-8") from None


def _dialect(text: str) -> type[csv.Dialect] | str:
    head = text.splitlines()[0] if text else ""
    return _Semicolons if head.count(";") > head.count(",") else "excel"


class _Semicolons(csv.excel):
    delimiter = ";"


def _room_and_pin(row: Mapping[str, Any], number: int) -> tuple[str, str]:
    room, pin = (next((name for name in names if name in row), None) for names in (_ROOM_NAMES, _PIN_NAMES))
    if room is None or pin is None or not row[room]:
        raise UsageError(f"row {number} has no room or no pin", hint=f"the columns are {', '.join(FIELDS)}")
    if not isinstance(row[room], str | int):
        raise UsageError(f"row {number}: the room is no text", hint="write it in quotes")
    name = str(row[room])
    if not isinstance(row[pin], str | None):
        raise UsageError(f"row {number}: {_pin_of(name)} is no text", hint="a number loses its leading zeros")
    text = (row[pin] or "").strip()
    found = name, text if _THOUSANDS.match(text) else typed_pin(text)
    if not all(map(is_unicode, found)):
        raise UsageError(f"row {number} holds half a character, which is no Unicode", hint="write the file in UTF-8")
    try:
        return checked_room_name(found[0]), found[1]
    except UsageError as error:
        raise UsageError(f"row {number}: {error.message}") from None


def plan_import(
    registry: "Registry",
    settings: Settings,
    rows: Iterable[tuple[int, str, str]],
    live: Live | None,
    allow: frozenset[str],
) -> list[Item]:
    """What an import would do with each row. A PIN that a rule of another room carries is that room's.

    A number that is shorter than the length in force lost its zeros, unless the room is known to have or have had it,
    from when PINs were shorter.

    Raises:
        UsageError: a PIN was mangled by a spreadsheet, or is none.
    """
    rows = [(number, room, pin) for number, room, pin in _by_own_names(registry, rows) if pin]
    given = [(room, pin) for _, room, pin in rows]
    known = registry.known(room for room, _ in given)
    carried = {rule.pin: Holder(rule.room_name, ACTIVE) for rule in live.rules if rule.pin} if live else {}
    owners = carried | registry.holders(pin for _, pin in given)
    for number, room, pin in rows:
        was_its = pin in owners and owners[pin].room == room
        _refuse_mangled(number, room, pin, MIN_LENGTH if was_its else settings.telephony.pin_length)
    spared = spared_by(settings, live, allow)
    foreign = {} if "foreign" in allow else rules_of_others(known.values(), live, settings.mark)
    items: list[Item] = []
    for room, pin in given:
        owner = owners.setdefault(pin, Holder(room, ACTIVE))
        held = known[room].pin if room in known else ""
        if room not in known and not registry.takes_new_rooms:
            items.append(Item(room, pin, State.UNKNOWN, "Meet has no such room"))
        elif held == pin:
            items.append(Item(room, pin, State.UNCHANGED))
        elif owner.room != room:
            has = "has" if owner.state == ACTIVE else "had"
            items.append(Item(room, pin, State.CONFLICTING, f"room {owner.room!r} {has} this PIN"))
        elif held and (reason := spared(room) or ("foreign" if room in foreign else "")):
            items.append(Item(room, pin, *_LEFT_OUT[reason]))
        else:
            why = _BACK if owner.state == RETIRED else ""
            items.append(Item(room, pin, State.CHANGED if held else State.ADDED, why))
    return _once_a_room(items)


def _by_own_names(registry: "Registry", rows: Iterable[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """The rows with the registry's own names for their rooms; what is no room's name, or several's, stays."""
    if registry.takes_new_rooms:
        return list(rows)
    return [(number, _own_name(registry, room), pin) for number, room, pin in rows]


def _own_name(registry: "Registry", room: str) -> str:
    try:
        return registry.find(room).room
    except (NotFoundError, UsageError):
        return room


def _once_a_room(items: Iterable[Item]) -> list[Item]:
    """The items; of several PINs for one room only the first counts."""
    first: dict[str, str] = {}
    return [
        item
        if first.setdefault(item.room, item.pin) == item.pin
        else replace(item, state=State.CONFLICTING, why="the file names the room twice, with two PINs")
        for item in items
    ]


def _pin_of(room: str) -> str:
    """What an error calls a PIN; a room that reads like one may be one, in a file whose columns are swapped."""
    return "the PIN" if _LIKE_A_PIN.match(room) else f"the PIN of {room!r}"


def _refuse_mangled(number: int, room: str, pin: str, length: int) -> None:
    """Stop at a PIN that is none, with its row and without its digits, for a spreadsheet leaves most of them."""
    if MASK in pin:
        raise UsageError(
            f"row {number}: {_pin_of(room)} is masked",
            hint=(CommandLine.of("pin", "export").on("pins.csv"), " writes PINs in full"),
        )
    if _MANGLED.match(pin):
        raise UsageError(f"row {number}: a spreadsheet made a number of {_pin_of(room)}", hint="format it as text")
    if pin.isdigit() and len(pin) < length:
        raise UsageError(
            f"row {number}: {_pin_of(room)} has {len(pin)} digits instead of {length}: leading zeros may be lost",
            hint="format the column as text, or set ROOM_TELEPHONY_PIN_LENGTH to what the file has",
        )
    if not is_pin(pin):
        raise UsageError(f"row {number}: {_pin_of(room)} is not 4 to 16 digits")


def add_pins(registry: "Registry", items: Iterable[Item], journal: Journal) -> list[Item]:
    """Store what a plan adds; what another run took meanwhile is conflicting now.

    All in one transaction, but for PINs that come back out of the quarantine of their own rooms: each in its own.

    Raises:
        PartialError: something failed after some were stored.
    """
    wanted = {item.room: item.pin for item in items if item.state is State.ADDED}
    holders = registry.holders(wanted.values()) if wanted else {}
    own = {room: pin for room, pin in wanted.items() if holders.get(pin) == Holder(room, RETIRED)}
    fresh = {room: pin for room, pin in wanted.items() if room not in own}
    stored = store_pins(registry, fresh, journal) if fresh else set()
    with partly_done_after(lambda: f"{counted(len(stored), 'room')} got a PIN" if stored else ""):
        for room, pin in own.items():
            if give_back(registry, room, pin, journal):
                stored.add(room)
    return [
        replace(item, state=State.CONFLICTING, why="taken meanwhile")
        if item.state is State.ADDED and item.room not in stored
        else item
        for item in items
    ]


def _failed_state(error: SipctlError) -> State:
    """What an error says of a room: as it was, or not."""
    return State.PARTLY if isinstance(error, PartialError) else State.FAILED


def unless_failed(items: Iterable[Item], failed: Mapping[str, SipctlError]) -> list[Item]:
    """The items, those of rooms that could not be changed with the error."""
    return [
        replace(item, state=_failed_state(failed[item.room]), why=failed[item.room].message)
        if item.state is State.CHANGED and item.room in failed
        else item
        for item in items
    ]
