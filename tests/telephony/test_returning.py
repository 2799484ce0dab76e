"""Which PIN a rule may come back with: no case in which a retired one, or another room's, opens a room again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.returning import PinsToday, Returning, as_of_today

OLD, NEW, NEVER_KNOWN = "482193", "770315", "555555"
OWNED = DispatchRule(name="SIP_demo", room_name="demo", pin=OLD)
FOREIGN = replace(OWNED, name="by hand")
NOTHING = PinsToday(of_rooms={}, in_use={}, retired={})
KEPT = replace(NOTHING, of_rooms={"demo": OLD}, in_use={OLD: "demo"})
ROTATED = PinsToday(of_rooms={"demo": NEW}, in_use={NEW: "demo"}, retired={OLD: "demo"})
RELEASED = replace(NOTHING, retired={OLD: "demo"})
GIVEN_AWAY = replace(NOTHING, in_use={OLD: "other"})
RETIRED, ANOTHERS = "its PIN was taken away from room 'demo'", "its PIN is that of room 'other' by now"


def judged(rule: DispatchRule, today: PinsToday | None) -> Returning:
    return as_of_today(rule, today, Ownership())


@pytest.mark.parametrize("rule", [OWNED, FOREIGN], ids=["owned", "foreign"])
@pytest.mark.parametrize(
    ("today", "pin", "objection"),
    [
        pytest.param(None, OLD, "", id="no registry"),
        pytest.param(KEPT, OLD, "", id="its room's PIN still"),
        pytest.param(ROTATED, NEW, "", id="rotated"),
        pytest.param(RELEASED, OLD, RETIRED, id="released"),
        pytest.param(GIVEN_AWAY, OLD, ANOTHERS, id="another room's by now"),
        pytest.param(NOTHING, OLD, "", id="never known"),
    ],
)
def test_the_pin_of_a_rule_that_comes_back(
    rule: DispatchRule, today: PinsToday | None, pin: str, objection: str
) -> None:
    assert judged(rule, today) == Returning(replace(rule, pin=pin), objection, has_todays_pin=pin == NEW)


@pytest.mark.parametrize("pin", [NEVER_KNOWN, "", "None"])
def test_a_pin_that_the_registry_never_knew(pin: str) -> None:
    """Another backend may hand out PINs that this registry knows nothing of."""
    for rule in (OWNED, FOREIGN):
        assert judged(replace(rule, pin=pin), ROTATED).rule.pin == pin


@pytest.mark.parametrize("pin", [NEVER_KNOWN, "", "None"])
def test_a_pin_that_a_backend_may_have_changed_without_a_note(pin: str) -> None:
    meets = replace(ROTATED, others_change_pins=True)
    assert judged(replace(OWNED, pin=pin), meets).rule.pin == NEW
    assert judged(replace(FOREIGN, pin=pin), meets).rule.pin == pin
    assert judged(OWNED, replace(NOTHING, others_change_pins=True)).rule.pin == OLD


def test_a_rule_for_many_rooms_takes_no_rooms_pin() -> None:
    many = replace(FOREIGN, kind=RuleKind.INDIVIDUAL)
    assert judged(many, ROTATED) == Returning(many, RETIRED)
    assert judged(replace(many, pin=NEVER_KNOWN), ROTATED).objection == ""


def test_what_no_caller_can_type_is_no_pin_of_today() -> None:
    assert judged(OWNED, replace(RELEASED, of_rooms={"demo": "12"})) == Returning(OWNED, RETIRED)


PINS, ROOMS = st.sampled_from(["1111", "2222", "3333"]), st.sampled_from(["a", "b", "c"])


@given(
    rule=st.builds(DispatchRule, name=st.sampled_from(["SIP_a", "x"]), room_name=ROOMS, pin=PINS),
    in_use=st.dictionaries(PINS, ROOMS, max_size=3).filter(lambda held: len(set(held.values())) == len(held)),
    retired=st.dictionaries(PINS, ROOMS),
)
def test_whatever_comes_back_opens_its_room_with_no_pin_that_is_retired_or_anothers(
    rule: DispatchRule, in_use: dict[str, str], retired: dict[str, str]
) -> None:
    today = PinsToday(
        of_rooms={room: pin for pin, room in in_use.items()},
        in_use=in_use,
        retired={pin: room for pin, room in retired.items() if pin not in in_use},
    )
    returning = judged(rule, today)
    if not returning.objection:
        assert in_use.get(returning.rule.pin, rule.room_name) == rule.room_name
        assert returning.rule.pin not in today.retired
    assert replace(returning.rule, pin=rule.pin) == rule
