"""`assign` of 100,000 rooms against a raw loop that draws and `executemany`s the same rows; its memory."""

import secrets
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from sipctl.operations.audit import Journal
from sipctl.operations.pins import assign
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.pins import PinPolicy
from tests.benchmarks.ratios import SOURCE, best, show
from tests.support.peers.postgres import missing, running_postgres

COUNT = 100_000
TABLE = "CREATE TABLE raw (pin text PRIMARY KEY, room text UNIQUE NOT NULL, state text, assigned_at text)"
MEMORY = """
import resource, sys, tempfile
from pathlib import Path
from sipctl.operations.audit import Journal
from sipctl.operations.pins import assign
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.pins import PinPolicy
folder = Path(tempfile.mkdtemp())
engine = open_engine(f"sqlite:///{folder / 'pins.db'}")
registry = Registry(engine, engine, in_meet=False)
rooms = (f"room-{at}" for at in range(int(sys.argv[1])))
for one in assign(registry, rooms, PinPolicy(length=16), Journal(folder, "bench", "", ""), draws=5): pass
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def rows() -> Iterator[tuple[str, str, str, str]]:
    for at in range(COUNT):
        yield f"{secrets.randbelow(10**16):016}", f"room-{at}", "active", "2026-01-01T00:00:00Z"


def ours(url: str, folder: Path) -> None:
    engine = open_engine(url)
    registry = Registry(engine, engine, in_meet=False)
    rooms = (f"room-{at}" for at in range(COUNT))
    given = sum(1 for _ in assign(registry, rooms, PinPolicy(length=16), Journal(folder, "bench", "", ""), draws=5))
    registry.close()
    assert given == COUNT


def raw_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(TABLE)
        connection.executemany("INSERT INTO raw VALUES (?, ?, ?, ?)", rows())
    connection.close()


def raw_postgresql(url: str) -> None:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.executemany("INSERT INTO raw VALUES (%s, %s, %s, %s)", rows())


def fresh(make: Callable[[Path], None]) -> Callable[[], object]:
    """A run in a folder of its own."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder))

    return run


def peak_kib(count: int) -> int:
    """The most memory that assigning so many rooms took."""
    words = [sys.executable, "-c", MEMORY, str(count)]
    ended = subprocess.run(words, env={"PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE, text=True, check=True)
    return int(ended.stderr)


def main() -> None:
    sqlite = best(fresh(lambda folder: ours(f"sqlite:///{folder / 'pins.db'}", folder)), 2)
    show("assign 100,000, SQLite", sqlite, best(fresh(lambda folder: raw_sqlite(folder / "raw.db")), 2), 5)
    if not missing():
        with running_postgres() as server:
            postgresql = best(fresh(lambda folder: ours(server.new_database(), folder)), 2)
            raw = best(lambda: raw_postgresql(server.new_database()), 2)
            show("assign 100,000, PostgreSQL", postgresql, raw, 5)
    large, small = peak_kib(COUNT), peak_kib(COUNT // 10)
    sys.stdout.write(f"memory of assign, 100,000 against 10,000: {large / small:.2f}x of {small} KiB (target 1.1x)\n")


if __name__ == "__main__":
    main()
