"""Many processes at one registry: every PIN distinct, none lost, nothing locked out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from tests.support.peers.postgres import Postgres

PROCESSES, EACH = (32, 500) if os.environ.get("CI") == "true" else (8, 100)
"""CI runs the whole crowd; a developer's run a part of it."""

WORKER = """
import sys
from pathlib import Path
from sipctl.operations.audit import Journal
from sipctl.operations.pins import assign
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.telephony.pins import PinPolicy
url, number, count, shared = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "shared"
journal = Journal(Path(sys.argv[5]), "sipctl test", "test", "")
engine = open_engine(url)
registry = Registry(engine, engine, in_meet=False)
rooms = [f"room-{at}" if shared else f"room-{number}-{at}" for at in range(count)]
for at in range(0, count, 5):
    list(assign(registry, rooms[at : at + 5], PinPolicy(length=5), journal, draws=50))
"""


def crowd(url: str, folder: Path, processes: int, each: int, rooms: str) -> dict[str, str]:
    engine = open_engine(url)
    registry = Registry(engine, engine, in_meet=False)
    source = str(Path(__file__).parents[2] / "src")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, str(number), str(each), rooms, str(folder)], env={"PYTHONPATH": source},
            stderr=subprocess.PIPE,
        )
        for number in range(processes)
    ]  # fmt: skip
    errors = [process.communicate()[1].decode() for process in running]
    assert errors == [""] * processes
    found = {holding.room: holding.pin for holding in registry.holdings()}
    registry.close()
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_crowd_of_assigners(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'pins.db'}"
    if kind == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.new_database()
    found = crowd(url, tmp_path, PROCESSES, EACH, "own")
    assert len(found) == PROCESSES * EACH
    assert len(set(found.values())) == PROCESSES * EACH


def test_assigners_of_the_same_rooms(tmp_path: Path) -> None:
    found = crowd(f"sqlite:///{tmp_path / 'pins.db'}", tmp_path, 6, 50, "shared")
    assert len(found) == 50
    assert len(set(found.values())) == 50
