"""Debian's PostgreSQL on a private socket, with Meet's own tables where a test wants them."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

MEETS_TABLES = """
CREATE TABLE meet_resource (
    id uuid PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE meet_room (
    resource_id uuid PRIMARY KEY REFERENCES meet_resource (id) DEFERRABLE INITIALLY DEFERRED,
    name varchar(500) NOT NULL, slug varchar(100) UNIQUE, configuration jsonb NOT NULL DEFAULT '{}',
    access_level varchar(50) NOT NULL DEFAULT 'public', pin_code varchar UNIQUE
);
"""


def missing() -> str:
    """What is not installed; "" if nothing."""
    if not _BINARIES:
        return "no PostgreSQL under /usr/lib/postgresql"
    return "" if os.getuid() or "postgres" in {user.pw_name for user in pwd.getpwall()} else "no user postgres"


class Postgres:
    """A server of its own; initdb refuses root, so that as root it runs as Debian's postgres."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sipctl-pg-"))
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c max_connections=200"
        self._run("initdb", "-A", "trust", "--no-sync", "-U", "postgres", "-D", str(self._folder / "data"))
        self._run(
            "pg_ctl", "-w", "-D", str(self._folder / "data"), "-l", str(self._folder / "log"), "-o", options, "start"
        )

    def crash(self) -> None:
        """Go without a word to those who are connected."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def stop(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [_BINARIES[-1].with_name(program), *words], check=True, stdout=subprocess.DEVNULL, user=self._user,
            cwd=self._folder,
        )  # fmt: skip

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def new_database(self, script: str = "") -> str:
        """The URL of a fresh database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        if script:
            self.execute(name, script)
        return self.url(name)

    def execute(self, database: str, script: str) -> None:
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(script))
        engine.dispose()


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server while the body runs."""
    server = Postgres()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def until_one_waits(engine: Engine) -> None:
    """Wait until a session of this database waits for another one."""
    until = time.monotonic() + 20
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        while not connection.execute(waiting).scalar_one():
            connection.rollback()
            assert time.monotonic() < until


def end_sessions(postgres: Postgres) -> None:
    """As a restart of PostgreSQL, or an administrator, ends them."""
    postgres.execute(
        "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sipctl %'"
    )
