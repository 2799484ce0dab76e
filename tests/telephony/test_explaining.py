"""Whatever the rules and the call: an explanation exists, and what it promises is so."""

import io
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sipctl.cli.rules.explain_view import ExplanationView, explanation_record
from sipctl.output.streams import Streams
from sipctl.telephony.explaining.advice import doors
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.ruleset import rule_keys
from sipctl.telephony.site import Site
from tests.support.routing import CALLS, dispatch_rules, inbound_trunks


@settings(max_examples=60)
@given(inbound_trunks(), dispatch_rules(kinds=(*RuleKind, None)), CALLS)
def test_every_call_is_explained(trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call) -> None:
    explanation = explain(Site(lists=WholeLists(trunks, rules), country="FR"), call)
    screen = "".join(
        ExplanationView(explanation, show_pins=False).render("table", Streams(io.StringIO(), io.StringIO()))
    )
    assert all(f"\n{part:8}" in screen for part in ("call", "trunks", "wire"))
    record = explanation_record(explanation, show_pins=False)
    assert record["wire"]
    assert [one["sip_dispatch_rule_id"] for one in record["rules"]] in (
        [],
        [rule.sip_dispatch_rule_id for rule in rules],
    )


NUMBER, CALLER = "+33199000001", "+33611111111"
TRUNKS = [InboundTrunk(sip_trunk_id="ST_a", numbers=(NUMBER,))]
FITTING = st.builds(
    DispatchRule,
    kind=st.sampled_from(RuleKind),
    room_name=st.sampled_from(["a", "b", ""]),
    pin=st.sampled_from(["1234", "9876", ""]),
    trunk_ids=st.sampled_from([(), ("ST_a",)]),
    numbers=st.sampled_from([(), (NUMBER,)]),
    inbound_numbers=st.sampled_from([(), (CALLER,)]),
)
"""Rules that all take one call."""


@given(st.lists(FITTING, min_size=1, max_size=6, unique_by=lambda rule: tuple(rule_keys(rule))))
def test_what_is_said_to_open_a_room_does(drawn: list[DispatchRule]) -> None:
    rules = [replace(rule, sip_dispatch_rule_id=f"SDR_{at}") for at, rule in enumerate(drawn)]
    lists, call = WholeLists(TRUNKS, rules), Call(to_user=NUMBER, from_user=CALLER)
    asked = route(lists, call)
    if asked.result is not Result.REQUEST_PIN:
        return
    opened = {rule.pin: rule.sip_dispatch_rule_id for rule in doors(asked.before_pin)}
    for pin in ("1234", "9876", ""):
        entered = route(lists, replace(call, pin=pin))
        assert opened.get(pin) == (outcome_record(entered)["rule_id"] if entered.result is Result.ACCEPT else None)
