"""Our own tables, and the two of Meet's that we read and update in place (suitenumerique/meet core/models.py)."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from sipctl.config.urls import server_name
from sipctl.errors import ConfigError
from sipctl.registry.database import sharing_host
from sipctl.registry.locks import serialize

SCHEMA_VERSION: Final = 4

OURS: Final = MetaData()
MEETS: Final = MetaData()

pins: Final = Table(
    "sipctl_pin",
    OURS,
    Column("pin", String, primary_key=True),
    Column("room", String, nullable=False),
    Column("state", String, nullable=False),
    Column("assigned_at", String, nullable=False),
    Column("retired_at", String),
    CheckConstraint("state IN ('active', 'retired')"),
)
"""One row for each PIN that is in use or in quarantine: its key makes all of them unique at once."""

_only_active = text("state = 'active'")
Index("sipctl_pin_of_room", pins.c.room, unique=True, sqlite_where=_only_active, postgresql_where=_only_active)
Index("sipctl_pin_room", pins.c.room)

rotations: Final = Table(
    "sipctl_rotation",
    OURS,
    Column("room", String, primary_key=True),
    Column("old_pin", String, nullable=False),
    Column("new_pin", String, nullable=False),
    Column("started_at", String, nullable=False),
)
"""Rotations that were begun and not ended."""

sightings: Final = Table(
    "sipctl_sighting",
    OURS,
    Column("server", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("since", String, nullable=False),
)
"""Rules that were stale in every observation since then. Since version 2, as the two tables below."""

observations: Final = Table(
    "sipctl_look",
    OURS,
    Column("server", String, primary_key=True),
    Column("last_at", String, nullable=False),
    Column("empty_since", String),
)
"""The last observation of each server, and since when its list of rooms is empty."""

runs: Final = Table(
    "sipctl_run",
    OURS,
    Column("run", String, primary_key=True),
    Column("server", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
)
"""Runs that delete rules, until a later run has looked at what they left."""

holds: Final = Table(
    "sipctl_hold",
    OURS,
    Column("server", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("until", String, nullable=False),
)
"""Rules that a person restored, and until when no purge deletes them though they are stale. Since version 4."""

schema: Final = Table("sipctl_schema", OURS, Column("version", Integer, primary_key=True))

meet_rooms: Final = Table(
    "meet_room",
    MEETS,
    Column("resource_id", Uuid(as_uuid=False), primary_key=True),
    Column("name", String, nullable=False),
    Column("slug", String, unique=True),
    Column("pin_code", String, unique=True),
)
meet_resources: Final = Table(
    "meet_resource",
    MEETS,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)


def prepare(engine: Engine) -> None:
    """Make our tables where they are missing, and bring older ones up to date; or let go of the database.

    Raises:
        ConfigError: a newer sipctl made them.
    """
    try:
        _make_or_upgrade(engine)
    except BaseException:
        engine.dispose()
        raise


def _make_or_upgrade(engine: Engine) -> None:
    with engine.connect().execution_options(reading=True) as connection:
        version = _version(connection)
    if version is None or version < SCHEMA_VERSION:
        with engine.begin() as connection:
            _upgrade(connection)
    elif version > SCHEMA_VERSION:
        raise ConfigError(
            f"the registry has schema {version}, this sipctl knows {SCHEMA_VERSION}", hint="use the newer sipctl"
        )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.name):
        return None
    version: int | None = connection.execute(select(func.max(schema.c.version))).scalar_one()
    return version


def _upgrade(connection: Connection) -> None:
    """Make what is missing; up to version 2 a server was called by its address as someone spelled it."""
    serialize(connection, "schema")
    before = _version(connection)
    if before == SCHEMA_VERSION:
        return
    OURS.create_all(connection)
    if before is not None and before < 3:
        _rename_servers(connection)
    connection.execute(delete(schema))
    connection.execute(insert(schema).values(version=SCHEMA_VERSION))


def _rename_servers(connection: Connection) -> None:
    """Give each server its one name. Of several memories of one the newest stays, as it was found."""
    known = connection.execute(select(observations.c.server).order_by(observations.c.last_at)).scalars().all()
    newest = {_renamed(connection, old): old for old in known}
    for old in set(known) - set(newest.values()):
        _forget(connection, old)
    for old in connection.execute(select(runs.c.server).union(select(observations.c.server))).scalars().all():
        for table in (observations, sightings, runs):
            connection.execute(update(table).where(table.c.server == old).values(server=_renamed(connection, old)))


def _forget(connection: Connection, server: str) -> None:
    for table in (observations, sightings):
        connection.execute(delete(table).where(table.c.server == server))


def _renamed(connection: Connection, key: str) -> str:
    """The key of a memory is the server, a space, and the mark of the rules that are meant."""
    url, space, mark = key.partition(" ")
    return f"{server_name(url, sharing_host(connection.engine))}{space}{mark}"
