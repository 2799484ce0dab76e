"""The conflict rules against the verdicts of LiveKit's own validator, recorded in tests/data/matcher."""

import gzip
import json
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.rules import choose_rule
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.ruleset import (
    becomes_the_same,
    covers,
    meet,
    rule_conflicts,
    rule_keys,
    rules_refusal,
    takes_all_of,
    trunks_refusal,
)

CASES = Path(__file__).parents[1] / "data" / "matcher" / "conflicts.jsonl.gz"


def cases() -> Iterator[dict[str, Any]]:
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def stored_rules(case: dict[str, Any]) -> list[DispatchRule]:
    messages = (ParseDict(rule, SIPDispatchRuleInfo()) for rule in case["snapshot"]["rules"])
    return sorted(map(rule_from_message, messages), key=lambda rule: rule.sip_dispatch_rule_id)


def stored_trunks(case: dict[str, Any]) -> list[InboundTrunk]:
    messages = (ParseDict(trunk, SIPInboundTrunkInfo()) for trunk in case["snapshot"]["trunks"])
    return sorted(map(trunk_from_message, messages), key=lambda trunk: trunk.sip_trunk_id)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases() if case["kind"] == "rules"])
def test_rules_are_refused_as_by_livekit(case: dict[str, Any]) -> None:
    rules, expected = stored_rules(case), case["expected"]
    assert rules_refusal(rules) == expected["list_error"]
    typed = [rule for rule in rules if rule.kind is not None]
    pairs = [
        {"a": a.sip_dispatch_rule_id, "b": b.sip_dispatch_rule_id, "msg": text}
        for a, b in combinations(typed, 2)
        if (text := rules_refusal([a, b])) and not rules_refusal([a]) and not rules_refusal([b])
    ]
    selves = [{"a": rule.sip_dispatch_rule_id, "msg": text} for rule in typed if (text := rules_refusal([rule]))]
    own = {clash["a"] for clash in selves}
    assert pairs == [pair for pair in expected["pairs"] if not {pair["a"], pair["b"]} & own]
    assert [clash["a"] for clash in selves] == [clash["a"] for clash in expected["self"]]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases() if case["kind"] == "trunks"])
def test_trunks_are_refused_as_by_livekit(case: dict[str, Any]) -> None:
    trunks, expected = stored_trunks(case), case["expected"]
    assert trunks_refusal(trunks) == expected["list_error"]
    pairs = [
        {"a": a.sip_trunk_id, "b": b.sip_trunk_id, "msg": text}
        for a, b in combinations(trunks, 2)
        if (text := trunks_refusal([a, b]))
    ]
    assert pairs == expected["pairs"]
    assert expected["self"] == []


RULES = st.lists(
    st.builds(
        DispatchRule,
        kind=st.sampled_from(RuleKind),
        pin=st.sampled_from(["", "1234", "9876"]),
        trunk_ids=st.lists(st.sampled_from(["ST_a", "ST_b"]), max_size=2).map(tuple),
        numbers=st.lists(st.sampled_from(["+15550100", "1 555 0100", "alice"]), max_size=2).map(tuple),
    ),
    max_size=8,
)


@given(RULES)
def test_a_list_is_clean_exactly_if_no_key_is_taken_twice(rules: list[DispatchRule]) -> None:
    keys = [key for rule in rules for key in rule_keys(rule)]
    assert (next(rule_conflicts(rules), None) is None) == (len(keys) == len(set(keys)))


@given(RULES)
def test_without_the_later_of_each_pair_a_list_is_clean(rules: list[DispatchRule]) -> None:
    clashing = [conflict.second for conflict in rule_conflicts(rules)]
    left = [rule for rule in rules if not any(rule is other for other in clashing)]
    assert rules_refusal(left) is None


# --- which rule takes which calls ---

SCOPED = st.builds(
    DispatchRule,
    kind=st.sampled_from([*RuleKind, None]),
    pin=st.sampled_from(["", "1111", "2222"]),
    trunk_ids=st.sampled_from([(), ("ST_a",), ("ST_b",), ("ST_a", "ST_b")]),
    numbers=st.sampled_from([(), ("+1",), ("+2",), ("+2", "+1"), ("1",)]),
    inbound_numbers=st.sampled_from([(), ("+3",), ("+4", "+3")]),
    metadata=st.sampled_from(["", "", "x"]),
)
SPOTS = [
    (trunk and InboundTrunk(sip_trunk_id=trunk), Call(to_user=called, from_user=caller))
    for trunk, called, caller in product(("", "ST_a", "ST_b", "ST_c"), ("+1", "+2", "1", "+9"), ("+3", "+4", "+9"))
]


def taken(rule: DispatchRule) -> set[int]:
    """The calls of SPOTS that the matcher gives to a rule that is alone, its own PIN typed."""
    rules = [rule] if rule.kind is not None else []
    return {at for at, (trunk, call) in enumerate(SPOTS) if choose_rule(rules, trunk or None, call, rule.pin).rule}


@given(SCOPED, SCOPED)
def test_what_a_rule_takes_is_what_the_matcher_gives_it(one: DispatchRule, other: DispatchRule) -> None:
    ours, theirs = taken(one), taken(other)
    assert meet(one, other) == bool(ours & theirs) == meet(other, one)
    if one.kind is not None and other.kind is not None:
        assert takes_all_of(one, other) == (theirs <= ours)
    same = one.kind is other.kind and one.metadata == other.metadata
    assert becomes_the_same(one, other) == same
    assert covers(one, other) == (one.pin == other.pin and same and one.kind is not None and theirs <= ours)
