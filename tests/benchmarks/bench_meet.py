"""sync, purge and doctor at a large Meet, in process time: 2,111 rooms in its table, 2,001 rules, 110 meetings."""

import json
import os
import resource
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.benchmarks.ratios import show
from tests.support.meet import Meet, meet_of
from tests.support.peers.postgres import running_postgres
from tests.support.running import command

ROOMS, RULES, MEETINGS = 2_111, 2_001, 110
LIMIT_S: Final = 1.2
COMMANDS: Final = (("rules", "sync"), ("rules", "purge"), ("doctor", "--settle", "0"))


FOLDERS: Final = ("XDG_CONFIG_HOME", "SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_postgres() as postgres,
        running_sandbox() as sandbox,
        own_folders(Path(folder)),
        meet_of(sandbox, postgres, Path(folder)) as meet,
    ):
        fill(meet, sandbox)
        for words in COMMANDS:
            show(f"{' '.join(words)} at {RULES:,} rules", min(cpu_s(meet, words) for _ in range(3)), LIMIT_S, 1.0)


@contextmanager
def own_folders(folder: Path) -> Iterator[None]:
    """Folders of sipctl's own, as tests have them."""
    os.environ |= {name: str(folder / name.lower()) for name in FOLDERS}
    yield
    for name in FOLDERS:
        del os.environ[name]


def fill(meet: Meet, sandbox: Sandbox) -> None:
    rooms = [(str(uuid.UUID(int=10_000 + at)), f"{5_000_000_000 + at * 7_919}") for at in range(ROOMS)]
    rows = [{"room": room, "name": f"room {at}", "pin": pin} for at, (room, pin) in enumerate(rooms)]
    with meet.table.engine.begin() as connection:
        connection.execute(text("INSERT INTO meet_resource (id) VALUES (:room)"), rows)
        statement = "INSERT INTO meet_room (resource_id, name, slug, pin_code) VALUES (:room, :name, :name, :pin)"
        connection.execute(text(statement), rows)
    rules = [
        {"sip_dispatch_rule_id": f"SDR_{pin}", "name": f"SIP_{room}",
         "rule": {"dispatch_rule_direct": {"room_name": room, "pin": pin}}}
        for room, pin in rooms[:RULES]
    ]  # fmt: skip
    live = [{"name": room} for room, _ in rooms[:MEETINGS]]
    plant_snapshot(sandbox.store, json.dumps({"rules": rules, "rooms": live}))


def cpu_s(meet: Meet, words: tuple[str, ...]) -> float:
    """The processor time of one command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command(*words), env=meet.env, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
