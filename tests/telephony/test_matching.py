"""The matcher against 4,050 calls whose truth LiveKit's own Go code computed, recorded in tests/data/matcher."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import Result, route
from sipctl.telephony.matching.rules import RuleReason
from sipctl.telephony.matching.table import RoutingTable
from sipctl.telephony.matching.trunks import TrunkReason
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.snapshot import read_snapshot
from tests.support.routing import CALLS, dispatch_rules, inbound_trunks

CASES = Path(__file__).parents[1] / "data" / "matcher" / "cases-000.jsonl.gz"


def cases() -> Iterator[dict[str, Any]]:
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def call_of(row: dict[str, Any]) -> Call:
    return Call(
        to_user=row["to"], from_user=row["from"], to_host=row["to_host"], from_host=row["from_host"],
        source_ip=row["source_ip"], pin=row.get("pin"),
    )  # fmt: skip


def without_the_words_of_go(record: dict[str, Any]) -> dict[str, Any]:
    """Go's own text for a source that is no address is not ours to repeat."""
    own = {key: value for key, value in record.items() if key != "id"}
    if own["stage"] == "trunk" and own.get("error_code") == "invalid_argument":
        del own["error"]
    if "after_auth" in own:
        own["after_auth"] = without_the_words_of_go(own["after_auth"])
    return own


@pytest.mark.parametrize("kind", [WholeLists, RoutingTable])
def test_every_recorded_call_ends_as_in_livekit(kind: type[WholeLists]) -> None:
    compared = 0
    for case in cases():
        snapshot = read_snapshot([json.dumps(case["snapshot"])])
        store = kind(snapshot.trunks or (), snapshot.rules or ())
        for row, expected in zip(case["calls"], case["expected"], strict=True):
            record = dict(outcome_record(route(store, call_of(row))))
            assert without_the_words_of_go(record) == without_the_words_of_go(expected), (case["case"], row)
            compared += 1
    assert compared == 4050


@settings(max_examples=50)
@given(inbound_trunks(), dispatch_rules(), CALLS)
def test_the_index_decides_as_the_whole_lists_do(
    trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call
) -> None:
    whole, table = WholeLists(trunks, rules), RoutingTable(trunks, rules)
    assert outcome_record(route(table, call)) == outcome_record(route(whole, call))


@settings(max_examples=50)
@given(inbound_trunks(), dispatch_rules(), CALLS, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_never_matters(
    trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call, chance: random.Random
) -> None:
    expected = outcome_record(route(WholeLists(trunks, rules), call))
    chance.shuffle(trunks)
    chance.shuffle(rules)
    assert outcome_record(route(WholeLists(trunks, rules), call)) == expected


@settings(max_examples=50)
@given(inbound_trunks(), dispatch_rules(), CALLS)
def test_everything_has_one_reason(trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call) -> None:
    outcome = route(WholeLists(trunks, rules), call).final
    choice = outcome.trunk_choice
    judged = zip(choice.trunks, choice.reasons, strict=True) if not choice.fault else ()
    taken = [trunk for trunk, why in judged if why is TrunkReason.MATCHED]
    assert taken == ([outcome.trunk] if outcome.trunk else [])
    for evaluation in filter(None, (outcome.before_pin, outcome.after_pin)):
        assert len(evaluation.reasons) == len(rules)
        reasons = zip(evaluation.rules, evaluation.reasons, strict=True)
        winners = [rule for rule, why in reasons if why is RuleReason.WON]
        assert winners == ([evaluation.rule] if evaluation.rule else [])


@settings(max_examples=50)
@given(inbound_trunks(), dispatch_rules(kinds=(None,), max_size=2), CALLS)
def test_a_rule_without_a_type_fails_what_lists_it(
    trunks: list[InboundTrunk], rules: list[DispatchRule], call: Call
) -> None:
    outcome = route(WholeLists(trunks, rules), call).final
    if outcome.result is Result.ERROR and outcome.before_pin:
        assert set(outcome.before_pin.reasons) <= {RuleReason.NO_TYPE, RuleReason.UNDECIDED, RuleReason.TRUNK_IDS}
