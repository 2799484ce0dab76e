"""livekit-sip's log against what really happened: 58 calls with the trunks and rules of their moment, two versions."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipctl.telephony.explaining.logged import LoggedExplanation, explain_logged
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.siplog.calls import LoggedCall, gather_calls
from sipctl.telephony.siplog.ending import describe_ending, happened, is_failed, not_in_log, reason_of
from sipctl.telephony.siplog.line import read_line
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import snapshot_of

LOGS = Path(__file__).parents[1] / "data" / "logs"
VERSIONS = ("1.8.0", "1.10.0")

CHANGED_DURING_THE_CALL = {"rules-conflict-at-hash", "rule-deleted-in-prompt"}
NOTHING_DECIDED = {"no-common-codec", "no-sdp", "server-killed-in-prompt", "server-down"}


def lines(name: str) -> Iterator[str]:
    with gzip.open(LOGS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from file


def logged(version: str) -> dict[str, LoggedCall]:
    return {call.call_id: call for call in gather_calls(map(read_line, lines(f"livekit-sip-{version}")))}


def described(version: str) -> Iterator[tuple[dict[str, Any], LoggedExplanation]]:
    calls = logged(version)
    for row in map(json.loads, lines(f"livekit-sip-{version}.calls")):
        setup = snapshot_of(row["setup"])
        site = Site(lists=WholeLists(setup.trunks or (), setup.rules or ()))
        for call_id in row["callIDs"]:
            yield row, next(explain_logged(site, [calls.pop(call_id)]))
    assert not calls


@pytest.mark.parametrize("version", VERSIONS)
def test_every_call_is_described_as_the_matcher_decides_it(version: str) -> None:
    seen = 0
    for row, one in described(version):
        seen += 1
        expected = None if row["call"] in NOTHING_DECIDED else row["call"] not in CHANGED_DURING_THE_CALL
        assert one.agrees is expected, (row["call"], happened(one.logged))
    assert seen == 58


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_read_is_what_was_sent(version: str) -> None:
    for row, one in described(version):
        call = one.logged
        assert call.source_ip == row["source_address"]
        assert call.transport == row["transport"]
        assert call.call.from_user in row["from"]
        assert call.sip_call_id == row["sipCallID"]
        if call.typed is not None:
            assert f"{call.typed.reveal()}#" in row["digits"], row["call"]


ENDINGS = {
    "no-trunk": ("flood", "no trunk matched, and no rule: it rang without end", True),
    "pin-right": ("hangup", "the caller hung up", False),
    "pin-wrong": ("wrong-pin", "no rule had the PIN", True),
    "pin-hash-only": ("wrong-pin", "# alone was pressed, and no rule is open", True),
    "pin-17-digits": ("wrong-pin", "over 16 digits were typed", True),
    "bye-in-prompt": ("hangup", "the caller hung up at the prompt", True),
    "trunks-conflict": ("auth-error", "refused with 503: failed_precondition: Multiple SIP Trunks matched", True),
    "rules-conflict": ("dispatch-error", "refused with 503: invalid_argument: Dispatch rule for the same", True),
    "rules-conflict-at-hash": ("dispatch-error", "hung up on: invalid_argument: Dispatch rule for the same", True),
    "digest-missing": ("unauthorized", "the provider did not answer the digest challenge: 407", True),
    "digest-wrong-user": ("bad-credentials", "the provider answered the digest challenge wrongly: 401", True),
    "open-rule-cancel": ("cancelled", "the caller gave up while it rang", True),
    "open-rule-ringing-timeout": ("cannot-subscribe", "no one in the room published audio", True),
    "room-deleted": ("removed", "the room was ended", False),
    "participant-removed": ("removed", "the caller was removed from the room", False),
    "room-full": ("participant-failed", "the room could not be joined", True),
    "max-call-duration": ("hangup", "max_call_duration ended it", False),
    "no-sdp": ("sdp-error", "INVITE without SDP (a delayed offer): 400", True),
    "media-timeouts/4": ("no-ack", "neither ACK nor RTP came from the caller's side", True),
    "server-down": ("auth-error", "livekit-server did not answer", True),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_endings_in_words(version: str) -> None:
    found = {row["call"]: one.logged for row, one in described(version)}
    for name, (reason, words, failed) in ENDINGS.items():
        call = found[name]
        assert (reason_of(call), is_failed(call)) == (reason, failed), name
        assert describe_ending(call).startswith(words), name


def test_what_the_log_cannot_tell() -> None:
    found = {row["call"]: one.logged for row, one in described("1.8.0")}
    assert not_in_log(found["bye-after-two-digits"]) == ["digits typed without #"]
    assert not_in_log(found["no-trunk"]) == ["which condition of a trunk or rule failed"]
    assert not_in_log(found["pin-right"]) == []


TEXT = (
    '2026-11-22T21:17:29.006Z\tINFO\tsip\tsip/inbound.go:1247\tChecking Pin for SIP call\t{"nodeID": "NE_F", "callID": '
    '"SCL_V", "toUser": "+33199000001", "sipTrunk": "ST_5", "sipTrunk": "ST_5", "pin": "4321", "noPin": false}\n'
)


@pytest.mark.parametrize("prefix", ["", "livekit-sip-1  | ", "Nov 22 21:17:29 host livekit-sip[7]: "])
def test_the_text_format(prefix: str) -> None:
    line = read_line(prefix + TEXT)
    assert (line.message, line.time) == ("Checking Pin for SIP call", 1795382249.006)
    (call,) = gather_calls([line])
    assert (call.to_user, call.trunk_id, call.pin) == ("+33199000001", "ST_5", "4321")


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{}", "[1]", '{"ts": "x", "msg": "m"}', '{"ts": 1e30, "msg": "m"}', '{"ts": 1, "msg": 2}', "{" * 9],
)
def test_what_is_no_line(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_line(text)


def test_no_repr_holds_the_pin() -> None:
    (call,) = gather_calls([read_line(TEXT)])
    assert "4321" not in repr(call)
