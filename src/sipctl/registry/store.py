"""The registry of PINs: who has which, which are in quarantine, and which rotations were never ended.

Uniqueness is the database's own constraint. In our own table a PIN that is in use or in quarantine is one row; with
Meet's layout the PINs in use are in Meet's table, under its own unique constraint, and our table holds the others.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Executable, Select, and_, delete, select
from sqlalchemy.exc import OperationalError

from sipctl.errors import ConflictError
from sipctl.registry.database import reading, translated, writing
from sipctl.registry.holdings import MeetPins, OwnPins, Pairs, PinsInUse, among, batches, holding, insert_into
from sipctl.registry.tables import pins, prepare, rotations
from sipctl.telephony.commands import recover_rotations
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import ACTIVE, RETIRED, Holder, Holding, Rotation
from sipctl.telephony.returning import PinsToday

_WHAT: Final = "the registry"
_DEADLOCK: Final = "40P01"
_TRIES: Final = 5

T = TypeVar("T")


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
        self._pins: PinsInUse = MeetPins() if in_meet else OwnPins()
        self._quarantine = timedelta(days=quarantine_days)
        self._now = now
        self._listings: list[Generator[Holding, None, None]] = []
        with translated(_WHAT, notes.url):
            prepare(notes)

    def close(self) -> None:
        """Let go of the database, and of the lists that no one read to their end."""
        for listing in self._listings:
            listing.close()
        self._home.dispose()
        self._notes.dispose()

    def _timestamp(self, *, ago: timedelta = timedelta()) -> str:
        return (self._now() - ago).isoformat(timespec="seconds").replace("+00:00", "Z")

    # --- reading ---

    def holdings(self) -> Iterator[Holding]:
        """Every room that the registry knows, in the order of their names; read as it is consumed."""
        listing = self._listing()
        self._listings.append(listing)
        return listing

    def _listing(self) -> Generator[Holding, None, None]:
        with (
            reading(self._home, _WHAT) as connection,
            connection.execution_options(yield_per=1000).execute(self._pins.query()) as rows,
        ):
            for row in rows:
                yield holding(row)

    def find(self, reference: str) -> Holding:
        """The one room of this name; in Meet's layout its UUID, its slug or its name.

        Raises:
            NotFoundError: none.
            UsageError: several rooms have this name.
        """
        with reading(self._home, _WHAT) as connection:
            return self._pins.find(connection, reference)

    def find_all(self, references: Iterable[str]) -> Iterator[Holding]:
        """The rooms of these names, each as `find` finds it; read as it is consumed.

        Raises:
            NotFoundError, UsageError: as `find`.
        """
        for batch in batches(references):
            known = self.known(batch)
            yield from (known.get(reference) or self.find(reference) for reference in batch)

    def known(self, rooms: Iterable[str]) -> dict[str, Holding]:
        """Those of these rooms that the registry knows, by its own names for them."""
        with reading(self._home, _WHAT) as connection:
            return self._pins.known(connection, rooms)

    @property
    def in_meet(self) -> bool:
        """Whether the PINs in use are in Meet's own table: it is the truth, whatever rules carry."""
        return self._in_meet

    @property
    def takes_new_rooms(self) -> bool:
        """Whether a room that the registry does not know may be given a PIN; Meet's rooms are Meet's to make."""
        return not self._in_meet

    def pins_of(self, rooms: Iterable[str]) -> dict[str, str]:
        """The PINs of those of these rooms that have one."""
        with reading(self._home, _WHAT) as connection:
            return self._pins.pins_of(connection, rooms)

    def holders(self, numbers: Iterable[str]) -> dict[str, Holder]:
        """Who has these PINs, or had them within the quarantine."""
        numbers = list(numbers)
        found = {pin: Holder(room, RETIRED) for pin, room in self._quarantined(numbers).items()}
        with reading(self._home, _WHAT) as connection:
            in_use = self._pins.rooms_of(connection, numbers)
        return found | {pin: Holder(room, ACTIVE) for pin, room in in_use.items()}

    def today(self, rules: Sequence[DispatchRule]) -> PinsToday:
        """What is known today of the rooms of these rules, and of their PINs."""
        numbers = {rule.pin for rule in rules if rule.pin}
        with reading(self._home, _WHAT) as connection:
            of_rooms = self._pins.pins_of(connection, {rule.room_name for rule in rules})
            in_use = self._pins.rooms_of(connection, numbers)
        return PinsToday(
            of_rooms=of_rooms,
            in_use=in_use,
            retired=self._retired(numbers - in_use.keys()),
            others_change_pins=self._in_meet,
        )

    def quarantined(self) -> dict[str, str]:
        """Every PIN in quarantine, and the room that had it."""
        with reading(self._notes, _WHAT) as connection:
            rows = connection.execute(_retired_since(self._timestamp(ago=self._quarantine)))
            return {row.pin: row.room for row in rows}

    def _quarantined(self, numbers: Iterable[str]) -> dict[str, str]:
        """Which of these PINs are in quarantine, and the rooms that had them."""
        return self._retired(numbers, since=self._timestamp(ago=self._quarantine))

    def _retired(self, numbers: Iterable[str], since: str = "") -> dict[str, str]:
        """Which of these PINs were taken away, ever or since a time, and the rooms that had them."""
        query = _retired_since(since)
        with reading(self._notes, _WHAT) as connection:
            return {
                row.pin: row.room
                for batch in batches(numbers)
                for row in connection.execute(query.where(among(connection, pins.c.pin, batch)))
            }

    def count(self, length: int) -> int:
        """How many PINs of this length are in use."""
        with reading(self._home, _WHAT) as connection:
            return self._pins.count(connection, length)

    def is_untouched(self) -> bool:
        """Whether no PIN was ever noted here: a registry of our own that was at most looked into."""
        with reading(self._notes, _WHAT) as connection:
            return connection.execute(select(pins.c.pin).limit(1)).first() is None

    # --- giving and taking ---

    def give(self, wanted: Pairs) -> set[str]:
        """Store pairs of room and PIN, all that can be; the rooms that got theirs.

        A room that has a PIN keeps it, a PIN that is not free is not given.
        """
        if self._in_meet:
            set_aside = self._quarantined(pin for _, pin in wanted)
            wanted = [(room, pin) for room, pin in wanted if pin not in set_aside]
        return self._give(wanted)

    def _give(self, wanted: Pairs, *before: Executable) -> set[str]:
        """Store what can be stored, in one transaction with other statements before it."""
        now, expired = self._timestamp(), self._timestamp(ago=self._quarantine)

        def store(connection: Connection) -> set[str]:
            for statement in before:
                connection.execute(statement)
            return self._pins.give(connection, wanted, now=now, expired=expired)

        return self._at_home(store)

    def give_back(self, room: str, pin: str) -> bool:
        """Give a room this very PIN, also out of its own quarantine; whether it has it now.

        Both are one step in our own table: a PIN that is neither in quarantine nor in use may be given to any room.
        """
        own = delete(pins).where(pins.c.pin == pin, pins.c.room == room, pins.c.state == RETIRED)
        if not self._in_meet:
            return bool(self._give([(room, pin)], own))
        if self._quarantined([pin]).get(pin, room) != room or not self._give([(room, pin)]):
            return False
        with writing(self._notes, _WHAT) as connection:
            connection.execute(own)
        return True

    def _at_home(self, step: Callable[[Connection], T]) -> T:
        """Do a step in one transaction, where the PINs in use are. One that comes to nothing leaves nothing."""

        def done() -> T:
            with self._home.connect() as connection, connection.begin() as transaction:
                result = step(connection)
                if not result:
                    transaction.rollback()
                return result

        with translated(_WHAT, self._home.url):
            return _despite_deadlocks(done)

    def retire(self, held: Holding) -> None:
        """Take a room's PIN away and keep it in quarantine.

        Raises:
            ConflictError: the room has another PIN by now, or a rotation of it was begun and not ended.
        """
        with writing(self._notes, _WHAT) as connection:
            if connection.execute(select(rotations.c.room).where(rotations.c.room == held.room)).first():
                raise _unfinished(held.room)
            self._set_aside(connection, held.room, held.pin)
        if not self._swap(held.room, held.pin, None):
            raise _changed(held.room)

    def _set_aside(self, connection: Connection, room: str, pin: str) -> None:
        """Note a PIN as retired unless its row says that it is in use: from here on no one else gets it."""
        now = self._timestamp()
        row = {"pin": pin, "room": room, "state": RETIRED, "assigned_at": now, "retired_at": now}
        statement = insert_into(connection, pins).values(row)
        values = {"room": room, "retired_at": now}
        connection.execute(
            statement.on_conflict_do_update(index_elements=[pins.c.pin], set_=values, where=pins.c.state == RETIRED)
        )

    def _swap(self, room: str, held: str, wanted: str | None) -> bool:
        now = self._timestamp()
        return self._at_home(lambda connection: self._pins.swap(connection, room, held, wanted, now=now))

    # --- rotating: begin, (the live rule changes,) finish; or cancel ---

    def begin_rotation(self, room: str, old_pin: str, new_pin: str) -> bool:
        """Note a rotation, then make the new PIN the room's. False, and nothing noted, if that PIN is not free.

        What the room had itself may come back out of quarantine.

        Raises:
            ConflictError: the room has another PIN by now, or a rotation of it was begun and not ended: by an earlier
                run, or at the same moment by another host.
        """
        if self._is_free_for(room, new_pin):
            rotation = Rotation(room, old_pin, new_pin, self._timestamp())
            self._note(rotation)
            if self._swap(room, old_pin, new_pin):
                return True
            self._unnote(rotation)
        if self.pins_of([room]).get(room) != old_pin:
            raise _changed(room)
        return False

    def _is_free_for(self, room: str, pin: str) -> bool:
        holder = self.holders([pin]).get(pin)
        return holder is None or (holder.room == room and holder.state == RETIRED)

    def _note(self, rotation: Rotation) -> None:
        """Note a rotation and set its old PIN aside. Of two hosts that do so at once the key lets one through."""
        values = {name: getattr(rotation, name) for name in Rotation.__slots__}
        with writing(self._notes, _WHAT) as connection:
            note = insert_into(connection, rotations).values(values).on_conflict_do_nothing()
            if connection.execute(note.returning(rotations.c.room)).first() is None:
                raise _unfinished(rotation.room)
            self._set_aside(connection, rotation.room, rotation.old_pin)

    def carry_on(self, rotation: Rotation) -> bool:
        """Make sure that the new PIN is the room's, where a run was killed. False if that cannot be: then it is over.

        Someone gave the room a third PIN, or the new one to another room. The new one stays in quarantine, for a
        rule may carry it.
        """
        held = self.pins_of([rotation.room]).get(rotation.room)
        if held == rotation.new_pin or (
            held == rotation.old_pin and self._swap(rotation.room, rotation.old_pin, rotation.new_pin)
        ):
            return True
        if held == rotation.old_pin:
            self._unnote(rotation)
        else:
            with writing(self._notes, _WHAT) as connection:
                self._set_aside(connection, rotation.room, rotation.new_pin)
            self.finish(rotation)
        return False

    def finish(self, rotation: Rotation) -> None:
        """End a rotation: the old PIN is in quarantine, the note is gone."""
        with writing(self._notes, _WHAT) as connection:
            connection.execute(delete(rotations).where(_is(rotation)))

    def cancel(self, rotation: Rotation) -> None:
        """Give up a rotation: the old PIN is the room's again, the note gone.

        Raises:
            ConflictError: the old PIN cannot be given back; the note stays.
        """
        if not self._swap(rotation.room, rotation.new_pin, rotation.old_pin):
            raise ConflictError(
                f"room {rotation.room!r} cannot have its old PIN back",
                hint=(recover_rotations(),),
            )
        self._unnote(rotation)

    def _unnote(self, rotation: Rotation) -> None:
        """Forget a rotation that changed nothing: what was set aside is in use, unless the room lost it meanwhile."""
        held = self.pins_of([rotation.room]).get(rotation.room) == rotation.old_pin
        set_aside = delete(pins).where(pins.c.pin == rotation.old_pin, pins.c.state == RETIRED)
        with writing(self._notes, _WHAT) as connection:
            if held:
                connection.execute(set_aside)
            connection.execute(delete(rotations).where(_is(rotation)))

    def unfinished(self) -> list[Rotation]:
        """The rotations that were begun and not ended, oldest first."""
        columns = (rotations.c.room, rotations.c.old_pin, rotations.c.new_pin, rotations.c.started_at)
        with reading(self._notes, _WHAT) as connection:
            return [Rotation(*row) for row in connection.execute(select(*columns).order_by(rotations.c.started_at))]


def _retired_since(moment: str) -> Select[tuple[str, str]]:
    """PINs that were taken away since then, and the rooms that had them."""
    return select(pins.c.pin, pins.c.room).where(pins.c.state == RETIRED, pins.c.retired_at >= moment)


def _is(rotation: Rotation) -> ColumnElement[bool]:
    """The note of this rotation, and of no later one of the same room."""
    same = (getattr(rotations.c, name) == getattr(rotation, name) for name in ("room", "old_pin", "new_pin"))
    return and_(*same)


def _unfinished(room: str) -> ConflictError:
    return ConflictError(
        f"a rotation of {room!r} was begun and not ended",
        hint=(recover_rotations(), " ends it"),
    )


def _changed(room: str) -> ConflictError:
    return ConflictError(
        f"the PIN of room {room!r} was changed or released meanwhile", code="pin-changed", hint="look at it, try again"
    )


def _despite_deadlocks(step: Callable[[], T]) -> T:
    """Two runs that drew each other's PINs in one batch wait for each other; PostgreSQL ends one, which tries again."""
    for _ in range(_TRIES - 1):
        try:
            return step()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != _DEADLOCK:
                raise
    return step()
