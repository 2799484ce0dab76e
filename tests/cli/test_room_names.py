"""What people call a room, beside its UUID, where Meet's database is the registry."""

import json
from pathlib import Path

import pytest

from sipctl.registry.database import open_engine
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES, Postgres
from tests.support.running import env_of, run

WORDS = (("rules", "list"), ("rules", "show", "SDR_a"), ("room", "list"), ("room", "show", ROOMS[0]))


@pytest.fixture
def live(sandbox: Sandbox) -> Sandbox:
    """Two live rooms, one of Meet's and one of someone else's, and a rule for each."""
    rules = [
        {"sip_dispatch_rule_id": f"SDR_{letter}", "name": f"SIP_{room}",
         "rule": {"dispatch_rule_direct": {"room_name": room, "pin": pin}}}
        for letter, room, pin in (("a", ROOMS[0], "4821930571"), ("b", "lobby", "7703158264"))
    ]  # fmt: skip
    plant_snapshot(sandbox.store, json.dumps({"rules": rules, "rooms": [ROOMS[0], "lobby"]}))
    return sandbox


def config(folder: Path, url: str) -> tuple[str, str]:
    path = folder / "config.toml"
    path.write_text(f'[profiles.p]\n[profiles.p.registry]\nlayout = "meet"\nurl = "{url}"\n')
    return "--config", str(path)


def test_names_are_shown_beside_uuids(live: Sandbox, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database(MEETS_TABLES)
    engine = open_engine(url)
    add_meet_rooms(engine, ROOMS[:1], name="weekly")
    engine.dispose()
    chosen = config(tmp_path, url)
    for words in WORDS:
        ended = run(*chosen, *words, env=env_of(live))
        assert (ended.code, ended.stderr) == (0, "")
        assert "weekly 0" in ended.stdout
    items = json.loads(run(*chosen, "rules", "list", "-o", "json", env=env_of(live)).stdout)["items"]
    assert [item["sipctl"]["called"] for item in items] == ["weekly 0", None]


def test_a_database_that_is_away_takes_nothing_along(live: Sandbox, tmp_path: Path) -> None:
    chosen = config(tmp_path, "postgresql://nobody:canary@127.0.0.1:1/none")
    for words in WORDS:
        ended = run(*chosen, *words, env=env_of(live))
        assert ended.code == 0
        assert ROOMS[0] in ended.stdout
        assert ended.stderr.startswith("note: what rooms are called is not known: ")
        assert "canary" not in ended.stderr


def test_without_meet_there_is_no_such_column(live: Sandbox) -> None:
    assert "called" not in run("room", "list", env=env_of(live)).stdout
    items = json.loads(run("room", "list", "-o", "json", env=env_of(live)).stdout)["items"]
    assert {item["sipctl"]["called"] for item in items} == {None}
