"""A Meet whose telephony is switched off makes no rule and no PIN, and neither does sipctl beside it."""

import pytest

from tests.support.homes import ROOMS
from tests.support.meet import PINS, Meet
from tests.support.yard import owned

OFF = "ROOM_TELEPHONY_ENABLED=False\n"
ROOMKIT = f"{OFF}ROOMKIT_ENABLED=True\n"


@pytest.fixture
def meeting(meet: Meet) -> Meet:
    meet.server.join(ROOMS[0], "alice")
    return meet


def switch(meet: Meet, settings: str) -> None:
    """The files, and the process that read them."""
    meet.configure(settings)
    meet.backend.telephony, meet.backend.roomkit = OFF not in settings, "ROOMKIT" in settings


@pytest.mark.parametrize("via", ["livekit", "webhook"])
def test_sync_makes_no_rule_while_telephony_is_off(meeting: Meet, via: str) -> None:
    switch(meeting, OFF)
    assert meeting.plan("rules", "sync", "--apply", "--via", via) == {ROOMS[0]: ("skip", "telephony-off")}
    assert (meeting.rules(), meeting.backend.events) == ({}, [])
    shown = meeting.sipctl("rules", "sync").stdout
    assert "--allow telephony-off" in shown


def test_unless_that_is_allowed(meeting: Meet) -> None:
    switch(meeting, OFF)
    meeting.sipctl("rules", "sync", "--apply", "--allow", "telephony-off")
    assert meeting.rules() == {ROOMS[0]: PINS[0]}


@pytest.mark.parametrize("settings", [ROOMKIT, "ROOM_TELEPHONY_ENABLED=True\n", ""])
def test_roomkit_needs_rules_as_telephony_does_and_what_no_one_said_is_not_off(meeting: Meet, settings: str) -> None:
    switch(meeting, settings)
    meeting.sipctl("rules", "sync", "--apply", "--via", "webhook")
    assert meeting.rules() == {ROOMS[0]: PINS[0]}


def test_a_rule_that_exists_is_repaired_all_the_same(meeting: Meet) -> None:
    """It stays dialable, so its PIN is to be the room's."""
    switch(meeting, OFF)
    meeting.desk.store(owned(ROOMS[0], "999999"))
    meeting.sipctl("rules", "sync", "--apply")
    assert meeting.rules() == {ROOMS[0]: PINS[0]}


@pytest.mark.parametrize(("settings", "codes"), [(OFF, {"RUL415"}), (ROOMKIT, {"PIN501"}), ("", {"PIN501"})])
def test_what_doctor_asks_for(meeting: Meet, settings: str, codes: set[str]) -> None:
    switch(meeting, settings)
    meeting.desk.store(owned(ROOMS[0], PINS[0]))
    found = meeting.findings("doctor", "--settle", "0", "--fail-on", "error", "--only", "PIN501", "--only", "RUL415")
    assert set(found) == codes
