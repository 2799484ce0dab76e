"""What people type beside a Meet: PINs as Meet shows them, rooms by any of their names."""

import gzip
import json
from pathlib import Path

import pytest

from tests.support.homes import ROOMS, add_meet_rooms
from tests.support.meet import PINS, Meet

FORMS = ("6250680119", "625 068 0119", "625 068 0119#", "625-068-0119 #", "625\u00a0068\u00a00119", "6250680119#")
"""Meet shows ten digits as 3, 3 and 4, and a # behind them."""


@pytest.mark.parametrize("form", FORMS)
def test_a_pin_in_the_form_that_meet_shows(meet: Meet, form: str) -> None:
    assert ROOMS[0] in meet.sipctl("pin", "lookup", stdin=f"{form}\n").stdout
    meet.set_pin(ROOMS[0], None)
    meet.sipctl("pin", "assign", ROOMS[0], "--pin-stdin", stdin=form)
    assert meet.table[ROOMS[0]] == PINS[0]
    meet.set_pin(ROOMS[0], None)
    meet.sipctl("pin", "import", "-", "--apply", stdin=f"room,pin\n{ROOMS[0]},{form}\n")
    assert meet.table[ROOMS[0]] == PINS[0]
    meet.sipctl("rules", "create", "--room", ROOMS[0], "--pin-stdin", stdin=form)
    assert meet.rules() == {ROOMS[0]: PINS[0]}
    words = ("rules", "explain", "--from", "+33612345678", "--to", "+33123456789", "--pin", form, "-o", "json")
    assert json.loads(meet.sipctl(*words).stdout)["item"]["room_name"] == ROOMS[0]


@pytest.mark.parametrize("pin", ["12ab", "12 34-abc", "--", "12#34"])
def test_what_is_no_pin_in_any_form_stays_so(meet: Meet, pin: str) -> None:
    meet.sipctl("pin", "assign", ROOMS[3], "--pin-stdin", stdin=pin, code=2)
    assert meet.table[ROOMS[3]] is None


@pytest.mark.parametrize("name", [ROOMS[3].upper(), ROOMS[3].replace("-", ""), "room 3", "room-3-0000-0004"])
def test_a_room_by_any_of_its_names(meet: Meet, name: str) -> None:
    meet.sipctl("pin", "assign", name)
    first = meet.table[ROOMS[3]]
    meet.sipctl("pin", "import", "-", "--apply", stdin=f"room,pin\n{name},4821930599\n")
    assert (first is not None, meet.table[ROOMS[3]]) == (True, "4821930599")
    meet.server.join(ROOMS[3], "alice")
    meet.sipctl("rules", "sync", "--room", name, "--apply")
    assert meet.rules() == {ROOMS[3]: "4821930599"}


def test_a_name_that_no_room_has(meet: Meet) -> None:
    planned = json.loads(
        meet.sipctl("pin", "import", "-", "-o", "json", stdin="room,pin\nx,4821930599\n", code=5).stdout
    )
    assert [item["result"] for item in planned["items"]] == ["unknown room"]
    meet.sipctl("rules", "sync", "--room", "x", code=7)


def test_names_are_shown_beside_uuids(meet: Meet) -> None:
    listed = json.loads(meet.sipctl("pin", "list", "-o", "json").stdout)["items"]
    assert [item["called"] for item in listed][:2] == ["room 0", "room 1"]
    assert "room 0" in meet.sipctl("pin", "list").stdout
    meet.server.join(ROOMS[0], "alice")
    items = json.loads(meet.sipctl("rules", "sync", "-o", "json").stdout)["items"]
    assert [item["called"] for item in items] == ["room 0"]
    assert "room 0" in meet.sipctl("rules", "sync").stdout


def test_a_call_of_a_log_is_in_a_room_that_people_know(meet: Meet) -> None:
    log = meet.folder / "livekit-sip.log"
    recorded = Path(__file__).parents[1] / "data" / "logs" / "livekit-sip-1.10.0.jsonl.gz"
    log.write_bytes(gzip.decompress(recorded.read_bytes()))
    room = "8a1b6c52-0d34-4c8e-9f2a-71d0f3b5e6aa"
    add_meet_rooms(meet.table.engine, [room], name="weekly")
    words = ("rules", "explain", "--log", str(log))
    assert f"in room '{room}' (weekly 0) for" in meet.sipctl(*words).stdout
    items = json.loads(meet.sipctl(*words, "-o", "json").stdout)["items"]
    assert {item["called"] for item in items if item["room_name"] == room} == {"weekly 0"}
