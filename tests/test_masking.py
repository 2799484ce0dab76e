"""No secret is shown, whatever a library, a server or a parser says about it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.file import parse_config
from sipctl.config.yamlfile import parse_yaml
from sipctl.errors import SipctlError, UsageError
from sipctl.findings.codes import CODES
from sipctl.lkapi.requests import rule_request_from_json, trunk_request_from_json
from sipctl.masking import MASK, shown_urls, shown_words

CANARY = "hunter2"
JUNK = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SAID = (
    "could not connect to postgresql://u:{}@db/x",
    "bad proxy 'http://u:{}@proxy:3128/': refused",
    "(https://h/x?token={}), then https://h/#{}",
    "connection to redis://:{}@r:6379/0 failed.",
    "lookup u:{}@h: no such host",
    "FATAL: password={} host=db",
    'invalid body {{"api_secret": "{}", "a": 1}}',
    "secret_key = '{}' is wrong",
    "Authorization: Bearer {}",
    "access_token={}&x=1",
    "token eyJ{}.eyJ.x is expired",
)


@pytest.mark.parametrize("said", SAID)
def test_what_others_say_tells_no_secret(said: str) -> None:
    shown = shown_words(said.replace("{}", CANARY).replace("{{", "{").replace("}}", "}"))
    assert CANARY not in shown
    assert MASK in shown


def test_what_others_say_is_short() -> None:
    for long in ("x", "x-", "://", "a:", "@", "secret", "eyJ.", "' "):
        assert len(shown_words(long * 100_000)) == 300


def test_a_sentence_around_an_address_stays() -> None:
    assert (
        shown_urls("see 'https://h/x?a=1', or (https://u:p@h).") == f"see 'https://h/x?{MASK}', or (https://{MASK}@h)."
    )
    assert shown_urls("rooms a?b#c, x@y and 12:30") == "rooms a?b#c, x@y and 12:30"


def test_errors_and_findings_mask_addresses() -> None:
    described = f"https://u:{CANARY}@h/x?t={CANARY}"
    assert CANARY not in f"{SipctlError(described)} {SipctlError(described).message}"
    finding = CODES["API201"].finding("server", described, observed=described, expected=described)
    assert CANARY not in f"{finding.detail} {finding.evidence}"


@given(JUNK, JUNK, st.sampled_from(["secret: {}", "keys: {{a: {}}}", "- {}", "a: [{}", 'a: "{}"', "a: '{}'", "{}"]))
def test_a_fault_of_a_yaml_file_tells_no_value(before: str, behind: str, line: str) -> None:
    text = line.format(f"{before}{CANARY}{behind}") + "\n"
    for fault in parse_yaml(Path("x"), text).faults:
        assert CANARY not in fault.message, text


@given(
    JUNK,
    JUNK,
    st.sampled_from(
        ["url = {}", 'api_secret = "{}"', "api_secret = '{}'", "a = [{}", "[profiles.p.registry]\nurl = {}"]
    ),
)
def test_a_fault_of_our_file_tells_no_value(before: str, behind: str, line: str) -> None:
    _, faults = parse_config("[profiles.p]\n" + line.format(f"{before}{CANARY}{behind}") + "\n")
    assert not [fault for fault in faults if CANARY in fault.message]


FIELDS = (
    "name", "metadata", "numbers", "allowed_addresses", "auth_username", "auth_password", "headers", "krisp_enabled",
    "ringing_timeout", "max_call_duration", "media_encryption", "created_at", "include_headers", "media", "pin", "rule",
    "dispatch_rule_direct", "room_config", "max_participants", "trunk_ids", "attributes",
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([CANARY, f"{CANARY}s", 4821930571, True, None, 1.5]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
def test_a_request_that_livekit_cannot_read_is_refused_without_its_values(request: dict[str, Any]) -> None:
    for wrapper, read in (("trunk", trunk_request_from_json), ("dispatch_rule", rule_request_from_json)):
        said = ""
        try:
            read(json.dumps({wrapper: request}))
        except UsageError as refused:
            said = refused.message
        assert CANARY not in said
        assert "4821930571" not in said
