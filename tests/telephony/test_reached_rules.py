"""A rule that a plan keeps is named where callers do not get to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.plan import Action, Policy, Reason, State
from sipctl.telephony.planning import make_plan
from sipctl.telephony.reached_rules import are_plain

TRUNK = InboundTrunk(sip_trunk_id="ST_a", numbers=("+33199000001",))
RULE = DispatchRule(sip_dispatch_rule_id="R0", name="SIP_a", room_name="a", pin="1111", trunk_ids=("ST_a",))
OTHER = replace(RULE, sip_dispatch_rule_id="R1", name="SIP_b", room_name="b", pin="2222")
STATE = State(now=datetime(2026, 11, 24, 12, tzinfo=UTC), rules=(), live=frozenset({"a"}), trunks=(TRUNK,))
POLICY = Policy(mark=Ownership(), grace=timedelta(minutes=10))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (RULE, Reason.LIVE),
        (replace(RULE, trunk_ids=()), Reason.LIVE),
        (replace(RULE, trunk_ids=("ST_b",)), Reason.NOT_REACHED),
        (replace(RULE, numbers=("0199000001",)), Reason.NOT_REACHED),
        (replace(RULE, inbound_numbers=("+33612345678",)), Reason.LIVE),  # some callers get to it
    ],
)
def test_what_callers_do_not_get_to_is_not_as_it_should_be(rule: DispatchRule, reason: Reason) -> None:
    (item,) = make_plan(replace(STATE, rules=(rule,)), POLICY)
    assert item.reason is reason
    assert item.action is (Action.KEEP if reason is Reason.LIVE else Action.SKIP)
    (item,) = make_plan(replace(STATE, rules=(rule,), trunks=None), POLICY)
    assert item.reason is Reason.LIVE  # the trunks are not known


def test_what_the_plan_repairs_is_not_held_against_its_other_rules() -> None:
    stale = replace(OTHER, room_name="gone", name="SIP_gone", pin=RULE.pin)  # clashes, and goes
    known = {"R1": STATE.now - timedelta(hours=1)}
    plan = make_plan(replace(STATE, rules=(RULE, stale), stale_since=known), POLICY)
    assert [(item.rule_id, item.reason) for item in plan] == [("R0", Reason.LIVE), ("R1", Reason.STALE)]


def test_where_trunks_decide_nothing_they_are_not_read() -> None:
    plain, other = replace(RULE, trunk_ids=()), replace(OTHER, trunk_ids=())
    assert are_plain([plain, other])
    for rule in (RULE, replace(plain, numbers=("1",)), replace(plain, inbound_numbers=("1",)), replace(plain, pin="")):
        assert not are_plain([rule, other])
    assert not are_plain([plain, replace(other, pin=plain.pin)])
