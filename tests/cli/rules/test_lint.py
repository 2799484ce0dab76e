"""`rules lint`: what is wrong with rules, and with rules that are to be added."""

import json
from collections.abc import Callable
from dataclasses import replace

from sipctl.telephony.livekit_json import rule_to_json
from tests.support.offline import NUMBER, PIN, RETRO, RULE, snapshot, valid
from tests.support.running import Result, assert_error


def test_lint_of_additions(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE))
    shadow = {"dispatch_rule": rule_to_json(replace(RETRO, pin=PIN, numbers=(NUMBER,))) | {"sip_dispatch_rule_id": ""}}
    described = here("rules", "lint", "--offline", path, "--with", file(shadow, "rule.json"), "-o", "json")
    assert described.code == 1
    value = valid(described.stdout)
    assert {one["code"] for one in value["findings"] if one["level"] == "error"} == {"RUL417"}
    assert PIN not in described.stdout
    harmless = {"dispatch_rule": rule_to_json(RETRO) | {"sip_dispatch_rule_id": ""}}
    quiet = here("rules", "lint", "--offline", path, "--with", file(harmless, "rule.json"), "--quiet")
    assert (quiet.code, quiet.stdout) == (0, "")
    trunk = {"trunk": {"numbers": [NUMBER]}}
    both = file(json.dumps(harmless) + "\n" + json.dumps(trunk), "both.jsonl")
    described = here("rules", "lint", "--offline", path, "--with", both, "-o", "name")
    assert "TRK308" in described.stdout
    assert_error(here("rules", "lint", "--offline", path, "--with", file("{", "rule.json")), 2, "rule.json", "not JSON")
    for nothing in ("", "[]"):
        none = here("rules", "lint", "--offline", path, "--with", file(nothing, "rule.json"))
        assert_error(none, 2, "no request in", "rule.json", "hint: a request is")
    assert_error(here("rules", "lint", "--offline", path, "--only", "RUL999"), 2, "RUL999")
    assert_error(here("rules", "lint", "--offline", path, "--only", "PIN502"), 2, "checked here")


def test_lint_formats(here: Callable[..., Result], file: Callable[..., str]) -> None:
    path = file(snapshot(RULE, replace(RULE, sip_dispatch_rule_id="SDR_c")))
    assert 'failures="1"' in here("rules", "lint", "--offline", path, "-o", "junit").stdout
    assert "sipctl_rules_lint_findings" in here("rules", "lint", "--offline", path, "-o", "prometheus").stdout
    assert here("rules", "lint", "--offline", path, "--skip", "RUL").code == 0
