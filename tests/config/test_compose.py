"""What a compose project tells: which services run what, and what each of them is given."""

import json
from typing import Any

import pytest

from sipctl.findings.record import Finding
from tests.support.checked_files import check, marks, problems, texts

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
SERVER_YAML = "port: 7880\nredis: {address: 'redis:6379'}\nwebhook: {api_key: meet, urls: ['http://meet/hook']}\n"


def compose(**services: dict[str, Any]) -> str:
    return json.dumps({"services": services}, indent=1)


def with_keys(keys: str) -> list[Finding]:
    livekit = {"image": "livekit/livekit-server:v1.13.5", "environment": {"LIVEKIT_KEYS": keys}}
    return problems({"compose.json": compose(livekit=livekit), "livekit.yaml": SERVER_YAML})


def test_keys_that_compose_left_empty_are_named() -> None:
    found = problems(texts("keys-unset", "compose.json", "livekit.yaml"))
    assert marks(found) == [("CFG136", "error", "compose.json:1")]
    assert "LIVEKIT_KEYS is empty" in found[0].detail


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (f"meet:{SECRET}", "lacks the blank after the colon"),
        (f"meet:{SECRET}\nother:{SECRET}", "lacks the blank after the colon"),
        (": ", "has no key and secret"),
        (":", "has no key and secret"),
        ("meet: ", "has no secret"),
        ("meet:", "has no secret"),
        ("meet", "not of the form"),
        (f": {SECRET}", "has no key"),
        (f"meet: {SECRET}\nother: ", "not of the form"),
        (f"meet: {SECRET} other: {SECRET}", "not of the form"),
        (f"[meet, {SECRET}]", "not of the form"),
        (f"meet={SECRET}", "not of the form"),
    ],
)
def test_keys_in_a_broken_form_are_named(keys: str, words: str) -> None:
    (found,) = with_keys(keys)
    assert (found.code, found.level) == ("CFG136", "error")
    assert found.resource.startswith("compose.json:")
    assert "LIVEKIT_KEYS" in found.detail
    assert words in found.detail
    assert SECRET not in str(found)


@pytest.mark.parametrize("keys", [f"meet: {SECRET}", f"meet: {SECRET}\nb: {SECRET}", f'{{"meet": "{SECRET}"}}'])
def test_keys_in_a_sound_form(keys: str) -> None:
    assert with_keys(keys) == []
    assert not [one for one in check({"livekit.yaml": SERVER_YAML}) if "LIVEKIT_KEYS" in one.detail]
