"""The homes of a registry: SQLite, PostgreSQL and Meet's tables, also where they cannot be used."""

import os
import re
from pathlib import Path

import pytest

from sipctl.registry.database import open_engine
from sipctl.sandbox.server import Sandbox
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import Postgres
from tests.support.pin_commands import data_file, items, pin, pins
from tests.support.running import assert_error, clean_env, env_of, run


def test_meets_rooms(meet: dict[str, str]) -> None:
    assert len(items(pin("list", "--missing", "-o", "json", env=meet))) == len(ROOMS)
    pin("assign", ROOMS[0].upper(), "room 1", "room-2-0000-0003", env=meet)
    assert sorted(room for room, one in pins(meet).items() if one) == sorted(ROOMS[:3])
    assert_error(run("pin", "assign", "nobody", env=meet), 7, "Meet knows no room 'nobody'")
    pin("rotate", "room 1", env=meet)
    pin("rotate", "room 1", ROOMS[1], "--apply", env=meet)
    pin("release", ROOMS[2], env=meet)
    pin("assign", "--missing", env=meet)
    assert all(pins(meet).values())
    described = pin("import", "-", env=meet, stdin=f"resource_id,pin_code\nno-uuid,0123456789\n{ROOMS[0]},\n", code=5)
    assert "Meet has no such room" in described.stdout
    engine = open_engine(_url_of(meet))
    add_meet_rooms(engine, [ROOMS[0].replace("0000-", "1111-", 1)])
    engine.dispose()
    ambiguous = run("pin", "show", "room 0", env=meet)
    assert_error(ambiguous, 2, ROOMS[0], ROOMS[0].replace("0000-", "1111-", 1))


def _url_of(env: dict[str, str]) -> str:
    text = (Path(env["SIPCTL_CONFIG"]).parent / "common").read_text()
    host, name = (re.search(rf"{key} ?= ?(.*)", text)[1] for key in ("DB_HOST", "DB_NAME"))  # type: ignore[index]
    return f"postgresql://postgres@/{name}?host={host}"


def test_a_rule_for_a_room_of_meets_by_whatever_name(meet: dict[str, str], sandbox: Sandbox) -> None:
    env = env_of(sandbox, SIPCTL_CONFIG=meet["SIPCTL_CONFIG"])
    pin("assign", "room 1", env=env)
    assert run("rules", "create", "--room", "room 1", "--pin-from-registry", env=env).code == 0
    (rule,) = sandbox.store.rules.values()
    assert (rule.name, rule.rule.dispatch_rule_direct.room_name) == (f"SIP_{ROOMS[1]}", ROOMS[1])


def test_meet_without_its_tables_rights_or_server(meet: dict[str, str], postgres: Postgres, tmp_path: Path) -> None:
    empty = postgres.new_database()
    for url, described in (
        (empty, "has not the tables"),
        (empty.replace("postgres@", "nobody@"), "role"),
        (re.sub(r"@/\w+", "@/missing", empty), "does not exist"),
        (f"postgresql://x@127.0.0.1:{9}/x", "cannot be used"),
    ):
        ended = run("pin", "list", env=meet | {"SIPCTL_REGISTRY_URL": url})
        assert ended.code in {2, 3}, ended
        assert described in ended.stderr, ended
        assert "Traceback" not in ended.stderr


def test_postgresql_of_our_own(postgres: Postgres) -> None:
    env = clean_env(SIPCTL_REGISTRY_URL=postgres.new_database())
    pin("assign", "a", "b", env=env)
    pin("rotate", "a", env=env)
    pin("release", "b", env=env)
    assert sorted(pins(env)) == ["a"]
    assert not data_file().exists()


def test_a_state_database_beside_a_registry_of_our_own(postgres: Postgres) -> None:
    env = clean_env(SIPCTL_REGISTRY_STATE_URL=postgres.new_database())
    pin("assign", "a", env=env)
    (old,) = pins(env).values()
    pin("rotate", "a", env=env)
    chosen = pin("assign", "b", "--pin-stdin", env=env, stdin=old, code=5)
    assert "room 'a' had it" in chosen.stderr
    assert pins(clean_env()) == pins(env)


@pytest.mark.parametrize("url", ["postgresql://one:5432,two:5433/pins", "postgresql://host:port/pins"])
def test_urls_that_are_none(url: str) -> None:
    assert_error(run("pin", "list", env=clean_env(SIPCTL_REGISTRY_URL=url)), 2, "no database url")


@pytest.mark.parametrize("port", ["text", "0", "65536", "5432x", "١٢"])
def test_a_port_of_meets_database_that_is_none(meet: dict[str, str], port: str) -> None:
    common = Path(meet["SIPCTL_CONFIG"]).parent / "common"
    common.write_text(f"{common.read_text()}DB_PORT={port}\n")
    assert_error(run("pin", "list", env=meet), 2, "DB_PORT", "is no port")


def test_databases_that_cannot_be_used(tmp_path: Path) -> None:
    pin("assign", "a")
    locked = open_engine(f"sqlite:///{data_file()}")
    with locked.begin():
        assert_error(run("pin", "assign", "b", "--timeout", "0.2"), 3, "locked by another program")
        pin("list")
    locked.dispose()
    data_file().chmod(0o400)
    if os.getuid():
        assert_error(run("pin", "assign", "b"), 3, "read")
    data_file().chmod(0o600)
    for bad in ("mysql://u:secret-word@h/d", "nonsense secret-word"):
        refused = run("pin", "list", env=clean_env(SIPCTL_REGISTRY_URL=bad))
        assert refused.code == 2
        assert "secret-word" not in refused.stderr
    data_file().write_bytes(b"this is no database" * 200)
    for extra in data_file().parent.glob("pins.db-*"):
        extra.unlink()
    assert_error(run("pin", "list"), 2, "corrupt")
