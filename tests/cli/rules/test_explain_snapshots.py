"""Snapshots that `rules explain --offline` is given: good, odd, and none at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.telephony.livekit_json import rule_to_json
from tests.support.offline import CALL, CALLER, RETRO, RULE, TRUNK, snapshot, valid
from tests.support.running import Result, assert_error

BAD = {
    "no-json": ("hello", "not JSON"),
    "empty": ("", "not JSON"),
    "truncated": (json.dumps(snapshot(RULE))[:-40], "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "other-json": ({"items": [{"hello": 1}]}, "neither dispatch rules, nor trunks, nor rooms"),
    "a-list": ([1], "this is no snapshot"),
    "a-number": (7, "this is no snapshot"),
    "trunks-only": ({"trunks": [TRUNK]}, "does not say which rules there are"),
    "rules-only": ({"rules": []}, "does not say which trunks there are"),
    "no-list": ({"trunks": {}, "rules": []}, "trunks of the snapshot is no list"),
    "no-object": ({"trunks": [], "rules": [7]}, "rule 1 of the snapshot is no object"),
    "wrong-type": (
        snapshot(pins=[]) | {"rules": [{"trunk_ids": "ST_a"}]},
        "trunk_ids of rule 1 of the snapshot is a text",
    ),
    "type-as-text": (
        snapshot() | {"rules": [{"rule": "direct"}]},
        "rule of rule 1 of the snapshot is no object but a text",
    ),
    "half-a-character": (
        snapshot() | {"rules": [{"trunk_ids": ["\ud800"]}]},
        "trunk_ids of rule 1 of the snapshot holds half a character",
    ),
    "pin-as-number": (
        snapshot() | {"rules": [{"rule": {"dispatchRuleDirect": {"roomName": "demo", "pin": 1234}}}]},
        "pin of dispatch_rule_direct of rule 1 of the snapshot is a number, not a text",
    ),
    "new-rule-type": (snapshot() | {"rules": [{"rule": {"dispatch_rule_magic": {}}}]}, "dispatch_rule_magic"),
    "masked": (snapshot(replace(RULE, pin="•••••••57")), "masked"),
    "not-utf-8": (b"\xff\xfe{}", "not UTF-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_snapshot(here: Callable[..., Result], file: Callable[..., str], name: str) -> None:
    content, words = BAD[name]
    described = here(*CALL, "--offline", file(content))
    assert_error(described, 2, words, "hint: ") if name != "not-utf-8" else assert_error(described, 2, words)


def test_a_snapshot_that_is_too_large(here: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    assert_error(here(*CALL, "--offline", str(path)), 2, "over 128 MiB")


def test_a_snapshot_that_is_not_there(here: Callable[..., Result], tmp_path: Path) -> None:
    assert_error(here(*CALL, "--offline", str(tmp_path / "none")), 2, "cannot read")
    assert_error(here(*CALL, "--offline", str(tmp_path)), 2, "cannot read")


def test_fields_of_a_newer_livekit_are_reported_once(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rules = [{**rule_to_json(rule), "color": "red", "sipctl": {}} for rule in (RULE, RETRO)]
    described = here(*CALL, "--offline", file(snapshot() | {"rules": rules}), "--source-ip", "192.0.2.7")
    assert described.code == 0
    assert described.stderr.count("color") == 1
    assert "sipctl" not in described.stderr
    assert "2 looked at" in described.stdout


def test_camel_case_and_what_is_left_out(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rule = {
        "sipDispatchRuleId": "SDR_a",
        "rule": {"dispatchRuleIndividual": {"roomPrefix": "call", "noRandomness": True}},
        "trunkIds": ["ST_a"],
        "mediaEncryption": 0,
        "roomConfig": None,
    }
    path = file({"trunks": [TRUNK], "rules": [rule], "rooms": [{"name": "x", "creationTime": "1"}]})
    value = valid(here(*CALL, "--offline", path, "-o", "json", "--source-ip", "192.0.2.7").stdout)["item"]
    assert value["room_name"] == f"call_{CALLER}"


def test_livekits_own_list_answers(here: Callable[..., Result], file: Callable[..., str]) -> None:
    rules = file({"items": [rule_to_json(RULE)]}, "rules.json")
    outbound = {"sip_trunk_id": "ST_out", "address": "sip.example.com"}
    trunks = file({"items": [TRUNK, outbound]}, "trunks.json")
    described = here(*CALL, "--offline", rules, "--offline", trunks, "--source-ip", "192.0.2.7")
    assert described.stdout.startswith("The caller is asked for a PIN")
    empty = file({"items": []}, "empty.json")
    described = here(*CALL, "--offline", rules, "--offline", empty)
    assert "trunks  there is none" in described.stdout
