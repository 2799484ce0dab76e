"""PostgreSQL's advisory locks: one writing run for each server among hosts, one transaction of a kind at a time."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sipctl.config.urls import server_name
from sipctl.registry.database import TIMEOUT_S, open_engine, sharing_host, translated

_WHAT: Final = "the database that holds the lock"
_PAUSE_S: Final = 0.2
_TAKE: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_UNLIMITED: Final = text("""
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
""")
_NAMED: Final = text("SELECT set_config('application_name', :title, true)")
_MINE: Final = text("""
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid = pg_backend_pid()
    AND (classid::bigint << 32 | objid::bigint) = CAST(:key AS bigint)
)
""")
_HOLDER: Final = text("""
SELECT regexp_replace(application_name, '^sipctl ', '') || ', since ' || to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS')
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND datname = current_database()
AND (classid::bigint << 32 | objid::bigint) = CAST(:key AS bigint)
""")


def serialize(connection: Connection, what: str) -> None:
    """Let one writing transaction of this name after the other. SQLite does so anyway, by the lock of its BEGIN."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(what)})


def lock_key(what: str) -> int:
    """The 64-bit number that stands for a name among PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(f"sipctl {what}".encode()).digest()[:8], signed=True)


class ServerLock:
    """The lock of a server among the hosts that share a database, held by one open transaction.

    A transaction, and no session: behind a pooler each statement of a session may meet another session of the server,
    and a session's lock would stay there. PostgreSQL lets go of it when the transaction or its process ends.
    """

    def __init__(self, connection: Connection, server: str) -> None:
        self._connection = connection
        self._keys = [lock_key(name) for name in _names(server, connection.engine)]

    def acquire(self, who: str, wait_s: float, on_wait: Callable[[str], None] = lambda _holder: None) -> str | None:
        """Take it: None, or who else holds it after `wait_s` seconds; `on_wait` gets the holder if it waits."""
        self._connection.execute(_NAMED, {"title": f"sipctl {who}"})
        self._connection.execute(_UNLIMITED)
        until = monotonic() + wait_s
        is_reported = False
        for key in self._keys:
            while not self._connection.execute(_TAKE, {"key": key}).scalar_one():
                if monotonic() >= until:
                    return self._holder(key)
                if not is_reported:
                    on_wait(self._holder(key))
                    is_reported = True
                sleep(_PAUSE_S)
        return None

    def _holder(self, key: int) -> str:
        return str(self._connection.execute(_HOLDER, {"key": key}).scalar() or "")

    def is_held(self) -> bool:
        """Ask the server whether it still is; False, too, if there is no answer."""
        try:
            return all(self._connection.execute(_MINE, {"key": key}).scalar_one() for key in self._keys)
        except SQLAlchemyError:
            return False


def _names(server: str, engine: Engine) -> list[str]:
    """The one name of the server, and its address as it is spelled, which older versions lock."""
    return list(dict.fromkeys((server_name(server, sharing_host(engine)), server)))


@contextmanager
def server_lock(
    url: str,
    server: str,
    who: str,
    *,
    wait_s: float,
    timeout_s: float = TIMEOUT_S,
    on_wait: Callable[[str], None] = lambda _holder: None,
) -> Iterator[tuple[ServerLock, str | None]]:
    """The lock of a server in this database, and who else holds it; None = it is ours while the body runs.

    `wait_s` is how long to wait for another run, `timeout_s` for the database, in seconds. `on_wait` gets who is
    waited for.

    Raises:
        ConfigError, UncheckedError: the database cannot be used.
    """
    engine = open_engine(url, timeout_s)
    try:
        with translated(_WHAT, engine.url):
            connection = engine.connect()
        try:
            lock = ServerLock(connection, server)
            with translated(_WHAT, engine.url):
                other = lock.acquire(who, wait_s, on_wait)
            yield lock, other
        finally:
            with suppress(DBAPIError):  # a session that ended meanwhile has let go of it
                connection.close()
    finally:
        engine.dispose()
