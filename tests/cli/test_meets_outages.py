"""What a run says of a Meet that does not answer, or answers too late: what may have happened is not called failed."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet
from tests.support.yard import owned

SYNC = ("rules", "sync", "--via", "webhook", "--apply", "--grace", "0", "--timeout", "0.3", "-o", "json")


@pytest.fixture
def late(meet: Meet) -> Iterator[Meet]:
    """It does what an event asks for, and its answer comes when the test is over."""
    over = threading.Event()
    meet.backend.after_writing = lambda: over.wait(60)
    meet.server.join("other", "bob")
    yield meet
    over.set()


def test_what_happened_though_no_answer_came_is_done(late: Meet) -> None:
    late.desk.store(owned(ROOMS[1], PINS[1]))
    late.server.join(ROOMS[0], "alice")
    ended = json.loads(late.sipctl(*SYNC).stdout)
    assert {item["room"]: item["result"] for item in ended["items"]} == {ROOMS[0]: "done", ROOMS[1]: "done"}
    assert late.rules() == {ROOMS[0]: PINS[0]}
    assert {entry.result for entry in late.desk.audit() if entry.phase == "outcome"} == {"done"}


def test_what_may_still_happen_is_unknown(late: Meet) -> None:
    over = threading.Event()
    late.backend.before_writing = lambda: over.wait(60)
    late.desk.store(owned(ROOMS[1], PINS[1]))
    try:
        (item,) = json.loads(late.sipctl(*SYNC, code=6).stdout)["items"]
    finally:
        over.set()
    assert item["result"] == "not known whether it was done"
    (entry,) = [one for one in late.desk.audit() if one.phase == "outcome" and one.action == "room_finished"]
    assert entry.result == "unknown"


def test_an_undo_offers_only_what_the_run_removed(meet: Meet) -> None:
    """The backend took the event and did nothing; someone else deleted the rule later."""
    meet.server.join("other", "bob")
    stored = meet.desk.store(owned(ROOMS[1], PINS[1]))
    meet.backend.telephony = False
    run = json.loads(meet.sipctl(*SYNC, code=6).stdout)["run"]
    meet.sipctl("rules", "delete", stored.sip_dispatch_rule_id)
    assert json.loads(meet.sipctl("rules", "restore", "--run", run, "-o", "json").stdout)["items"] == []


def test_there_is_no_undo_for_rules_that_the_backend_made(meet: Meet) -> None:
    meet.server.join(ROOMS[0], "alice")
    assert json.loads(meet.sipctl(*SYNC).stdout)["undo"] == ""


def test_the_undo_of_a_rotation_leaves_out_what_could_not_be_typed(meet: Meet) -> None:
    meet.set_pin(ROOMS[0], "12ab")
    ended = meet.sipctl("pin", "rotate", ROOMS[0], ROOMS[1], "--apply")
    (undo,) = [line.removeprefix("undo: ") for line in ended.stderr.splitlines() if line.startswith("undo: ")]
    undone = meet.paste(undo, code=6)
    assert f"room '{ROOMS[0]}'" in undone.stderr
    assert (meet.table[ROOMS[1]], meet.table[ROOMS[0]] != "12ab") == (PINS[1], True)
