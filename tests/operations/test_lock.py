"""One run at a time writes to one server, however its address is spelled, on one host and on several."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import text

from sipctl.errors import ChangedError, ConfigError, UncheckedError
from sipctl.operations.lock import run_lock
from sipctl.registry.database import open_engine
from sipctl.registry.locks import lock_key
from tests.support.peers.postgres import Postgres, end_sessions

URL = "http://livekit.example.org"
HOLDER = """
import sys
from pathlib import Path
from sipctl.operations.lock import run_lock

with run_lock(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    with run_lock(tmp_path, URL):
        with pytest.raises(ChangedError) as refused, run_lock(tmp_path, URL):
            pytest.fail("two runs at once")
        assert refused.value.code == "locked"
        with run_lock(tmp_path, "http://another.example.org"):
            pass
    with run_lock(tmp_path, URL):
        pass


def test_the_lock_ends_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(UncheckedError), run_lock(tmp_path, URL):
        raise UncheckedError("no answer")
    with run_lock(tmp_path, URL):
        pass


def test_a_folder_that_holds_no_lock(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    with pytest.raises(UncheckedError, match="cannot lock"), run_lock(tmp_path / "state", URL):
        pytest.fail("no lock")


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDER, str(tmp_path), URL]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(ChangedError), run_lock(tmp_path, URL):
                pytest.fail("two runs at once")
        finally:
            holder.kill()
    with run_lock(tmp_path, URL):
        pass


def test_a_lock_that_was_lost_does_not_hide_what_was_done(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    with run_lock(tmp_path, URL, shared_url=url):
        end_sessions(postgres)
    with run_lock(tmp_path, URL, shared_url=url):
        pass


SPELLINGS = [
    "http://livekit.example.org/", "ws://livekit.example.org", "http://LiveKit.example.org:80", "ws://livekit.example.org.:80/",
]  # fmt: skip
LOOPBACK = [
    "http://localhost:7880",
    "ws://127.0.0.1:7880/",
    "http://[::1]:7880",
    "http://127.1.2.3:7880",
    "http://0.0.0.0:7880",
]
OTHERS = ["https://livekit.example.org", "http://livekit.example.org:7880", "http://livekit.example.org/lk", *LOOPBACK]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("url", "same"), [(URL, SPELLINGS), (LOOPBACK[0], LOOPBACK[1:])])
def test_one_server_has_one_lock(
    tmp_path: Path, request: pytest.FixtureRequest, shared: bool, url: str, same: list[str]
) -> None:
    """On one host by its state folder, on two by the database that they share."""
    database = request.getfixturevalue("postgres").new_database() if shared else ""
    other = tmp_path / "other" if shared else tmp_path
    other.mkdir(exist_ok=True)
    with run_lock(tmp_path, url, shared_url=database):
        for spelling in same:
            with pytest.raises(ChangedError), run_lock(other, spelling, shared_url=database):
                pytest.fail(f"two runs at {url} and {spelling}")
        for another in OTHERS if url == URL else [URL]:
            with run_lock(other, another, shared_url=database):
                pass


def test_a_host_holds_its_own_lock_beside_the_shared_one(tmp_path: Path, postgres: Postgres) -> None:
    """Two profiles of one host may name different databases, or one of them none."""
    with run_lock(tmp_path, URL, shared_url=postgres.new_database()):
        for database in ("", postgres.new_database()):
            with pytest.raises(ChangedError), run_lock(tmp_path, URL, shared_url=database):
                pytest.fail("two runs on one host")


def test_the_file_that_an_older_version_locks_counts(tmp_path: Path) -> None:
    spelled = "ws://livekit.example.org/"
    older = FileLock(tmp_path / f"{hashlib.sha256(spelled.encode()).hexdigest()[:16]}.lock")
    with older, pytest.raises(ChangedError), run_lock(tmp_path, spelled):
        pytest.fail("two runs at once")
    with run_lock(tmp_path, spelled):
        pass


@contextmanager
def locked_by_a_session(url: str, name: str) -> Iterator[None]:
    engine = open_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock_key(name)})
        yield
    engine.dispose()


def test_the_key_that_an_older_version_locks_counts(tmp_path: Path, postgres: Postgres) -> None:
    url, spelled = postgres.new_database(), "ws://livekit.example.org/"
    older = locked_by_a_session(url, spelled)
    with older, pytest.raises(ChangedError), run_lock(tmp_path, spelled, shared_url=url):
        pytest.fail("two runs at once")


def test_a_pooler_keeps_no_lock(tmp_path: Path, postgres: Postgres) -> None:
    """The lock is that of a transaction: a session that goes back to a pool, and lives on, holds nothing."""
    url = postgres.new_database()
    with run_lock(tmp_path, URL, shared_url=url):
        engine = open_engine(url)
        with engine.connect() as connection:
            held = text(
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
                " AND state = 'idle in transaction' AND datname = current_database()"
            )
            assert connection.execute(held).scalar_one() == 1
        engine.dispose()


def test_a_lock_that_is_lost_is_noticed(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    with run_lock(tmp_path, URL, shared_url=url) as check:
        check()
        end_sessions(postgres)
        with pytest.raises(ChangedError, match="lost") as lost:
            check()
        assert lost.value.code == "lock-lost"
        with pytest.raises(ChangedError, match="lost"):
            check()


def test_a_database_that_holds_no_lock(tmp_path: Path) -> None:
    for url, error in (
        ("postgresql://u:secret-word@127.0.0.1:1/x", UncheckedError),
        ("postgresql://u:x@y@h/x", ConfigError),
    ):
        with pytest.raises(error) as described, run_lock(tmp_path, URL, shared_url=url, timeout_s=2):
            pytest.fail("no lock")
        assert "secret-word" not in described.value.message
    with run_lock(tmp_path, URL):
        pass
