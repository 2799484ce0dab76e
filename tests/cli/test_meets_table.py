"""Where Meet's own table is the registry, it is the truth: what rules say otherwise is drift, or belongs to others."""

import uuid

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet
from tests.support.running import assert_error, env_of, run
from tests.support.yard import owned

UNKNOWN = str(uuid.UUID(int=99))
"""A room that is not in Meet's table."""

EDITED, GOOD, FRESH, WITHOUT = ROOMS[:4]


@pytest.fixture
def edited(meet: Meet) -> Meet:
    """Three meetings: the PIN of one was edited in Meet, one is another instance's, one goes well."""
    for room, pin in ((EDITED, "999999"), (GOOD, PINS[1]), (UNKNOWN, "888888")):
        meet.server.join(room, "alice")
        meet.desk.store(owned(room, pin))
    return meet


def test_an_edited_pin_is_drift_that_sync_repairs(edited: Meet) -> None:
    assert edited.plan("rules", "sync", "--apply") == {
        EDITED: ("update", "pin-differs"),
        GOOD: ("keep", "live"),
        UNKNOWN: ("skip", "unknown-room"),
    }
    assert edited.rules() == {EDITED: PINS[0], GOOD: PINS[1], UNKNOWN: "888888"}
    assert edited.plan("rules", "sync")[EDITED] == ("keep", "live")


def test_it_keeps_no_other_room_from_its_pin(edited: Meet) -> None:
    edited.sipctl("pin", "assign", WITHOUT)
    edited.sipctl("pin", "rotate", FRESH)
    pins = dict(edited.table)
    assert pins[WITHOUT] is not None
    assert pins[FRESH] not in {PINS[2], None}
    assert not {"999999", "888888"} & set(pins.values())


def test_a_room_that_meet_does_not_know_is_a_finding_and_left_alone(edited: Meet) -> None:
    edited.server.join(str(uuid.UUID(int=98)), "bob")
    found = edited.findings("doctor", "--settle", "0", code=1)
    (finding,) = found["PIN512"]
    assert (finding["level"], UNKNOWN in finding["detail"]) == ("warn", True)
    plan = edited.plan("rules", "sync", "--apply")
    assert plan[str(uuid.UUID(int=98))] == plan[UNKNOWN] == ("skip", "unknown-room")
    assert edited.rules()[UNKNOWN] == "888888"


def test_a_room_that_was_deleted_while_live(meet: Meet) -> None:
    meet.server.join(GOOD, "alice")
    meet.desk.store(owned(GOOD, PINS[1]))
    meet.execute("DELETE FROM meet_room WHERE resource_id = :room", room=GOOD)
    assert meet.plan("rules", "sync", "--apply") == {GOOD: ("skip", "unknown-room")}
    meet.sipctl("pin", "assign", WITHOUT)
    assert meet.rules() == {GOOD: PINS[1]}


def test_a_registry_of_our_own_refuses_and_names_the_rules(meet: Meet) -> None:
    """There two systems would hand out PINs."""
    env = env_of(meet.server)
    identifiers = [
        meet.desk.store(owned(room, pin)).sip_dispatch_rule_id for room, pin in (("a", "9999"), ("b", "8888"))
    ]
    for room in ("a", "b"):
        meet.server.join(room, "alice")
    assert_error(run("pin", "assign", "x", env=env), 5, "two systems", *identifiers, "'a'", "'b'", 'layout = "meet"')
