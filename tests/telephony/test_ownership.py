"""A rule is ours only by the exact mark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership, serves

UUID = "6f1c2a0e-52d3-4b7e-9d0a-1c7f3e5b8a24"


@given(room=st.text())
def test_a_direct_rule_named_after_its_own_room_is_owned(room: str) -> None:
    mark = Ownership()
    assert mark.owns(DispatchRule(room_name=room, name=mark.name_for(room)))


@given(room=st.text(), name=st.text())
def test_any_other_name_is_foreign(room: str, name: str) -> None:
    mark = Ownership("{room} (dial-in)")
    assert mark.owns(DispatchRule(room_name=room, name=name)) is (name == f"{room} (dial-in)")


@pytest.mark.parametrize("kind", [RuleKind.INDIVIDUAL, RuleKind.CALLEE, None])
def test_only_direct_rules_are_owned(kind: RuleKind | None) -> None:
    assert not Ownership().owns(DispatchRule(kind=kind, room_name="demo", name="SIP_demo"))


@pytest.mark.parametrize(("room", "owned"), [(UUID, True), (f"x{UUID}", False), (f"{UUID}\n", False), ("demo", False)])
def test_the_room_pattern_must_match_the_whole_room_name(room: str, owned: bool) -> None:
    mark = Ownership(room_pattern="[0-9a-f-]{36}")
    assert mark.owns(DispatchRule(room_name=room, name=f"SIP_{room}")) is owned


def test_stale_is_owned_without_a_live_room() -> None:
    mark = Ownership()
    rule = DispatchRule(room_name="demo", name="SIP_demo")
    assert mark.is_stale(rule, set())
    assert not mark.is_stale(rule, {"demo"})
    assert not mark.is_stale(DispatchRule(room_name="demo", name="hand-made"), set())


@pytest.mark.parametrize(
    ("kind", "prefix", "room", "served"),
    [
        (RuleKind.DIRECT, "demo", "demo", True),
        (RuleKind.DIRECT, "demo", "demo_+33", False),
        (RuleKind.INDIVIDUAL, "call", "call_+33612345678_abc", True),
        (RuleKind.INDIVIDUAL, "call", "caller", False),
        (RuleKind.CALLEE, "", "+33123456789", True),
    ],
)
def test_the_rooms_that_a_rule_serves(kind: RuleKind, prefix: str, room: str, served: bool) -> None:
    assert serves(DispatchRule(kind=kind, room_name=prefix), room) is served


def test_a_rule_without_a_type_serves_no_one() -> None:
    assert not serves(DispatchRule(kind=None), "demo")
