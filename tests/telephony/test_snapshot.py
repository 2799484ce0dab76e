"""Snapshots are read as LiveKit's own protobuf library reads them, on the short way and on the careful one."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.snapshot import read_snapshot, snapshot_of
from tests.support.routing import dispatch_rules

CASES = Path(__file__).parents[1] / "data" / "matcher" / "cases-000.jsonl.gz"


def snapshots() -> Iterator[dict[str, Any]]:
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line)["snapshot"] for line in lines)


def carried(rules: Iterable[DispatchRule]) -> list[DispatchRule]:
    """Without the room's configuration, which is carried as it is: protobuf leaves its nulls out."""
    return [replace(rule, room_config=None) for rule in rules]


def test_recorded_snapshots() -> None:
    for value in snapshots():
        read = snapshot_of(value)
        rules = tuple(rule_from_message(ParseDict(dict(rule), SIPDispatchRuleInfo())) for rule in value["rules"])
        trunks = tuple(trunk_from_message(ParseDict(trunk, SIPInboundTrunkInfo())) for trunk in value["trunks"])
        assert (carried(read.rules or ()), read.trunks, read.unknown) == (carried(rules), trunks, ())


def as_stored(rule: DispatchRule) -> DispatchRule:
    """Without what a rule of this type does not have."""
    if rule.kind is None:
        return replace(rule, room_name="", pin="", randomized=False)
    return replace(rule, randomized=False) if rule.kind is RuleKind.DIRECT else rule


@settings(max_examples=40)
@given(dispatch_rules(kinds=(*RuleKind, None)))
def test_both_ways_give_the_same(drawn: list[DispatchRule]) -> None:
    rules = list(map(as_stored, drawn))
    printed = [rule_to_json(rule) for rule in rules]
    short = read_snapshot([json.dumps({"rules": printed})])
    assert short.rules == tuple(rules)
    careful = read_snapshot([json.dumps({"rules": [{"hidePhoneNumber": False}, *printed]})])
    assert careful.rules == (DispatchRule(kind=None), *rules)
    sparse = [MessageToDict(ParseDict(dict(rule), SIPDispatchRuleInfo())) for rule in printed]
    assert read_snapshot([json.dumps({"rules": sparse})]).rules == tuple(rules)


def test_a_rule_read_on_the_short_way_is_like_any_other() -> None:
    (rule,) = read_snapshot([json.dumps({"rules": [rule_to_json(DispatchRule(pin="1234"))]})]).rules or ()
    assert type(rule) is DispatchRule
    assert (rule, hash(type(rule))) == (DispatchRule(pin="1234"), hash(DispatchRule))


def test_nulls_are_what_is_left_out() -> None:
    value = {**rule_to_json(DispatchRule()), "krisp_enabled": None, "name": None, "trunk_ids": None}
    assert snapshot_of({"rules": [value, value]}).rules == (DispatchRule(), DispatchRule())


def test_passwords_stay_hidden() -> None:
    read = snapshot_of({"trunks": [{"sip_trunk_id": "ST_a", "auth_password": "hunter2"}]})
    assert "hunter2" not in repr(read)


def test_unknown_fields_are_named_and_passed_over() -> None:
    printed: dict[str, Any] = dict(rule_to_json(DispatchRule(pin="1234")))
    direct = {"dispatch_rule_direct": {**printed["rule"]["dispatch_rule_direct"], "newInner": 1}}
    read = read_snapshot([json.dumps({"rules": [printed, {**printed, "newField": 1}, {**printed, "rule": direct}]})])
    assert (read.rules, read.unknown) == ((DispatchRule(pin="1234"),) * 3, ("new_field", "new_inner"))
