"""What a bug leaves behind names its places, and nothing of the data it happened to."""

import sqlite3

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from peers.postgres import Postgres
from sipctl.cli.bugs import trace_of
from sipctl.registry.database import open_engine

PIN = "4821930571"
ROOM = "board-meeting"


def store_twice(engine: Engine) -> None:
    """Where the database refuses a row, look for its PIN where it is not."""
    known: dict[str, str] = {}
    try:
        with engine.begin() as connection:
            for _ in range(2):
                connection.execute(text("INSERT INTO pins VALUES (:pin, :room)"), {"pin": PIN, "room": ROOM})
    except IntegrityError:
        known[PIN]


def test_a_row_behind_a_bug(postgres: Postgres) -> None:
    """PostgreSQL tells the row in its DETAIL, SQLAlchemy the parameters, and Python the keys that were not found."""
    engine = open_engine(postgres.new_database())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pins (pin text PRIMARY KEY, room text)"))
    with pytest.raises(KeyError) as bug:
        store_twice(engine)
    engine.dispose()
    trace = trace_of(bug.value)
    assert PIN not in trace
    assert ROOM not in trace
    for told in ("UniqueViolation (23505)", "IntegrityError", "KeyError: …", "which led to", __file__):
        assert told in trace


def test_what_a_file_and_other_values_say() -> None:
    with pytest.raises(sqlite3.OperationalError) as undecodable:
        sqlite3.connect(":memory:").execute(f"SELECT CAST(x'{PIN.encode().hex()}ff' AS text)").fetchall()
    assert PIN in str(undecodable.value)
    for error in (
        undecodable.value,
        ValueError(f"invalid literal for int(): '{ROOM}'"),
        ValueError(f"no PIN {PIN}, no url postgresql://u:word@host/x"),
    ):
        trace = trace_of(error)
        for hidden in (PIN, ROOM, "word@"):
            assert hidden not in trace


def test_errors_in_a_group() -> None:
    group = ExceptionGroup(f"in {PIN}", [ValueError("a plain word"), KeyError(PIN)])
    group.exceptions[0].__cause__ = group
    trace = trace_of(group)
    assert "ValueError: a plain word" in trace
    assert "KeyError: …" in trace
    assert PIN not in trace
