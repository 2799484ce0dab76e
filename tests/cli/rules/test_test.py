"""`rules test`: calls, and what is expected of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.offline import CALLER, NUMBER, PIN, RULE, snapshot, valid
from tests.support.running import Result, assert_error

TESTS = f"""
[defaults]
to = "{NUMBER}"
source_ip = "192.0.2.7"
[[calls]]
name = "the standup"
from = "{CALLER}"
pin = "{PIN}"
[calls.expect]
outcome = "accept"
room = "standup"
rule = "SIP_standup"
trunk = "provider"
[[calls]]
name = "strangers"
from = "{CALLER}"
source_ip = ""
[calls.expect]
must_not_reach = ["lobby"]
"""


def test_expectations(here: Callable[..., Result], file: Callable[..., str]) -> None:
    tests = file(TESTS, "routing.toml")
    words = ("rules", "test", tests, "--offline")
    good = here(*words, file(snapshot(RULE)))
    assert (good.code, good.stdout) == (0, "2 passed, 0 failed (-v names all)\n")
    assert here(*words, file(snapshot(RULE)), "--quiet").stdout == ""
    lobby = replace(RULE, sip_dispatch_rule_id="SDR_o", room_name="lobby", name="lobby", pin="")
    bad = here(*words, file(snapshot(replace(RULE, room_name="other"), lobby)))
    assert bad.code == 1
    assert "expected room 'standup', got 'other'" in bad.stdout
    assert "must not reach room 'lobby', and does from 192.0.2.0 with # alone" in bad.stdout
    assert "0 passed, 2 failed" in bad.stdout
    assert PIN not in bad.stdout
    junit = here(*words, file(snapshot(replace(RULE, room_name="other"), lobby)), "-o", "junit")
    assert 'failures="2"' in junit.stdout
    value = valid(here(*words, file(snapshot(RULE)), "-o", "json").stdout)
    assert [one["passed"] for one in value["items"]] == [True, True]


def test_the_same_tests_in_yaml_and_json_lines(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    yaml = f'calls:\n- {{name: a, to: "{NUMBER}", from: "{CALLER}", pin: "{PIN}", expect: {{room: standup}}}}\n'
    lines = json.dumps({"to": NUMBER, "from": CALLER, "pin": "1", "expect": {"outcome": "drop"}})
    assert here("rules", "test", file(yaml, "t.yaml"), "--offline", path).code == 0
    assert here("rules", "test", file(lines, "t.jsonl"), "--offline", path).code == 0


BAD_TESTS = {
    "no-toml": ("calls = ", "t.toml", "not TOML"),
    "no-yaml": ("calls: [", "t.yaml", "not YAML"),
    "no-json": ("{", "t.jsonl", "line 1 is not JSON"),
    "nothing": ("", "t.toml", "no test"),
    "number-unquoted": (
        'calls:\n- {to: 33, from: "1", expect: {room: a}}',
        "t.yaml",
        "write numbers and PINs in quotes",
    ),
    "expects-nothing": ('[[calls]]\nname = "x"\nto = "1"\nfrom = "1"', "t.toml", "x: it expects nothing"),
    "no-outcome": ('{"to": "1", "from": "1", "expect": {"outcome": "won"}}', "t.jsonl", "'won' is no outcome"),
    "no-expectation": ('{"to": "1", "from": "1", "expect": {"rom": "a"}}', "t.jsonl", "'rom' is nothing"),
    "room-no-text": ('{"to": "1", "from": "1", "expect": {"room": 7}}', "t.jsonl", "7 is no text"),
    "no-table": ("[[1]]", "t.jsonl", "test 1 is no table"),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_bad_tests(here: Callable[..., Result], file: Callable[..., str], name: str) -> None:
    text, path, words = BAD_TESTS[name]
    assert_error(here("rules", "test", file(text, path), "--offline", file(snapshot(RULE))), 2, words)


def test_tests_are_not_overwritten(here: Callable[..., Result], file: Callable[..., str]) -> None:
    tests = file("precious", "routing.toml")
    assert_error(here("rules", "test", tests, "--init", "--offline", file(snapshot(RULE))), 5, "exists")
    assert Path(tests).read_text() == "precious"
    assert_error(here("rules", "test", "-", "--init", "--offline", file(snapshot(RULE))), 2, "writes a file")
