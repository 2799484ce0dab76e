"""Two hosts by their state folders: with a database that they share they are one run at a time, and one memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from sipctl.errors import ExitCode
from sipctl.operations.lock import run_lock
from sipctl.registry.database import open_engine
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import Room
from tests.support.desk import Desk
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES, Postgres
from tests.support.running import Result, assert_error, clean_env, env_of, run, run_process
from tests.support.yard import owned

STALE = owned(ROOMS[0], "736150928364")
WRITES = (
    "rules purge --apply", f"rules delete {STALE.name}", f"pin rotate {STALE.room_name}", "room create new",
    f"rules update {STALE.name} --metadata x",
)  # fmt: skip


@dataclass
class Hosts:
    """A server with a stale rule, and the environments of two hosts."""

    sandbox: Sandbox
    here: dict[str, str]
    there: dict[str, str]

    def both(self, **settings: str) -> None:
        self.here |= settings
        self.there |= settings


@pytest.fixture
def hosts(sandbox: Sandbox, tmp_path: Path) -> Hosts:
    desk = Desk(server=sandbox, folder=tmp_path)
    desk.store(STALE)
    desk.ask(lambda client: client.create_room(Room(name="live")))
    there = env_of(sandbox, SIPCTL_STATE_DIR=str(tmp_path / "there"), SIPCTL_DATA_DIR=str(tmp_path / "there"))
    return Hosts(sandbox, env_of(sandbox), there)


def done(words: str, env: dict[str, str], *, stdin: str = "") -> Result:
    ended = run(*words.split(), env=env, stdin=stdin.encode())
    assert ended.code == 0, ended
    return ended


def tables_of(url: str) -> set[str]:
    engine = open_engine(url)
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        found = set(names.scalars())
    engine.dispose()
    return found


@pytest.fixture
def meets(postgres: Postgres, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Meet's database, and a profile that knows it by Meet's own env file."""
    url = postgres.new_database(MEETS_TABLES)
    engine = open_engine(url)
    add_meet_rooms(engine, ROOMS)
    engine.dispose()
    database, host = re.search(r"@/(\w+)\?host=(.*)", url).groups()  # type: ignore[union-attr]
    (tmp_path / "common").write_text(f"DB_HOST={host}\nDB_NAME={database}\nDB_USER=postgres\n")
    config = tmp_path / "config.toml"
    config.write_text('[profiles.default]\nenv_files = ["common"]\nregistry = { layout = "meet" }\n')
    yield url, config
    assert tables_of(url) == {"meet_room", "meet_resource"}


def refused(hosts: Hosts, folder: Path, url: str) -> None:
    """While one host works the other is refused whatever it would write, by any spelling of the server's address."""
    done("pin import - --apply", hosts.here, stdin=f"room,pin\n{STALE.room_name},{STALE.pin}\n")
    spelling = hosts.sandbox.url.replace("http://127.0.0.1", "ws://localhost") + "/"
    with run_lock(folder, spelling, shared_url=url):
        for words in WRITES:
            assert_error(run(*words.split(), env=hosts.there), ExitCode.CHANGED, "another sipctl run", "since 20")


def test_a_shared_registry_of_our_own_is_all_they_need(hosts: Hosts, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    hosts.both(SIPCTL_REGISTRY_URL=url)
    refused(hosts, tmp_path, url)
    assert "holds no earlier observation" in done("rules purge", hosts.here).stderr
    assert "holds no earlier observation" not in done("rules purge", hosts.there).stderr
    assert {"sipctl_look", "sipctl_run", "sipctl_rotation"} <= tables_of(url)
    assert not list(tmp_path.rglob("looks.db"))


def test_meets_database_holds_the_lock_and_no_table(hosts: Hosts, meets: tuple[str, Path], tmp_path: Path) -> None:
    url, config = meets
    hosts.both(SIPCTL_CONFIG=str(config))
    refused(hosts, tmp_path, url)
    for env in (hosts.here, hosts.there):
        assert "holds no earlier observation" in done("rules purge", env).stderr


def test_beside_meets_database_the_notes_are_where_state_url_says(
    hosts: Hosts, meets: tuple[str, Path], postgres: Postgres, tmp_path: Path
) -> None:
    (url, config), state = meets, postgres.new_database()
    hosts.both(SIPCTL_CONFIG=str(config), SIPCTL_REGISTRY_STATE_URL=state)
    refused(hosts, tmp_path, url)
    done("rules purge", hosts.here)
    assert "holds no earlier observation" not in done("rules purge", hosts.there).stderr
    assert "sipctl_look" in tables_of(state)


def test_a_killed_run_of_a_host_is_left_to_its_own_next_one(hosts: Hosts, postgres: Postgres) -> None:
    """Its mark stands in the shared database, what it deleted in its own audit."""
    hosts.both(SIPCTL_REGISTRY_URL=postgres.new_database())
    engine = open_engine(hosts.here["SIPCTL_REGISTRY_URL"])
    done("rules purge --apply --grace 0s", hosts.here)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_run SET ended_at = NULL"))
    engine.dispose()
    hosts.sandbox.join(STALE.room_name, "alice")
    done("rules purge --apply", hosts.there)
    assert hosts.sandbox.store.rules == {}
    done("rules purge --apply", hosts.here)
    assert [rule.name for rule in hosts.sandbox.store.rules.values()] == [STALE.name]


def test_a_change_is_undone_by_another_spelling_of_its_server(hosts: Hosts) -> None:
    described = done(f"rules delete {STALE.name}", hosts.here).stdout
    (change,) = re.findall(r"rules restore (\S+)", described)
    spelling = hosts.here | {"LIVEKIT_URL": hosts.sandbox.url.replace("http://127.0.0.1", "ws://LOCALHOST") + "/"}
    done(f"rules restore {change} --apply", spelling)
    assert [rule.name for rule in hosts.sandbox.store.rules.values()] == [STALE.name]


def test_a_newer_version_on_the_other_host(postgres: Postgres) -> None:
    """The older one says so, and nothing of it stays open."""
    env = clean_env(SIPCTL_REGISTRY_URL=postgres.new_database())
    done("pin assign a", env)
    engine = open_engine(env["SIPCTL_REGISTRY_URL"])
    with engine.begin() as connection:
        connection.execute(text("UPDATE sipctl_schema SET version = 99"))
    engine.dispose()
    refused = run_process("pin", "list", env=env)
    assert_error(refused, ExitCode.USAGE, "schema 99")
    assert len(refused.stderr.splitlines()) == 2
