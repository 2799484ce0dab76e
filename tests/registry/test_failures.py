"""A database that fails says so in our words: none of a driver or a server, for they hold rows, PINs and passwords."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sipctl.errors import ConfigError, ConflictError, SipctlError, UncheckedError
from sipctl.registry.database import open_engine, reading, writing
from sipctl.registry.store import Registry
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES, Postgres

PIN = "4821930571"
PASSWORD = "hunter2hunter"


def raised(url: str, *statements: str) -> SipctlError:
    """What comes of these statements."""
    with pytest.raises(SipctlError) as error:  # noqa: PT012 - opening is a part of it
        engine = open_engine(url, 2)
        try:
            with writing(engine, "the registry") as connection:
                for statement in statements:
                    answer = connection.execute(text(statement))
                    answer.all() if answer.returns_rows else None
        finally:
            engine.dispose()
    return error.value


@pytest.mark.parametrize(
    ("url", "kind", "described"),
    [
        (f"postgresql://u:{PASSWORD}@{PASSWORD}@127.0.0.1:1/x", ConfigError, "has an @ too many"),
        (f"postgresql://u:p@{PASSWORD}@127.0.0.1:1/x", ConfigError, "has an @ too many"),
        (
            f"postgresql://u:{PASSWORD}@127.0.0.1:1/x",
            UncheckedError,
            "(127.0.0.1:1/x) cannot be used: no server listens",
        ),
        (f"postgresql://u:{PASSWORD}@none.invalid/x", UncheckedError, "(none.invalid/x) cannot be used: its host name"),
        (f"postgresql://{PASSWORD}@/x?host=/nonexistent", UncheckedError, "no such socket"),
        (f"postgresql://u@127.0.0.1:1/x?{PASSWORD}=1", ConfigError, "a parameter that is none"),
        (f"postgresql://u@127.0.0.1:1/x?sslmode={PASSWORD}", ConfigError, "a value that is none"),
        (f"postgresql://u@/x?port={PASSWORD}", ConfigError, "a value that is none"),
        (f"postgresql://u@127.0.0.1:99999/x?password={PASSWORD}", ConfigError, "a value that is none"),
        (f"postgresql://u@127.0.0.1:1/x?autocommit={PASSWORD}", ConfigError, "autocommit, which is no parameter"),
    ],
)
def test_a_url_is_never_shown_with_its_password(url: str, kind: type[SipctlError], described: str) -> None:
    error = raised(url, "SELECT 1")
    assert isinstance(error, kind), error
    assert described in error.message
    assert PASSWORD not in error.message + error.hint


def test_what_a_server_refuses(postgres: Postgres) -> None:
    url = postgres.new_database()
    name = url.split("@/")[1].split("?")[0]
    postgres.execute(name, "CREATE ROLE reader LOGIN; CREATE TABLE shut (pin text PRIMARY KEY)")
    for place, statement, kind, described in (
        (url.replace("postgres@", f"{PASSWORD}@"), "SELECT 1", UncheckedError, "no such user"),
        (url.replace(name, PASSWORD), "SELECT 1", UncheckedError, "no such database"),
        (url.replace("postgres@", "reader@"), "SELECT * FROM shut", UncheckedError, "lacks a right"),
        (url, f"SELECT * FROM t{PIN}", ConfigError, "has not the tables"),
        (url, f"SELECT CAST('{PIN}' AS uuid)", UncheckedError, "SQLSTATE 22P02"),
        (url, f"INSERT INTO shut VALUES ('{PIN}'), ('{PIN}')", ConflictError, "at the same moment"),
        (url, "SELECT pg_sleep(9)", UncheckedError, "did not answer in time"),
        (url, "SET TRANSACTION READ ONLY; DELETE FROM shut", UncheckedError, "read-only"),
        (url, "SELECT pg_terminate_backend(pg_backend_pid())", UncheckedError, "this session was ended"),
    ):
        error = raised(place, statement)
        assert isinstance(error, kind), (statement, error)
        assert described in error.message, statement
        assert PASSWORD not in error.message.replace(f"/{PASSWORD})", "")
        assert PIN not in error.message


def test_a_room_whose_name_no_database_takes(tmp_path: Path, postgres: Postgres) -> None:
    engine = open_engine(postgres.new_database())
    registry = Registry(engine, engine, in_meet=False)
    with pytest.raises(ConfigError, match="NUL"):
        registry.give([("a\0b", PIN)])
    registry.close()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'pins.db'}"
    engine = open_engine(url, 0.1)
    registry = Registry(engine, engine, in_meet=False)
    registry.give([("a", PIN)])
    with engine.begin():
        assert "locked by another program" in raised(url, "SELECT 1").message
    assert "has not the tables" in raised(url, f"SELECT * FROM t{PIN}").message
    undecodable = raised(url, f"SELECT CAST(x'{PIN}ff' AS text)")
    assert "is corrupt" in undecodable.message
    registry.close()


def test_an_error_of_the_database_holds_no_pin(postgres: Postgres) -> None:
    """Neither what it says nor its parameters: a trace of it may be written, and sent to us."""
    engine = open_engine(postgres.new_database(MEETS_TABLES))
    add_meet_rooms(engine, ROOMS[:1])
    with pytest.raises(SipctlError) as described, reading(engine, "the registry") as connection:
        connection.execute(text("SELECT :pin FROM none"), {"pin": PIN})
    engine.dispose()
    assert PIN not in str(described.value.__cause__)


@pytest.mark.parametrize(("given", "limit"), [("", "3000"), ("&tcp_user_timeout=700", "700")])
def test_a_broken_network_is_noticed_within_the_time_limit(postgres: Postgres, given: str, limit: str) -> None:
    """The system itself waits a quarter of an hour for what was sent, and two hours where nothing is."""
    engine = open_engine(postgres.new_database() + given, 3)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        described = driver.info.get_parameters()
    engine.dispose()
    assert described["tcp_user_timeout"] == limit
    assert (
        int(described["keepalives_idle"]) + int(described["keepalives_interval"]) * int(described["keepalives_count"])
        <= 5
    )
