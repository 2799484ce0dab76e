"""The registry of PINs: who has which, which are set aside, and which rotations were never ended.

Every method is one transaction. Uniqueness is the database's own constraint: a PIN that is in use, reserved or in
quarantine is one row of one table. With Meet's layout the PINs in use stand in Meet's table, under its own unique
constraint, and our table holds the others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, String, and_, cast, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sipctl.errors import ConflictError, NotFoundError, UsageError
from sipctl.registry.database import translated
from sipctl.registry.tables import ACTIVE, RESERVED, RETIRED, meet_resources, meet_rooms, pins, prepare, rotations

_BATCH: Final = 500
"""How many names go into one IN list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A room and its PIN; `pin` "" = none. `name` and `slug` are Meet's, "" elsewhere; times are RFC 3339 UTC."""

    room: str
    pin: str = ""
    assigned_at: str = ""
    name: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a PIN, or had it: `state` is active, reserved or retired."""

    room: str
    state: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that was begun: the room's PIN, the one that shall follow, and when."""

    room: str
    old_pin: str
    new_pin: str
    started_at: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The registry in one database, or in Meet's with our notes in another."""

    def __init__(
        self, home: Engine, notes: Engine, *, in_meet: bool, quarantine_days: int = 365,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:  # fmt: skip
        self._home = home
        self._notes = notes
        self._in_meet = in_meet
        self._quarantine = timedelta(days=quarantine_days)
        self._now = now
        with translated("the registry"), notes.begin() as connection:
            prepare(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._home.dispose()
        self._notes.dispose()

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="seconds").replace("+00:00", "Z")

    # --- reading ---

    def holdings(self) -> Iterator[Holding]:
        """Every room that the registry knows, in the order of their names; read as it is consumed."""
        query = _meet_holdings() if self._in_meet else _own_holdings()
        with translated("the registry"), self._home.connect().execution_options(reading=True) as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield _holding(row)

    def find(self, reference: str) -> Holding:
        """The one room of this name; in Meet's layout its UUID, its slug or its name.

        Raises:
            NotFoundError: none.
            UsageError: several rooms have this name.
        """
        with translated("the registry"), self._home.connect().execution_options(reading=True) as connection:
            if self._in_meet:
                return _find_in_meet(connection, reference)
            row = connection.execute(_own_holdings().where(pins.c.room == reference)).first()
        if row is None:
            raise NotFoundError(f"the registry knows no room {reference!r}", hint="`sipctl pin assign` adds one")
        return _holding(row)

    def pins_of(self, rooms: Iterable[str]) -> dict[str, str]:
        """The PINs of those of these rooms that have one."""
        room, pin, used = (
            (meet_rooms.c.resource_id, meet_rooms.c.pin_code, meet_rooms.c.pin_code != "")
            if self._in_meet
            else (pins.c.room, pins.c.pin, pins.c.state == ACTIVE)
        )
        with translated("the registry"), self._home.connect().execution_options(reading=True) as connection:
            return {
                row[0]: row[1]
                for batch in _batches(rooms)
                for row in connection.execute(select(room, pin).where(room.in_(batch), used))
            }

    def holders(self, numbers: Iterable[str]) -> dict[str, Holder]:
        """Who has these PINs, or had them within the quarantine."""
        numbers = list(numbers)
        found = self._noted(numbers)
        if self._in_meet:
            query = select(meet_rooms.c.pin_code, meet_rooms.c.resource_id)
            with translated("Meet's database"), self._home.connect() as connection:
                for batch in _batches(numbers):
                    for pin, room in connection.execute(query.where(meet_rooms.c.pin_code.in_(batch))):
                        found[pin] = Holder(room, ACTIVE)
        return found

    def _noted(self, numbers: Iterable[str]) -> dict[str, Holder]:
        query = select(pins.c.pin, pins.c.room, pins.c.state)
        with translated("the registry"), self._notes.connect().execution_options(reading=True) as connection:
            return {
                row.pin: Holder(row.room, row.state)
                for batch in _batches(numbers)
                for row in connection.execute(query.where(pins.c.pin.in_(batch)))
            }

    def count(self) -> int:
        """How many PINs are in use."""
        query = (
            select(func.count()).select_from(meet_rooms).where(meet_rooms.c.pin_code != "")
            if self._in_meet
            else select(func.count()).select_from(pins).where(pins.c.state == ACTIVE)
        )
        with translated("the registry"), self._home.connect().execution_options(reading=True) as connection:
            return int(connection.execute(query).scalar_one())

    # --- giving and taking ---

    def give(self, wanted: Sequence[tuple[str, str]]) -> set[str]:
        """Store pairs of room and PIN, all that can be; the rooms that got theirs.

        A room that has a PIN keeps it, a PIN that is not free is not given.
        """
        self._forget_expired()
        return self._give_in_meet(wanted) if self._in_meet else self._give_here(wanted)

    def _give_here(self, wanted: Sequence[tuple[str, str]]) -> set[str]:
        now = self._timestamp()
        rows = [{"room": room, "pin": pin, "state": ACTIVE, "assigned_at": now} for room, pin in wanted]
        with translated("the registry"), self._home.begin() as connection:
            insert = _insert(connection).on_conflict_do_nothing().returning(pins.c.room)
            return {room for batch in _batches(rows) for room in connection.execute(insert, batch).scalars()}

    def _give_in_meet(self, wanted: Sequence[tuple[str, str]]) -> set[str]:
        set_aside = self._noted(pin for _, pin in wanted)
        free = [(room, pin) for room, pin in wanted if pin not in set_aside]
        with translated("Meet's database"), self._home.begin() as connection:
            return {room for room, pin in free if _write_meet_pin(connection, room, pin, _EMPTY)}

    def retire(self, holding: Holding) -> None:
        """Take a room's PIN away and keep it in quarantine."""
        if not self._in_meet:
            with translated("the registry"), self._home.begin() as connection:
                _retire(connection, holding.pin, self._timestamp())
            return
        self._quarantine_note(holding.room, holding.pin)
        with translated("Meet's database"), self._home.begin() as connection:
            _write_meet_pin(connection, holding.room, None, meet_rooms.c.pin_code == holding.pin)

    def _quarantine_note(self, room: str, pin: str) -> None:
        now = self._timestamp()
        row = {"pin": pin, "room": room, "state": RETIRED, "assigned_at": now, "retired_at": now}
        with translated("the registry's notes"), self._notes.begin() as connection:
            connection.execute(_insert(connection).on_conflict_do_nothing(), row)
            _retire(connection, pin, now)

    def _forget_expired(self) -> None:
        limit = (self._now() - self._quarantine).isoformat(timespec="seconds").replace("+00:00", "Z")
        with translated("the registry's notes"), self._notes.begin() as connection:
            connection.execute(delete(pins).where(pins.c.state == RETIRED, pins.c.retired_at < limit))

    # --- rotating: reserve, (the live rule changes,) switch; or cancel ---

    def reserve(self, room: str, old_pin: str, new_pin: str) -> bool:
        """Begin a rotation: note it, and keep the new PIN for it. False if that PIN is not free.

        Raises:
            ConflictError: a rotation of this room was begun and not ended.
        """
        if self._in_meet and self.holders([new_pin]):
            return False
        now = self._timestamp()
        row = {"pin": new_pin, "room": room, "state": RESERVED, "assigned_at": now}
        note = {"room": room, "old_pin": old_pin, "new_pin": new_pin, "started_at": now}
        with translated("the registry's notes"), self._notes.begin() as connection:
            if connection.execute(select(rotations.c.room).where(rotations.c.room == room)).first():
                raise ConflictError(
                    f"a rotation of {room!r} was begun and not ended", hint="`sipctl pin rotate --recover` ends it"
                )
            if not connection.execute(_insert(connection).on_conflict_do_nothing().returning(pins.c.pin), row).first():
                return False
            connection.execute(rotations.insert(), note)
        return True

    def switch(self, rotation: Rotation) -> None:
        """End a rotation: the new PIN is the room's, the old one in quarantine. May be repeated after a crash.

        Raises:
            ConflictError: the room's PIN is neither of the two any more.
        """
        if self._in_meet:
            self._switch_in_meet(rotation)
        else:
            with translated("the registry"), self._home.begin() as connection:
                _retire(connection, rotation.old_pin, self._timestamp())
                self._activate(connection, rotation)
                connection.execute(delete(rotations).where(rotations.c.room == rotation.room))

    def _activate(self, connection: Connection, rotation: Rotation) -> None:
        changed = connection.execute(
            update(pins)
            .where(pins.c.pin == rotation.new_pin, pins.c.room == rotation.room)
            .values(state=ACTIVE, assigned_at=self._timestamp())
        )
        if changed.rowcount != 1:
            raise ConflictError(f"the new PIN of {rotation.room!r} is not reserved any more")

    def _switch_in_meet(self, rotation: Rotation) -> None:
        with translated("Meet's database"), self._home.begin() as connection:
            either = meet_rooms.c.pin_code.in_((rotation.old_pin, rotation.new_pin))
            if not _write_meet_pin(connection, rotation.room, rotation.new_pin, either):
                raise ConflictError(f"Meet gave room {rotation.room!r} another PIN meanwhile")
        self._quarantine_note(rotation.room, rotation.old_pin)
        self.cancel(rotation)

    def cancel(self, rotation: Rotation) -> None:
        """Give up a rotation: the new PIN is free again, the note is gone."""
        with translated("the registry's notes"), self._notes.begin() as connection:
            connection.execute(delete(pins).where(pins.c.pin == rotation.new_pin, pins.c.state == RESERVED))
            connection.execute(delete(rotations).where(rotations.c.room == rotation.room))

    def unfinished(self) -> list[Rotation]:
        """The rotations that were begun and not ended, oldest first."""
        columns = (rotations.c.room, rotations.c.old_pin, rotations.c.new_pin, rotations.c.started_at)
        with translated("the registry's notes"), self._notes.connect().execution_options(reading=True) as connection:
            return [Rotation(*row) for row in connection.execute(select(*columns).order_by(rotations.c.started_at))]


_EMPTY: Final = or_(meet_rooms.c.pin_code.is_(None), meet_rooms.c.pin_code == "")


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _insert(connection: Connection) -> Any:  # noqa: ANN401 - each dialect has its own Insert with ON CONFLICT
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(pins)


def _retire(connection: Connection, pin: str, now: str) -> None:
    connection.execute(update(pins).where(pins.c.pin == pin).values(state=RETIRED, retired_at=now))


def _own_holdings() -> Any:  # noqa: ANN401 - SQLAlchemy's select of columns
    """Every room that has or had a PIN, with the one in use."""
    used = pins.alias("used")
    with_used = pins.outerjoin(used, and_(used.c.room == pins.c.room, used.c.state == ACTIVE))
    columns = (pins.c.room, used.c.pin, used.c.assigned_at)
    return select(*columns).select_from(with_used).distinct().order_by(pins.c.room)


def _meet_holdings() -> Any:  # noqa: ANN401 - as above
    return select(
        meet_rooms.c.resource_id.label("room"), meet_rooms.c.pin_code.label("pin"), meet_rooms.c.name, meet_rooms.c.slug
    ).order_by(meet_rooms.c.resource_id)


def _holding(row: Any) -> Holding:  # noqa: ANN401 - a row of either query
    values: Mapping[str, Any] = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Holding(**{key: value or "" for key, value in values.items()})


def _find_in_meet(connection: Connection, reference: str) -> Holding:
    columns = (cast(meet_rooms.c.resource_id, String), meet_rooms.c.slug, meet_rooms.c.name)
    for column, value in zip(columns, (reference.lower(), reference, reference), strict=True):
        rows = connection.execute(_meet_holdings().where(column == value)).all()
        if len(rows) > 1:
            ids = ", ".join(row.room for row in rows[:10])
            raise UsageError(f"{len(rows)} rooms are called {reference!r}: {ids}", hint="give one of these ids")
        if rows:
            return _holding(rows[0])
    raise NotFoundError(f"Meet knows no room {reference!r}", hint="give its UUID, its slug or its name")


def _write_meet_pin(connection: Connection, room: str, pin: str | None, condition: Any) -> bool:  # noqa: ANN401 - a clause
    """Write a PIN into Meet's row if it still is as the condition says; False if it is not, or another room has it."""
    try:
        with connection.begin_nested():
            changed = connection.execute(
                update(meet_rooms).where(meet_rooms.c.resource_id == room, condition).values(pin_code=pin)
            )
            if changed.rowcount == 1:
                connection.execute(
                    update(meet_resources).where(meet_resources.c.id == room).values(updated_at=func.now())
                )
    except IntegrityError:
        return False
    return bool(changed.rowcount == 1)
