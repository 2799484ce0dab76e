"""A PIN that was taken away opens nothing again: undo, restore and what a killed run left behind ask the registry."""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sipctl.errors import ExitCode
from sipctl.registry.database import open_engine
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from tests.support.desk import Desk
from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.peers.postgres import MEETS_TABLES
from tests.support.running import Result, env_of, run
from tests.support.schemas import validate
from tests.support.yard import owned

A, B = ROOMS[:2]


@dataclass
class Place:
    """A server, and a profile whose registry has one of its three homes."""

    desk: Desk
    env: dict[str, str]

    def sipctl(self, *words: str, code: int = 0, stdin: str = "") -> Result:
        ended = run(*words, env=self.env, stdin=stdin.encode())
        assert ended.code == code, ended
        return ended

    def pin(self, room: str) -> str:
        shown = json.loads(self.sipctl("pin", "show", room, "--no-live", "--show-pins", "-o", "json").stdout)
        return str(shown["item"]["pin"])

    def deleted(self, room: str) -> tuple[DispatchRule, list[str]]:
        """A rule with its room's PIN that was there and is gone, and the words that undo the deletion."""
        self.sipctl("pin", "assign", room)
        self.sipctl("rules", "create", "--room", room, "--pin-from-registry")
        rule = self.desk.rule()
        gone = json.loads(self.sipctl("rules", "delete", rule.sip_dispatch_rule_id, "-o", "json").stdout)
        return rule, shlex.split(gone["item"]["undo"])[1:]


