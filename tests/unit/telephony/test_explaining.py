"""Whatever the rules and the call: an explanation exists, and what it promises is so."""

import io
from dataclasses import replace

from hypothesis import given, settings

from sipctl.cli.views.explanation import ExplanationView, explanation_record
from sipctl.output.streams import Streams
from sipctl.telephony.explaining.advice import doors
from sipctl.telephony.explaining.explanation import explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.site import Site
from unit.telephony.routing import CALLS, PINS, dispatch_rules, inbound_trunks


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


@settings(max_examples=60)
@given(inbound_trunks(), dispatch_rules(), CALLS)
def test_the_pins_that_open_a_room_are_those(trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call) -> None:
    lists = WholeLists(trunks, rules)
    named = replace(call, pin=None, to_user=call.to_user or "1", from_user=call.from_user or "1")
    asked = route(lists, named).final
    opening = {
        pin: final.rule.sip_dispatch_rule_id
        for pin in filter(None, PINS)
        if (final := route(lists, replace(named, pin=pin)).final).result is Result.ACCEPT and final.rule
    }
    if asked.result is Result.REQUEST_PIN:
        assert {rule.pin: rule.sip_dispatch_rule_id for rule in doors(asked.before_pin)} == opening
