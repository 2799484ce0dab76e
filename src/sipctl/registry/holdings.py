"""The PINs in use: in our own table, or in Meet's. Statements on a connection; the caller holds the transaction."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    any_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sipctl.command_line import CommandLine
from sipctl.errors import NotFoundError, UsageError
from sipctl.registry.tables import meet_resources, meet_rooms, pins
from sipctl.telephony.registered import ACTIVE, RETIRED, Holding

_BATCH: Final = 500
"""How many names go into one IN list."""
_SHOWN: Final = 10


Pairs = Sequence[tuple[str, str]]


class PinsInUse(Protocol):
    """Where the PINs in use are. The table's own constraints keep one PIN from two rooms."""

    def query(self) -> Select[Any]:
        """Every known room with its PIN, in the order of rooms; `holding` reads its rows."""

    def find(self, connection: Connection, reference: str) -> Holding:
        """The room that is meant. Raises NotFoundError, and UsageError for a name that several rooms have."""

    def known(self, connection: Connection, rooms: Iterable[str]) -> dict[str, Holding]:
        """Those of these rooms that are known."""

    def pins_of(self, connection: Connection, rooms: Iterable[str]) -> dict[str, str]:
        """The PINs of those of these rooms that have one."""

    def rooms_of(self, connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
        """The rooms that have these PINs."""

    def count(self, connection: Connection, length: int) -> int:
        """How many PINs of this length are in use."""

    def give(self, connection: Connection, wanted: Pairs, *, now: str, expired: str) -> set[str]:
        """Store what can be stored of these rooms and PINs; the rooms that got theirs.

        What went into quarantine before `expired` is free again.
        """

    def swap(self, connection: Connection, room: str, held: str, wanted: str | None, *, now: str) -> bool:
        """Put another PIN, or none, into the place of the one held; False if that cannot be."""


def batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in lists of a length that every database takes."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def insert_into(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - each dialect has an Insert of its own
    """An INSERT into one of our tables that knows ON CONFLICT."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def among(connection: Connection, column: Any, values: Sequence[str]) -> Any:  # noqa: ANN401 - a column, a clause
    """The column has one of these values. PostgreSQL takes them as one array, where each placeholder would cost."""
    if connection.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(literal(values, postgresql.ARRAY(column.type)))


def _constant(text: str) -> ColumnElement[str]:
    """A text of our own, the same in all rows, as part of the statement: drivers parse the placeholders of each row."""
    return literal_column(f"'{text}'")


def holding(row: Any) -> Holding:  # noqa: ANN401 - a row of any `query`
    """The holding that a row says; what is null is ""."""
    values: Mapping[str, Any] = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    known: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    return Holding(**known)


class OwnPins:
    """PINs in our own table, where a room is its LiveKit room name."""

    def query(self) -> Select[Any]:
        """Every room that has a PIN; one whose PIN was released is known no more."""
        return select(pins.c.room, pins.c.pin, pins.c.assigned_at).where(pins.c.state == ACTIVE).order_by(pins.c.room)

    def find(self, connection: Connection, reference: str) -> Holding:
        """The room of this name."""
        row = connection.execute(self.query().where(pins.c.room == reference)).first()
        if row is None:
            raise NotFoundError(
                f"the registry knows no room {reference!r}", hint=(CommandLine.of("pin", "assign"), " adds one")
            )
        return holding(row)

    def known(self, connection: Connection, rooms: Iterable[str]) -> dict[str, Holding]:
        """Those of these rooms that have a PIN."""
        return _holdings(connection, self.query(), pins.c.room, rooms)

    def pins_of(self, connection: Connection, rooms: Iterable[str]) -> dict[str, str]:
        """The PINs of those of these rooms that have one."""
        query = select(pins.c.room, pins.c.pin).where(pins.c.state == ACTIVE)
        return _pairs(connection, query, pins.c.room, rooms)

    def rooms_of(self, connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
        """The rooms that have these PINs."""
        query = select(pins.c.pin, pins.c.room).where(pins.c.state == ACTIVE)
        return _pairs(connection, query, pins.c.pin, numbers)

    def count(self, connection: Connection, length: int) -> int:
        """How many PINs of this length are in use."""
        query = select(func.count()).where(pins.c.state == ACTIVE, func.length(pins.c.pin) == length)
        return int(connection.execute(query).scalar_one())

    def give(self, connection: Connection, wanted: Pairs, *, now: str, expired: str) -> set[str]:
        """Store what can be stored. Sorted, so that two runs take rows in one order and do not wait for each other."""
        _forget(connection, (pin for _, pin in wanted), expired)
        rows = [{"room": room, "pin": pin} for room, pin in sorted(wanted)]
        same = {"state": _constant(ACTIVE), "assigned_at": _constant(now)}
        statement = insert_into(connection, pins).values(same).on_conflict_do_nothing().returning(pins.c.room)
        return {room for batch in batches(rows) for room in connection.execute(statement, batch).scalars()}

    def swap(self, connection: Connection, room: str, held: str, wanted: str | None, *, now: str) -> bool:
        """Retire the PIN held and store the other one; a room may get back what it had itself."""
        retired = update(pins).where(pins.c.pin == held, pins.c.room == room, pins.c.state == ACTIVE)
        if connection.execute(retired.values(state=RETIRED, retired_at=now)).rowcount != 1:
            return False
        if wanted is None:
            return True
        values = {"state": ACTIVE, "assigned_at": now, "retired_at": None}
        stored = insert_into(connection, pins).values(pin=wanted, room=room, **values)
        stored = stored.on_conflict_do_update(index_elements=[pins.c.pin], set_=values, where=pins.c.room == room)
        return connection.execute(stored.returning(pins.c.pin)).first() is not None


def _forget(connection: Connection, numbers: Iterable[str], expired: str) -> None:
    """Free those of these PINs whose quarantine is over."""
    over = delete(pins).where(pins.c.state == RETIRED, pins.c.retired_at < expired)
    for batch in batches(numbers):
        connection.execute(over.where(among(connection, pins.c.pin, batch)))


def _holdings(connection: Connection, query: Any, column: Any, rooms: Iterable[str]) -> dict[str, Holding]:  # noqa: ANN401 - a `query`, its column
    rows = (
        row for batch in batches(rooms) for row in connection.execute(query.where(among(connection, column, batch)))
    )
    return {row.room: holding(row) for row in rows}


def _pairs(connection: Connection, query: Any, column: Any, values: Iterable[str]) -> dict[str, str]:  # noqa: ANN401 - a select of two columns
    return {
        key: value
        for batch in batches(values)
        for key, value in connection.execute(query.where(among(connection, column, batch)))
    }


_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANY_UUID: Final = re.compile(f"{_UUID.pattern}|[0-9a-f]{{32}}")
_WITHOUT: Final = or_(meet_rooms.c.pin_code.is_(None), meet_rooms.c.pin_code == "")


class MeetPins:
    """PINs in Meet's own tables, where a room is its UUID; `updated_at` is kept in step."""

    def query(self) -> Select[Any]:
        """Every room of Meet's."""
        room, pin = meet_rooms.c.resource_id.label("room"), meet_rooms.c.pin_code.label("pin")
        is_blank = func.coalesce(meet_rooms.c.pin_code == "", False).label("is_blank")
        columns = (room, pin, meet_rooms.c.name, meet_rooms.c.slug, is_blank)
        return select(*columns).order_by(meet_rooms.c.resource_id)

    def find(self, connection: Connection, reference: str) -> Holding:
        """The room with this UUID, with or without dashes; for what is none the room with this slug, else this name.

        A name is free text: that of one room may be the UUID of another, which is gone.
        """
        is_id = _ANY_UUID.fullmatch(reference.lower())
        columns = (cast(meet_rooms.c.resource_id, String),) if is_id else (meet_rooms.c.slug, meet_rooms.c.name)
        for column in columns:
            value = str(UUID(reference)) if is_id else reference
            rows = connection.execute(self.query().where(column == value)).all()
            if len(rows) > 1:
                ids = ", ".join(row.room for row in rows[:_SHOWN])
                raise UsageError(f"{len(rows)} rooms are called {reference!r}: {ids}", hint="give one of these ids")
            if rows:
                return holding(rows[0])
        raise NotFoundError(f"Meet knows no room {reference!r}", hint="give its UUID, its slug or its name")

    def known(self, connection: Connection, rooms: Iterable[str]) -> dict[str, Holding]:
        """Those of these rooms that Meet has; what is no UUID is none."""
        return _holdings(connection, self.query(), meet_rooms.c.resource_id, filter(_UUID.fullmatch, rooms))

    def pins_of(self, connection: Connection, rooms: Iterable[str]) -> dict[str, str]:
        """The PINs of those of these rooms that have one."""
        query = select(meet_rooms.c.resource_id, meet_rooms.c.pin_code).where(meet_rooms.c.pin_code != "")
        return _pairs(connection, query, meet_rooms.c.resource_id, filter(_UUID.fullmatch, rooms))

    def rooms_of(self, connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
        """The rooms that have these PINs."""
        query = select(meet_rooms.c.pin_code, meet_rooms.c.resource_id)
        return _pairs(connection, query, meet_rooms.c.pin_code, numbers)

    def count(self, connection: Connection, length: int) -> int:
        """How many PINs of this length are in use."""
        query = select(func.count()).where(func.length(meet_rooms.c.pin_code) == length)
        return int(connection.execute(query).scalar_one())

    def give(self, connection: Connection, wanted: Pairs, *, now: str, expired: str) -> set[str]:  # noqa: ARG002 - Meet's tables have times of their own
        """Write the PINs of rooms that have none: all at once, or one by one where another room has one of them."""
        try:
            with connection.begin_nested():
                return _write_all(connection, wanted)
        except IntegrityError:
            return {room for room, pin in sorted(wanted) if _write(connection, room, pin, _WITHOUT)}

    def swap(self, connection: Connection, room: str, held: str, wanted: str | None, *, now: str) -> bool:  # noqa: ARG002 - as above
        """Write the other PIN if the row still has the one held and no other room has it."""
        return _write(connection, room, wanted, meet_rooms.c.pin_code == held)


def _write_all(connection: Connection, wanted: Pairs) -> set[str]:
    statement = update(meet_rooms).where(meet_rooms.c.resource_id == bindparam("of"), _WITHOUT)
    rows = [{"of": room, "to": pin} for room, pin in sorted(wanted)]
    if rows:
        connection.execute(statement.values(pin_code=bindparam("to")), rows)
    stored = MeetPins().pins_of(connection, (room for room, _ in wanted))
    given = {room for room, pin in wanted if stored.get(room) == pin}
    _touch(connection, given)
    return given


def _write(connection: Connection, room: str, pin: str | None, condition: Any) -> bool:  # noqa: ANN401 - a clause
    """Write a PIN into Meet's row if it still is as the condition says; False if it is not, or another room has it."""
    statement = update(meet_rooms).where(meet_rooms.c.resource_id == room, condition)
    try:
        with connection.begin_nested():
            changed = connection.execute(statement.values(pin_code=pin)).rowcount == 1
    except IntegrityError:
        return False
    if changed:
        _touch(connection, [room])
    return bool(changed)


def _touch(connection: Connection, rooms: Iterable[str]) -> None:
    for batch in batches(rooms):
        statement = update(meet_resources).where(meet_resources.c.id.in_(batch))
        connection.execute(statement.values(updated_at=func.now()))
