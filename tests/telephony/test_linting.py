"""The lints are proofs: held against every call that rules and trunks can tell apart, one by one."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings

from sipctl.telephony.linting.lints import LINTS, faults_of
from sipctl.telephony.linting.terrain import ANY_OTHER
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import Outcome, Result, Stage, route
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site
from tests.support.routing import PINS, dispatch_rules, inbound_trunks


def site_of(trunks: list[InboundTrunk], rules: list[DispatchRule], **more: Any) -> Site:
    return Site(lists=WholeLists(trunks, rules), **more)


def codes(site: Site) -> set[str]:
    return {fault.code for fault in faults_of(site, LINTS)}


def everywhere(trunks: list[InboundTrunk]) -> list[InboundTrunk]:
    """The trunks without what only the source tells apart."""
    return [replace(trunk, allowed_addresses=(), auth_username="", auth_password=Secret()) for trunk in trunks]


def every_call(trunks: list[InboundTrunk], rules: list[DispatchRule]) -> Iterator[Call]:
    """Each number as trunks normalise it or as a rule writes it, each caller likewise, each PIN, and any others."""
    numbers = {normalize_number(one) for trunk in trunks for one in trunk.numbers}
    numbers |= {one for rule in rules for one in rule.numbers}
    callers = {normalize_number(one) for trunk in trunks for one in trunk.allowed_numbers}
    callers |= {one for rule in rules for one in rule.inbound_numbers}
    for number, caller, pin in product([*numbers, ANY_OTHER], [*callers, ANY_OTHER], [None, *PINS]):
        yield Call(to_user=number, from_user=caller, pin=pin)


def outcomes(site: Site) -> Iterator[tuple[Call, Outcome]]:
    for call in every_call(site.lists.trunks, site.lists.rules):
        yield call, route(site.table, call)


def by_rule(site: Site, *wanted: str) -> set[str]:
    return {
        fault.about.sip_dispatch_rule_id for fault in faults_of(site, wanted) if isinstance(fault.about, DispatchRule)
    }


def unclashing(rules: list[DispatchRule]) -> list[DispatchRule]:
    """The rules of a list, one after the other, as far as LiveKit stores them."""
    kept: list[DispatchRule] = []
    for rule in rules:
        if not by_rule(site_of([], [*kept, rule]), "RUL401"):
            kept.append(replace(rule, hide_phone_number=False))
    return kept


@settings(max_examples=40, deadline=None)
@given(inbound_trunks(), dispatch_rules(max_size=6))
def test_what_never_wins_and_what_does(trunks: list[InboundTrunk], rules: list[DispatchRule]) -> None:
    site = site_of(everywhere(trunks), unclashing(rules))
    winners = {
        outcome.rule.sip_dispatch_rule_id
        for _, outcome in outcomes(site)
        if outcome.rule and outcome.result is not Result.REQUEST_PIN
    }
    shadowed, unreached = by_rule(site, "RUL417"), by_rule(site, "RUL414", "RUL419")
    assert not winners & shadowed
    without_trunk = {
        rule.sip_dispatch_rule_id
        for rule in site.lists.rules
        if rule.trunk_ids and site.trunk_ids.isdisjoint(rule.trunk_ids)
    }
    assert without_trunk <= unreached
    everyone = {rule.sip_dispatch_rule_id for rule in site.lists.rules}
    assert everyone - winners <= shadowed | by_rule(site, "RUL419") | without_trunk


@settings(max_examples=40, deadline=None)
@given(inbound_trunks(), dispatch_rules(max_size=6))
def test_open_rules(trunks: list[InboundTrunk], rules: list[DispatchRule]) -> None:
    site = site_of(everywhere(trunks), unclashing(rules))
    by_hash = {
        outcome.rule.sip_dispatch_rule_id
        for call, outcome in outcomes(site)
        if call.pin == "" and outcome.stage is Stage.PIN and outcome.rule
    }
    beside = by_rule(site, "RUL402", "RUL403")
    assert by_hash <= beside
    for rule_id in by_rule(site, "RUL402"):
        rule = next(one for one in site.lists.rules if one.sip_dispatch_rule_id == rule_id)
        assert any(_fits_first(site, rule, call) for call, _ in outcomes(site))


def _fits_first(site: Site, rule: DispatchRule, call: Call) -> bool:
    """Whether this open rule wins a call that a rule with a PIN fits, too."""
    outcome = route(site.lists, replace(call, pin=None))
    choice = outcome.before_pin
    if choice is None or choice.rule is not rule:
        return False
    beaten = {"any_trunk", "priority", "room_name", "id"}
    return any(one.pin and why in beaten for one, why in zip(choice.rules, choice.reasons, strict=True))


@settings(max_examples=40, deadline=None)
@given(inbound_trunks(), dispatch_rules(kinds=(*RuleKind, None), max_size=5))
def test_clashes_fail_exactly_the_calls_that_list_them(trunks: list[InboundTrunk], rules: list[DispatchRule]) -> None:
    site = site_of(everywhere(trunks), rules)
    failing = [
        outcome
        for _, outcome in outcomes(site)
        if outcome.fault and outcome.stage is Stage.RULE and outcome.fault.code == "invalid_argument"
    ]
    assert bool(by_rule(site, "RUL401", "RUL412")) >= bool(failing)
    blamed = {rule.sip_dispatch_rule_id for outcome in failing if outcome.fault for rule in outcome.fault.rules[-1:]}
    assert blamed <= by_rule(site, "RUL401", "RUL412")


@settings(max_examples=40, deadline=None)
@given(inbound_trunks(), dispatch_rules(max_size=6))
def test_a_rule_for_which_lint_is_silent_changes_only_what_it_wins(
    trunks: list[InboundTrunk], rules: list[DispatchRule]
) -> None:
    *others, added = rules or [DispatchRule(sip_dispatch_rule_id="SDR_00")]
    before, after = site_of(everywhere(trunks), others), site_of(everywhere(trunks), [*others, added])
    if {fault.identity for fault in faults_of(after, LINTS)} - {fault.identity for fault in faults_of(before, LINTS)}:
        return
    for call in every_call(trunks, rules):
        was, now = (outcome_record(route(site.table, call)) for site in (before, after))
        if was != now:
            assert added.sip_dispatch_rule_id in {now["rule_id"], now.get("prompt_rule_id")}


TRUNK = InboundTrunk(sip_trunk_id="ST_a", name="provider", numbers=("+33199000001",), allowed_addresses=("192.0.2.7",))
RULE = DispatchRule(sip_dispatch_rule_id="SDR_a", name="SIP_a", room_name="a", pin="4821", trunk_ids=("ST_a",))
OPEN = replace(RULE, sip_dispatch_rule_id="SDR_o", name="SIP_o", room_name="o", pin="")
OTHER = replace(RULE, sip_dispatch_rule_id="SDR_b", name="SIP_b", room_name="b", pin="9376")

PLANTED: dict[str, tuple[list[InboundTrunk], list[DispatchRule]]] = {
    "RUL401": ([TRUNK], [RULE, replace(OTHER, pin="4821")]),
    "RUL402": ([TRUNK], [RULE, replace(OPEN, numbers=("+33199000001",))]),
    "RUL403": ([TRUNK], [RULE, OPEN]),
    "RUL404": ([TRUNK], [replace(RULE, pin="None")]),
    "RUL408": ([TRUNK], [replace(RULE, inbound_numbers=("33199000001",))]),
    "RUL412": ([TRUNK], [replace(RULE, kind=None)]),
    "RUL413": ([TRUNK], [replace(RULE, hide_phone_number=True)]),
    "RUL414": ([TRUNK], [replace(RULE, trunk_ids=("ST_gone",))]),
    "RUL417": ([TRUNK], [RULE, replace(OTHER, pin="4821", numbers=("+33199000001",))]),
    "RUL418": ([TRUNK], [replace(RULE, numbers=("33199000001",))]),
    "RUL419": ([TRUNK], [replace(RULE, numbers=("+33199000002",))]),
    "TRK302": ([replace(TRUNK, numbers=()), replace(TRUNK, numbers=(), sip_trunk_id="ST_b")], []),
    "TRK303": ([replace(TRUNK, numbers=("+33199*",))], []),
    "TRK306": ([replace(TRUNK, allowed_addresses=("0.0.0.0/0",))], []),
    "TRK308": ([TRUNK, replace(TRUNK, sip_trunk_id="ST_b", allowed_addresses=("198.51.100.7",))], []),
    "TRK309": ([TRUNK], [replace(RULE, trunk_ids=())]),
    "TRK311": ([replace(TRUNK, allowed_addresses=("192.0.2.7", "192.0.2.8:5060"))], []),
    "TRK312": ([replace(TRUNK, auth_username="provider")], []),
    "TRK313": ([TRUNK, replace(TRUNK, sip_trunk_id="ST_b", allowed_numbers=("+33611111111",))], []),
    "TRK314": ([replace(TRUNK, allowed_addresses=("192.0.2.7, 192.0.2.8",))], []),
    "TRK315": ([replace(TRUNK, allowed_addresses=("192.0.2.7", "sip.example.com"))], []),
}


def test_every_lint_is_planted() -> None:
    assert PLANTED.keys() == LINTS.keys()


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert codes(site_of([TRUNK], [RULE, OTHER])) == set()


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault(code: str) -> None:
    site = site_of(*PLANTED[code])
    assert code in codes(site)
    assert all("4821" not in f"{fault.detail} {fault.observed}" for fault in faults_of(site, LINTS))


def test_what_a_clash_says() -> None:
    (fault,) = faults_of(site_of(*PLANTED["RUL401"]), ["RUL401"])
    assert fault.detail.endswith("take the same calls: calls on ST_a and on no trunk get 503")
    assert fault.observed.startswith(
        "PIN ••••, trunk ST_a, called any, caller any; LiveKit says: Dispatch rule for the"
    )


OPEN_TRUNK = replace(TRUNK, allowed_addresses=())
KEEPING_OUT: dict[str, tuple[dict[str, Any], bool]] = {
    "no one": ({}, False),
    "other callers": ({"allowed_numbers": ("+33611111111",)}, True),
    "other sources": ({"allowed_addresses": ("192.0.2.7",)}, True),
    "no one, all entries being ignored": ({"allowed_addresses": ("192.0.2.7, 192.0.2.8",)}, False),
    "callers without the password": ({"auth_username": "provider", "auth_password": Secret("x")}, True),
    "no one, a username missing": ({"auth_password": Secret("x")}, False),
}


@pytest.mark.parametrize("name", KEEPING_OUT)
def test_only_what_a_trunk_keeps_out_can_get_past_it(name: str) -> None:
    """A rule that names no trunk takes exactly the calls of which the trunk is said to turn some away."""
    fields, keeps_out = KEEPING_OUT[name]
    site = site_of([replace(OPEN_TRUNK, **fields)], [replace(RULE, trunk_ids=())])
    stranger = Call(to_user="+33199000001", from_user="+33622222222", source_ip="203.0.113.7")
    outcome = route(site.table, stranger)
    assert (outcome.trunk is None or outcome.result is Result.AUTH_REQUIRED) is keeps_out
    assert ("TRK309" in codes(site)) is keeps_out


def test_trunks_with_sources_of_their_own_do_not_overlap() -> None:
    other = replace(
        TRUNK, sip_trunk_id="ST_b", allowed_numbers=("+33611111111",), allowed_addresses=("198.51.100.0/24",)
    )
    assert "TRK313" not in codes(site_of([TRUNK, other], []))
    assert "TRK313" in codes(site_of([TRUNK, replace(other, allowed_addresses=("192.0.2.0/24",))], []))


def test_thousands_of_rules_are_no_pair_loop() -> None:
    rules = [
        replace(RULE, sip_dispatch_rule_id=f"SDR_{at:05}", pin=f"{at:05}" if at % 2 else "", numbers=(f"+331{at:08}",))
        for at in range(4_000)
    ]
    assert RoutingTable([TRUNK], rules).fault_for(TRUNK) is None
    assert codes(site_of([replace(TRUNK, numbers=())], rules)) == set()
