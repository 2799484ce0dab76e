"""The three homes of a registry, and rooms in them."""

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from sipctl.operations.audit import Journal
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from tests.support.peers.postgres import MEETS_TABLES, Postgres

ROOMS = tuple(str(uuid.UUID(int=number)) for number in range(1, 9))


@dataclass
class Clock:
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, days: int) -> None:
        self.moment += timedelta(days=days)


@dataclass
class Home:
    """A registry, the engine of the database where PINs stand, its clock, and an audit."""

    registry: Registry
    engine: Engine
    clock: Clock
    in_meet: bool
    journal: Journal


def add_meet_rooms(engine: Engine, rooms: Sequence[str], name: str = "room") -> None:
    with engine.begin() as connection:
        for number, room in enumerate(rooms):
            connection.execute(text("INSERT INTO meet_resource (id) VALUES (:id)"), {"id": room})
            values = {"id": room, "name": f"{name} {number}", "slug": f"{name}-{number}-{room[4:8]}-{room[-4:]}"}
            connection.execute(
                text("INSERT INTO meet_room (resource_id, name, slug) VALUES (:id, :name, :slug)"), values
            )


@contextlib.contextmanager
def opened(kind: str, folder: Path, postgres: Postgres | None) -> Iterator[Home]:
    """A registry of this kind: sqlite, postgresql or meet."""
    notes = open_engine(f"sqlite:///{folder / 'notes.db'}")
    clock = Clock()
    if kind == "sqlite":
        home = notes
    else:
        assert postgres
        home = open_engine(postgres.new_database(MEETS_TABLES if kind == "meet" else ""))
    if kind == "meet":
        add_meet_rooms(home, ROOMS)
    registry = Registry(home, notes if kind == "meet" else home, in_meet=kind == "meet", now=clock)
    try:
        yield Home(registry, home, clock, kind == "meet", Journal(folder, "sipctl test", "test", ""))
    finally:
        registry.close()
        notes.dispose()