@pytest.fixture(params=["sqlite", "postgresql", "meet"])
def place(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Place:
    registry = ""
    if request.param != "sqlite":
        postgres = request.getfixturevalue("postgres")
        url = postgres.new_database(MEETS_TABLES if request.param == "meet" else "")
        registry = f'[profiles.p.registry]\nurl = "{url}"\n'
        if request.param == "meet":
            registry += 'layout = "meet"\n'
            engine = open_engine(url)
            add_meet_rooms(engine, ROOMS)
            engine.dispose()
    config = tmp_path / "c.toml"
    config.write_text(f"[profiles.p]\n{registry}")
    return Place(Desk(server=sandbox, folder=tmp_path), env_of(sandbox, SIPCTL_CONFIG=str(config)))


@pytest.fixture
def near(sandbox: Sandbox, tmp_path: Path) -> Place:
    """With the embedded registry."""
    return Place(Desk(server=sandbox, folder=tmp_path), env_of(sandbox))


def test_the_undo_of_a_deletion_brings_todays_pin(place: Place) -> None:
    rule, undo = place.deleted(A)
    place.sipctl("pin", "rotate", A)
    described = place.sipctl(*undo)
    assert "its PIN is the one that its room has today" in described.stdout
    assert place.desk.rule().pin == place.pin(A) != rule.pin


def test_the_undo_of_a_deletion_brings_no_pin_that_was_taken_away(place: Place) -> None:
    rule, undo = place.deleted(A)
    place.sipctl("pin", "release", A)
    refused = place.sipctl(*undo, code=ExitCode.SAFEGUARD)
    assert f"its PIN was taken away from room '{A}'" in refused.stderr
    assert "`--allow retired-pin`" in refused.stderr
    assert rule.pin not in refused.stdout + refused.stderr
    assert place.desk.rules() == []
    place.sipctl(*undo, "--allow", "retired-pin")
    assert place.desk.rule().pin == rule.pin


def test_the_undo_of_a_change_brings_todays_pin(place: Place) -> None:
    place.sipctl("pin", "assign", A)
    place.sipctl("rules", "create", "--room", A, "--pin-from-registry")
    changed = json.loads(
        place.sipctl("rules", "update", f"SIP_{A}", "--pin-stdin", "-o", "json", stdin="918273645001").stdout
    )
    place.sipctl("pin", "rotate", A, "--no-live")
    place.sipctl(*shlex.split(changed["item"]["undo"])[1:])
    assert place.desk.rule().pin == place.pin(A)


def test_an_export_brings_todays_pins_and_none_that_was_taken_away(place: Place, tmp_path: Path) -> None:
    place.sipctl("pin", "assign", A, B)
    for room in (A, B):
        place.sipctl("rules", "create", "--room", room, "--pin-from-registry")
    by_hand = place.desk.store(replace(owned("by-hand", "736150928364"), name="by hand"))
    place.sipctl("rules", "export", str(tmp_path / "rules.json"))
    for rule in place.desk.rules():
        place.sipctl("rules", "delete", rule.sip_dispatch_rule_id, "--allow", "foreign")
    place.sipctl("pin", "rotate", A)
    place.sipctl("pin", "release", B)
    words = ("rules", "restore", "--from-export", str(tmp_path / "rules.json"))
    plan = json.loads(place.sipctl(*words, "-o", "json").stdout)
    validate(plan)
    assert sorted(item["action"] for item in plan["items"]) == ["create", "create", "refuse"]
    partly = place.sipctl(*words, "--apply", code=ExitCode.PARTIAL)
    assert "1 of 3 steps did not go well" in partly.stderr
    assert "`--allow retired-pin`" in partly.stderr
    assert {rule.room_name: rule.pin for rule in place.desk.rules()} == {A: place.pin(A), "by-hand": by_hand.pin}
    alone = place.sipctl(*words, "--apply", code=ExitCode.SAFEGUARD)
    assert "its PIN was taken away" in alone.stderr


def test_the_undo_of_a_run_brings_todays_pins(near: Place) -> None:
    old, _ = near.deleted(A)
    near.sipctl("rules", "create", "--room", A, "--pin-from-registry")
    near.desk.server.store.open_room("other")  # type: ignore[union-attr]
    run_id = json.loads(near.sipctl("rules", "purge", "--grace", "0s", "--apply", "-o", "json").stdout)["run"]
    assert near.desk.rules() == []
    near.sipctl("pin", "rotate", A)
    near.sipctl("rules", "restore", "--run", run_id, "--apply")
    assert near.desk.rule().pin == near.pin(A) != old.pin


@pytest.mark.parametrize("change", ["rotate", "release"])
def test_what_an_unattended_purge_puts_back(place: Place, change: str) -> None:
    """The room came alive too late for the purge that deleted its rule, and its PIN was taken away since."""
    sandbox, purge = place.desk.server, ("rules", "purge", "--grace", "0s", "--apply", "--quiet")
    assert isinstance(sandbox, Sandbox)
    sandbox.store.open_room("other")
    place.sipctl("pin", "assign", A)
    place.sipctl("rules", "create", "--room", A, "--pin-from-registry")
    old = place.desk.rule().pin
    place.sipctl(*purge)
    sandbox.store.open_room(A)
    place.sipctl("pin", change, A, "--no-live")
    described = place.sipctl(*purge)
    rules = place.desk.rules()
    if change == "rotate":
        assert [rule.pin for rule in rules] == [place.pin(A)] != [old]
        assert described.stderr == ""
    else:
        assert rules == []
        assert f"room '{A}' is live" in described.stderr
        assert "its PIN was taken away" in described.stderr
        assert old not in described.stderr
    assert place.sipctl(*purge).stderr == ""


def test_without_its_registry_a_purge_deletes_nothing(near: Place, tmp_path: Path) -> None:
    sandbox = near.desk.server
    assert isinstance(sandbox, Sandbox)
    sandbox.store.open_room("other")
    near.desk.store(owned(A, "736150928364"))
    config = tmp_path / "c.toml"
    config.write_text(f'[profiles.p.registry]\nlayout = "meet"\nurl = "postgresql://nobody@/none?host={tmp_path}"\n')
    near.env["SIPCTL_CONFIG"] = str(config)
    refused = near.sipctl("rules", "purge", "--grace", "0s", "--apply", code=ExitCode.UNCHECKED)
    assert "the database that holds the lock" in refused.stderr
    assert len(near.desk.rules()) == 1


def test_a_registry_that_cannot_be_asked_brings_nothing_back(near: Place, tmp_path: Path) -> None:
    _, undo = near.deleted(A)
    nowhere = {"SIPCTL_REGISTRY_URL": f"postgresql://nobody@/none?host={tmp_path}"}
    unasked = run(*undo, env=near.env | nowhere)
    assert unasked.code == ExitCode.UNCHECKED
    assert near.desk.rules() == []


def test_without_a_registry_a_rule_comes_back_as_it_was(near: Place) -> None:
    stored = near.desk.store(owned(A, "736150928364"))
    gone = json.loads(near.sipctl("rules", "delete", stored.sip_dispatch_rule_id, "-o", "json").stdout)
    near.sipctl(*shlex.split(gone["item"]["undo"])[1:])
    assert (near.desk.rule().room_name, near.desk.rule().pin) == (A, stored.pin)


def test_meets_layout_without_meets_database_is_no_registry(near: Place, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[profiles.p.registry]\nlayout = "meet"\n')
    near.env["SIPCTL_CONFIG"] = str(config)
    test_without_a_registry_a_rule_comes_back_as_it_was(near)
