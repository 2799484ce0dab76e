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
    insert,
    inspect,
    select,
    text,
)

from sipctl.errors import ConfigError

SCHEMA_VERSION: Final = 1

OURS: Final = MetaData()
MEETS: Final = MetaData()

ACTIVE: Final = "active"
RETIRED: Final = "retired"

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

_LOCK: Final = 0x51_9C_71
"""The key of PostgreSQL's advisory lock under which our tables are made."""


def prepare(engine: Engine) -> None:
    """Make our tables where they are missing.

    Raises:
        ConfigError: a newer sipctl made them.
    """
    with engine.connect().execution_options(reading=True) as connection:
        version = _version(connection)
    if version is None:
        with engine.begin() as connection:
            _make(connection)
    elif version > SCHEMA_VERSION:
        raise ConfigError(
            f"the registry has schema {version}, this sipctl knows {SCHEMA_VERSION}", hint="use the newer sipctl"
        )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.name):
        return None
    return int(connection.execute(select(schema.c.version)).scalar_one())


def _make(connection: Connection) -> None:
    """Another run may be making them at this moment: SQLite's transaction keeps it out, PostgreSQL needs a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if _version(connection) is None:
        OURS.create_all(connection)
        connection.execute(insert(schema).values(version=SCHEMA_VERSION))
