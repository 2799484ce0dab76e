"""Opening SQLite or PostgreSQL, and their failures in words an administrator can act on."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sipctl.config.own_files import make_folder
from sipctl.errors import ConfigError, UncheckedError
from sipctl.registry.failures import failure

TIMEOUT_S: Final = 30.0
_PSYCOPGS: Final = frozenset({"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"})
"""Arguments of psycopg's own, which no text in a url can be."""


def open_engine(url: str, timeout_s: float = TIMEOUT_S) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; nothing is connected yet.

    `timeout_s` limits, in seconds, how long it waits for a connection, a lock or a statement.

    Raises:
        ConfigError: it is neither.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        raise ConfigError("the registry's url is no database url", hint=_URL_HINT) from None
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(Path(parsed.database or ""), timeout_s)
    if parsed.get_backend_name() == "postgresql":
        _check_postgresql(parsed)
        with translated("the database", parsed):
            return _open_postgresql(parsed.set(drivername="postgresql+psycopg"), timeout_s)
    raise ConfigError(f"no registry in {parsed.get_backend_name()}", hint=_URL_HINT)


_IF_CORRUPT: Final = "restore it from a backup"
_URL_HINT: Final = "such as sqlite:////var/lib/sipctl/pins.db or postgresql://user@host/database"


def _check_postgresql(url: URL) -> None:
    """Refuse what a driver would take for something else: then it shows a password, or fails in a strange place."""
    if "@" in (url.host or ""):
        raise ConfigError("the database's url has an @ too many", hint="write %40 for an @ in a user or a password")
    if foreign := sorted(_PSYCOPGS & url.query.keys()):
        raise ConfigError(f"the database's url has {foreign[0]}, which is no parameter of PostgreSQL", hint=_URL_HINT)


def _open_postgresql(url: URL, timeout_s: float) -> Engine:
    """PostgreSQL; the limit is set by a statement, for connection poolers refuse options at the start."""
    limits = {name: limit for name, limit in _limits(timeout_s).items() if name not in url.query}
    engine = create_engine(url, hide_parameters=True, connect_args=limits)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        connection.execute(f"SET statement_timeout = {ceil(timeout_s * 1000)}")
        connection.commit()

    return engine


def _limits(timeout_s: float) -> dict[str, int]:
    """How long to wait for a connection, and for a server behind a broken network: the system itself waits hours."""
    probes = 3
    return {
        "connect_timeout": max(ceil(timeout_s), 2),
        "tcp_user_timeout": ceil(timeout_s * 1000),
        "keepalives_idle": max(ceil(timeout_s / 2), 1),
        "keepalives_interval": max(ceil(timeout_s / 2 / probes), 1),
        "keepalives_count": probes,
    }


def _open_sqlite(path: Path, timeout_s: float) -> Engine:
    """SQLite with a write-ahead log; a writing transaction takes the lock at once, so that it cannot fail later."""
    _make_private(path)
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, connect_args={"timeout": timeout_s})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _make_private(path: Path) -> None:
    """A new file must be 0600 before SQLite makes it with the umask's mode; of an older one only a group may have more.

    Its log gets the mode of the file.
    """
    try:
        make_folder(path.parent)
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        elif (mode := stat.S_IMODE(path.stat().st_mode)) & stat.S_IRWXO:
            path.chmod(mode & ~stat.S_IRWXO)
    except OSError as error:
        raise UncheckedError(
            f"cannot open the registry {path}: {error.strerror}", code="registry", hint="check the folder"
        ) from error


@contextmanager
def translated(what: str, place: URL, *, if_corrupt: str = _IF_CORRUPT) -> Iterator[None]:
    """Turn what a database says into our errors; `what` names what it is used for, `place` where it is.

    `if_corrupt` is the hint for a file that is damaged.

    Raises:
        UncheckedError: not reachable, locked, full, read-only, or without the rights.
        ConfigError: no such table, corrupt, or a url that no driver takes.
        ConflictError: another run wrote the same at the same moment, and a constraint stopped one of the two.
    """
    try:
        yield
    except (DBAPIError, ArgumentError) as error:
        raise failure(what, place, error, if_corrupt) from error
    except UnicodeError:  # of the driver, at a host with an empty label, or at bytes that are not UTF-8
        raise ConfigError(
            f"{what} cannot be used: its address holds what no host, user or name can", hint="check the database's url"
        ) from None


@contextmanager
def writing(engine: Engine, what: str, *, if_corrupt: str = _IF_CORRUPT) -> Iterator[Connection]:
    """A writing transaction; it raises what `translated` raises."""
    with translated(what, engine.url, if_corrupt=if_corrupt), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine, what: str, *, if_corrupt: str = _IF_CORRUPT) -> Iterator[Connection]:
    """A connection whose transaction takes no writer's lock; it raises what `translated` raises."""
    with (
        translated(what, engine.url, if_corrupt=if_corrupt),
        engine.connect().execution_options(reading=True) as connection,
    ):
        yield connection


def sharing_host(engine: Engine) -> str:
    """The name of this host, if others may share the database; "" = a file, which is this host's alone."""
    return "" if engine.dialect.name == "sqlite" else socket.gethostname()
