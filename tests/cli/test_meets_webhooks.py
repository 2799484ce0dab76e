"""`rules sync --via webhook` at a Meet some of whose rooms have no PIN that callers can type."""

import json
import re

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet
from tests.support.yard import owned

GOOD, _, _, NULL, BLANK, ODD = ROOMS[:6]
SYNC = ("rules", "sync", "--via", "webhook")


@pytest.fixture
def meetings(meet: Meet) -> Meet:
    """Four meetings without a rule: their PINs are good, NULL, blank, and one that no phone can type."""
    meet.set_pin(BLANK, "")
    meet.set_pin(ODD, "12ab")
    for room in (GOOD, NULL, BLANK, ODD):
        meet.server.join(room, "alice")
    return meet


def test_rooms_without_a_pin_to_type_are_left_out(meetings: Meet) -> None:
    shown = meetings.sipctl(*SYNC, "--apply")
    assert meetings.backend.events == [("room_started", GOOD)]
    assert meetings.rules() == {GOOD: PINS[0]}
    (assign,) = [line for line in shown.stdout.splitlines() if "pin assign" in line]
    (rotate,) = [line for line in shown.stdout.splitlines() if "pin rotate" in line]
    assert {NULL, BLANK} <= set(assign.split())
    meetings.paste(assign[assign.index("sipctl") :])
    meetings.paste(rotate[rotate.index("sipctl") :])
    meetings.sipctl(*SYNC, "--apply")
    pins = dict(meetings.table)
    assert meetings.rules() == {room: pins[room] for room in (GOOD, NULL, BLANK, ODD)}
    assert all(pin.isdigit() for pin in meetings.rules().values())


@pytest.mark.parametrize("via", ["livekit", "webhook"])
def test_what_a_pin_lacks_is_said_apart(meetings: Meet, via: str) -> None:
    plan = meetings.plan("rules", "sync", "--via", via)
    assert plan == {
        GOOD: ("create", "missing"), NULL: ("skip", "no-pin"), BLANK: ("skip", "no-pin"), ODD: ("skip", "untypable"),
    }  # fmt: skip


@pytest.mark.parametrize(("pin", "described"), [("", "open to every caller"), (None, "PIN that no caller can type")])
def test_a_rule_that_came_without_its_pin_is_an_error_of_the_run(meet: Meet, pin: str | None, described: str) -> None:
    """Where no registry shows PINs, the rule itself is read."""
    path = meet.folder / "sipctl.toml"
    path.write_text(path.read_text().replace('layout = "meet"', ""))
    meet.set_pin(GOOD, pin)
    meet.server.join(GOOD, "alice")
    failed = meet.sipctl(*SYNC, "--apply", "-o", "json", code=6)
    (item,) = json.loads(failed.stdout)["items"]
    assert item["result"] == "made by the backend, and not as it should be"
    assert item["new_rule_id"] == meet.desk.rule().sip_dispatch_rule_id
    assert described in item["error"]
    assert f"rules delete {item['new_rule_id']} --allow live-room" in failed.stderr
    meet.sipctl("rules", "delete", item["new_rule_id"], "--allow", "live-room")
    meet.set_pin(GOOD, PINS[0])
    meet.sipctl(*SYNC, "--apply")
    assert meet.rules() == {GOOD: PINS[0]}


def test_a_pin_that_is_taken_away_at_that_moment(meet: Meet) -> None:
    """Too late for any question: the rule that came is read, and what closes it is said."""
    meet.server.join(GOOD, "alice")
    meet.backend.before_writing = lambda: meet.set_pin(GOOD, "")
    failed = meet.sipctl(*SYNC, "--apply", code=6)
    assert "open to every caller" in failed.stderr
    assert meet.rules() == {GOOD: ""}
    hint = failed.stderr.splitlines()[-1]
    for command in re.findall("`(sipctl [^`]*)`", hint):
        meet.paste(command)
    assert meet.rules() == {GOOD: meet.table[GOOD]}


def test_a_room_that_becomes_live_without_a_pin_is_not_opened(meet: Meet) -> None:
    """Its rule goes as stale, its room starts at that moment, and in Meet it has no PIN any more."""
    meet.desk.store(owned(NULL, "31415926"))
    meet.server.join("other", "bob")
    meet.backend.after_writing = lambda: meet.server.join(NULL, "alice")
    ended = meet.sipctl(*SYNC, "--apply", "--grace", "0")
    assert meet.backend.events == [("room_finished", NULL)]
    assert meet.rules() == {}
    assert f"room '{NULL}' is live, and Meet has no PIN for it" in ended.stderr


def test_a_blank_pin_is_an_error_of_its_own(meetings: Meet) -> None:
    for words in (("doctor", "--settle", "0"), ("pin", "audit")):
        found = meetings.findings(*words, code=1)
        (blank,) = found["PIN513"]
        assert (blank["level"], blank["resource"]) == ("error", f"room {BLANK}")
        assert BLANK not in {one["resource"].removeprefix("room ") for one in found["PIN501"]}
    meetings.paste(blank["fix"]["command"])
    assert "PIN513" not in meetings.findings("pin", "audit", code=1)
