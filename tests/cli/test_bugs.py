"""What a bug leaves behind names its places, and nothing of the data it happened to."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from sipctl.cli.bugs import trace_of
from sipctl.errors import ExitCode
from sipctl.registry.database import open_engine
from tests.support.needs import need
from tests.support.peers.postgres import Postgres, missing, running_postgres, until_one_waits
from tests.support.running import clean_env, run

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
    for described in ("UniqueViolation (23505)", "IntegrityError", "KeyError: …", "which led to", __file__):
        assert described in trace


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


def test_what_a_library_logs_is_never_shown() -> None:
    """psycopg logs where the server was, when it is gone by the time that a statement is to be cancelled."""
    need(missing())
    with running_postgres() as own:
        env = clean_env(SIPCTL_REGISTRY_URL=own.new_database())
        assert run("pin", "assign", "a", env=env).code == 0
        engine = open_engine(env["SIPCTL_REGISTRY_URL"])
        with engine.connect() as other:
            other.execute(text("LOCK TABLE sipctl_pin IN ACCESS EXCLUSIVE MODE"))
            running = subprocess.Popen(
                [sys.executable, "-m", "sipctl", "pin", "assign", "b"], env=env, stderr=subprocess.PIPE
            )
            until_one_waits(engine)
            running.send_signal(signal.SIGSTOP)
            own.crash()
            running.send_signal(signal.SIGINT)
            running.send_signal(signal.SIGCONT)
            stderr = running.communicate(timeout=40)[1].decode()
            with suppress(OperationalError):
                other.rollback()
        engine.dispose()
    assert running.returncode == ExitCode.INTERRUPTED
    assert stderr.splitlines()[1:] == ["error: interrupted"]
