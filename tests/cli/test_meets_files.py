"""A profile with Meet's env files and a registry in a file of ours: PINs from there would be unknown to Meet."""

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import Meet
from tests.support.running import assert_error, run

COMMANDS = (
    ("assign", ROOMS[3]), ("assign", "--missing"), ("rotate", "--all", "--apply"), ("import", "-", "--apply"),
    ("release", ROOMS[0]), ("list",), ("show", ROOMS[0]), ("audit",), ("lookup",),
)  # fmt: skip


@pytest.fixture
def without_layout(meet: Meet) -> Meet:
    path = meet.folder / "sipctl.toml"
    path.write_text(path.read_text().replace('layout = "meet"', ""))
    return meet


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_pin_that_meet_does_not_know(without_layout: Meet, words: tuple[str, ...]) -> None:
    before = dict(without_layout.table)
    stdin = b"4821930599\n" if words == ("lookup",) else b"room,pin\nx,4821930599\n"
    ended = run("pin", *words, env=without_layout.env, stdin=stdin)
    assert_error(ended, 5, "Meet would not know", 'layout = "meet"', "env.d/postgresql:1")
    assert dict(without_layout.table) == before


def test_what_a_file_holds_already_can_be_brought_out(without_layout: Meet) -> None:
    assert without_layout.sipctl("pin", "export").code == 0


def test_a_registry_that_the_profile_names_is_meant(without_layout: Meet) -> None:
    without_layout.env["SIPCTL_REGISTRY_URL"] = f"sqlite:///{without_layout.folder / 'pins.db'}"
    without_layout.sipctl("pin", "assign", "x", "--no-live")


def test_a_database_of_another_program_is_none_of_meets(without_layout: Meet) -> None:
    (without_layout.folder / "env.d" / "postgresql").write_text("")
    without_layout.env |= {"DB_HOST": "db", "DB_NAME": "shop"}
    without_layout.sipctl("pin", "assign", "x", "--no-live")
