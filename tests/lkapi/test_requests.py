"""LiveKit's request files: both shapes are read, and what is wrong is described in few words."""

import json

import pytest

from sipctl.errors import UsageError
from sipctl.lkapi.requests import rule_request_from_json, trunk_request_from_json
from sipctl.sandbox.seed import snapshot_messages


@pytest.mark.parametrize(
    "text",
    [
        '{"dispatch_rule": {"rule": {"dispatch_rule_direct": {"room_name": "r", "pin": "1234"}}, "name": "n"}}',
        '{"dispatchRule": {"rule": {"dispatchRuleDirect": {"roomName": "r", "pin": "1234"}}, "name": "n"}}',
        '{"rule": {"dispatch_rule_direct": {"room_name": "r", "pin": "1234"}}, "name": "n"}',
        '{"rule": {"dispatchRuleDirect": {"roomName": "r", "pin": "1234"}}, "name": "n", "sipDispatchRuleId": "X"}',
    ],
)
def test_both_shapes_in_both_spellings(text: str) -> None:
    rule = rule_request_from_json(text)
    assert (rule.room_name, rule.pin, rule.name, rule.sip_dispatch_rule_id) == ("r", "1234", "n", "")


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ('{"foo": 1}', "there is no field 'foo'"),
        ('{"rule": {"dispatch_rule_direct": {"pinn": "canary"}}}', "no field 'pinn' in rule.dispatch_rule_direct"),
        ('{"rule": {"dispatch_rule_direct": {"pin": 918273645546}}}', "pin is no text"),
        ('{"media_encryption": "FOO"}', "media_encryption has a name that LiveKit does not know"),
        ('{"hide_phone_number": "yes"}', "hide_phone_number is neither true nor false"),
        ("[1]", "is not a JSON object"), ("{", "is not JSON"),
    ],
)  # fmt: skip
def test_what_livekit_cannot_read(text: str, described: str) -> None:
    with pytest.raises(UsageError) as refused:
        rule_request_from_json(text)
    assert described in refused.value.message
    for noise in ("Available Fields", "SIPDispatch", "canary", "918273645546", "\n"):
        assert noise not in refused.value.message


def test_a_trunk_and_a_snapshot_are_described_the_same_way() -> None:
    with pytest.raises(UsageError, match="there is no field 'authPasswort'"):
        trunk_request_from_json('{"trunk": {"authPasswort": "canary"}}')
    with pytest.raises(UsageError, match="there is no field 'rulee'"):
        snapshot_messages('{"rules": [{"rulee": 1}]}')


DIRECT = {"roomName": "r", "pin": "1234"}


@pytest.mark.parametrize(
    ("value", "name", "belongs"),
    [
        ({"dispatchRuleDirect": DIRECT}, "dispatchRuleDirect", "write rule.dispatchRuleDirect"),
        ({"dispatch_rule_direct": {}}, "dispatch_rule_direct", "write rule.dispatch_rule_direct"),
        ({"roomName": "r"}, "roomName", "write rule.dispatchRuleDirect.roomName"),
        ({"room_name": "r"}, "room_name", "write rule.dispatch_rule_direct.room_name"),
        ({"rule": DIRECT}, "roomName", "write rule.dispatchRuleDirect.roomName"),
        ({"rule": {"dispatchRuleDirect": {"room": "r"}}}, "room", "write rule.dispatchRuleDirect.roomName"),
        ({"rule": {"dispatchRuleDirect": {"pinn": "1"}}}, "pinn", "write rule.dispatchRuleDirect.pin"),
        ({"trunk_id": "ST_x"}, "trunk_id", "write trunk_ids"), ({"agents": []}, "agents", "write roomConfig.agents"),
        ({"noRandomness": True}, "noRandomness", "write rule.dispatchRuleIndividual.noRandomness"),
        ({"dispatchRule": {"name": "n"}, "trunkIds": ["ST_x"]}, "trunkIds", "write dispatchRule.trunkIds"),
        ({"future": 1}, "future", "take it out"),
    ],
)  # fmt: skip
def test_an_unknown_field_of_a_rule_gets_its_present_name_or_place(value: object, name: str, belongs: str) -> None:
    with pytest.raises(UsageError) as refused:
        rule_request_from_json(json.dumps(value))
    assert f"field {name!r}" in refused.value.message
    assert "LiveKit would ignore it" in refused.value.message
    assert "cannot read" not in refused.value.message
    assert str(refused.value.hint).startswith(belongs)


@pytest.mark.parametrize(
    ("value", "belongs"),
    [
        ({"inbound_addresses": []}, "write allowed_addresses"), ({"inboundNumbers": []}, "write allowedNumbers"),
        ({"inbound_username": "u"}, "write auth_username"), ({"number": "1"}, "write numbers"),
        ({"phoneNumbers": []}, "write numbers"), ({"authPasswort": "canary"}, "write authPassword"),
        ({"trunk": {"numbers": []}, "name": "n"}, "write trunk.name"), ({"address": "sip.example.org"}, "take it out"),
    ],
)  # fmt: skip
def test_an_unknown_field_of_a_trunk(value: object, belongs: str) -> None:
    with pytest.raises(UsageError) as refused:
        trunk_request_from_json(json.dumps(value))
    assert str(refused.value.hint).startswith(belongs)
    assert "canary" not in f"{refused.value.message} {refused.value.hint}"


def test_what_is_printed_can_be_created_again() -> None:
    shown = {"rule": {"dispatch_rule_direct": {"room_name": "r", "pin": "1234"}}, "sipctl": {"owned": True}}
    assert rule_request_from_json(json.dumps(shown)).room_name == "r"
