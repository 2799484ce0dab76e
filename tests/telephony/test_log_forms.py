"""livekit-sip's log as people really have it: older versions, other columns, and what containers put around a line."""

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sipctl.telephony.siplog.calls import LoggedCall, gather_calls
from sipctl.telephony.siplog.ending import describe_ending, guesses, is_failed, not_in_log, reason_of
from sipctl.telephony.siplog.line import read_line
from sipctl.telephony.siplog.wrapping import unwrapped

FORMS = Path(__file__).parents[1] / "data" / "logs" / "forms"
FLOOD = (FORMS / "flood.log").read_text().splitlines()


def only_call(lines: Iterable[str]) -> LoggedCall:
    (call,) = gather_calls(map(read_line, unwrapped(lines)))
    return call


def call_of(name: str) -> LoggedCall:
    return only_call((FORMS / name).read_text().splitlines())


def line(message: str, at: float = 0.0, **fields: Any) -> str:
    """A line of one call in the JSON format."""
    return json.dumps({"ts": 1754042700 + at, "msg": message, "callID": "SCL_a", "toUser": "+33199000001", **fields})


# --- older versions ---


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("end-by-closing-line.log", "media-timeout", "no RTP came from the caller's side"),
        ("flood-without-ended-line.log", "flood", "no trunk matched, and no rule: it rang without end"),
        ("flood.log", "flood", "no trunk matched, and no rule: it rang without end"),
        ("columns-of-blanks.log", "flood", "no trunk matched, and no rule: it rang without end"),
        ("invite-without-sdp.log", "media-failed", "INVITE without SDP (a delayed offer): 500"),
    ],
)
def test_the_end_is_found_in_the_older_lines_too(name: str, reason: str, words: str) -> None:
    call = call_of(name)
    assert (reason_of(call), describe_ending(call), is_failed(call)) == (reason, words, True)


def test_the_closing_line_names_the_room() -> None:
    call = call_of("end-by-closing-line.log")
    assert (call.room, call.identity, call.rule_id) == ("r1", "sip_123", "SDR_call00000001")


def test_the_better_line_wins() -> None:
    closing = line("Closing inbound call", reason="UNKNOWN_REASON")
    assert reason_of(only_call([closing])) == ""
    assert reason_of(only_call([closing, line("SIP call ended", reason="hangup")])) == "hangup"
    known = line("Closing inbound call", reason="cancelled")
    assert reason_of(only_call([known])) == "cancelled"
    assert reason_of(only_call([line("SIP call ended", reason="removed"), known])) == "removed"
    assert reason_of(only_call([known, line("SIP call ended", reason="")])) == "cancelled"


def test_before_1_3_nothing_says_that_a_caller_joined() -> None:
    joining = line("Joining room", 5, room="demo", participant="sip_1")
    left = line("Closing inbound call", 65, reason="hangup")
    call = only_call([line("processing invite"), joining, line("BYE", 65), left])
    assert (call.joined, is_failed(call), describe_ending(call)) == (1754042705, False, "the caller hung up")
    failed = line("Cannot create LiveKit participant", 6, error="full")
    ended = line("Closing inbound call with error", 6, reason="participant-failed")
    call = only_call([line("processing invite"), joining, failed, ended])
    assert (call.joined, is_failed(call)) == (None, True)


def test_a_version_that_says_so_is_believed() -> None:
    other = line("SIP participant joined room", 1).replace("SCL_a", "SCL_b")
    joining, left = line("Joining room", 5, room="demo"), line("SIP call ended", 6, reason="hangup")
    calls = gather_calls(map(read_line, [line("processing invite"), other, joining, left]))
    assert [(call.call_id, call.joined is None) for call in calls] == [("SCL_a", True), ("SCL_b", False)]


# --- why media could not start ---


NO_OFFER = "INVITE without SDP (a delayed offer)"


@pytest.mark.parametrize(
    ("before", "reason", "words"),
    [
        (("SDP offer", {"sdp": ""}), "sdp-error", f"{NO_OFFER}: 400"),
        (("no offer type specified", {"contentLength": 0}), "sdp-error", f"{NO_OFFER}: 400"),
        (("Cannot start media", {"error": "no audio in sdp"}), "media-failed", f"{NO_OFFER}: 500"),
        (("Cannot start media", {"error": "no audio in sdp", "sdp": "v=0"}), "sdp-error",
         "its SDP offers no audio: 400"),
        (("Cannot start media", {"error": "failed to listen on udp port"}), "media-failed", "no free RTP port: 500"),
        (("Cannot start media", {"error": "media is already closed"}), "media-failed",
         "media could not be started: 500: media is already closed"),
        (("other", {}), "media-failed", "media could not be started: 500"),
        (("Cannot start media", {"error": 'cannot parse crypto key "c2VjcmV0": bad', "sdp": "v=0"}), "sdp-error",
         "its SDP could not be used: 400: cannot parse crypto key …: bad"),
    ],
)  # fmt: skip
def test_media_that_cannot_start_is_described_by_its_own_words(
    before: tuple[str, dict[str, Any]], reason: str, words: str
) -> None:
    message, fields = before
    assert describe_ending(only_call([line(message, **fields), line("SIP call ended", reason=reason)])) == words


# --- endings ---


@pytest.mark.parametrize(
    ("reason", "normal", "words"),
    [
        ("rpc", True, "hung up by an API call"),
        ("bye-sip-0", True, "the caller hung up"),
        ("bye-q.850-31", True, "the caller's side hung up with Q.850 cause 31"),
        ("bye-sip-503", True, "the caller's side hung up with SIP cause 503"),
        ("hangup", True, "the caller hung up"),
        ("server-shutdown", False, "livekit-server was stopped"),
        ("connection-timeout", False, "the connection to livekit-server timed out"),
        ("migration", False, "the room moved to another node"),
        ("media-failure", False, "its media in the room failed"),
        ("room-failed", False, "the connection to the room was lost"),
        ("room-disconnected", False, "the room was left for a reason that livekit-sip does not know"),
        ("duplicate-identity", False, "a second call from the same number took its place in the room"),
        ("agent-error", False, "an agent in the room failed"),
        ("publish-failed", False, "its audio could not be published in the room"),
        ("accept-failed", False, "the call could not be answered"),
        ("media-config-error", False, "the media settings of its trunk could not be used"),
        ("unexpected-result", False, "livekit-server decided something that livekit-sip does not know"),
        ("no-dispatch", False, "no rule matched: 404"),
        ("other", False, "livekit-sip ended it and does not say why"),
        ("something-new", False, "ended: something-new"),
    ],
)
def test_endings_of_calls_that_were_in_a_room(reason: str, normal: bool, words: str) -> None:
    lines = [line("processing invite"), line("SIP participant joined room", 3), line("BYE from remote", 9)]
    call = only_call([*lines, line("SIP call ended", 9, reason=reason)])
    assert (describe_ending(call), is_failed(call)) == (words, not normal)


# --- keys that were never heard ---

ASKED = [line("processing invite"), line("Requesting Pin for SIP call", 1)]


def ended_at_prompt(seconds: float, *, dtmf_type: int, keys: int) -> LoggedCall:
    stats = {"port": {"packets": 50 * int(seconds), "dtmf_packets": keys}}
    codecs = line("using codecs", 1, **{"audio-codec": "PCMU/8000", "dtmf-rtp": dtmf_type})
    end = [line("BYE from remote", seconds), line("call statistics", seconds, stats=stats)]
    return only_call([*ASKED, codecs, *end, line("SIP call ended", seconds, reason="hangup")])


def test_an_offer_without_telephone_event_is_a_fact() -> None:
    call = ended_at_prompt(20, dtmf_type=0, keys=0)
    assert (
        describe_ending(call)
        == "the caller hung up at the prompt; no key could be heard, as its SDP has no telephone-event"
    )
    assert guesses(call) == []


def test_what_may_have_become_of_the_keys_is_a_guess() -> None:
    call = ended_at_prompt(20, dtmf_type=101, keys=0)
    assert describe_ending(call) == "the caller hung up at the prompt"
    (guess,) = guesses(call)
    assert guess.startswith("no key arrived in 19 s: none was pressed, or its side sends them as sound, as SIP INFO or")
    assert not_in_log(call) == ["digits typed without #"]


@pytest.mark.parametrize(("seconds", "keys"), [(5, 0), (20, 12)])
def test_nothing_is_guessed_of_short_calls_and_of_keys_that_arrived(seconds: float, keys: int) -> None:
    assert guesses(ended_at_prompt(seconds, dtmf_type=101, keys=keys)) == []


# --- forms of a line ---

PIN = '"callID": "SCL_V", "pin": "4321"}'
TEXT = f"2026-11-22T21:17:29.006Z\tINFO\tsip\tsip/inbound.go:1247\tChecking Pin for SIP call\t{{{PIN}"
JSON = f'{{"level":"info","ts":1795382249.006,"caller":"sip/inbound.go:1247","msg":"Checking Pin for SIP call",{PIN}'
PREFIXES = (
    "",
    "livekit-sip-1  | ",
    "\x1b[36mlivekit-sip-1  | \x1b[0m",
    "[pod/livekit-sip-7c9/livekit-sip] ",
    "livekit-sip-7c9 livekit-sip ",
    "4f3c2b1a0d9e ",
    "2026-11-22T21:17:29.123456789Z ",
    "Nov 22 21:17:29 host livekit-sip[7]: ",
    "2026-11-22T21:17:29+0000 host docker[1]: ",
    "2026-11-22T21:17:29.1Z stderr F ",
    '{container="sip"} ',
)


@pytest.mark.parametrize("text", [JSON, *(TEXT.replace("\t", blank) for blank in ("\t", "  ", " ", "#011"))])
@pytest.mark.parametrize("before", PREFIXES)
def test_anything_may_stand_before_a_line(before: str, text: str) -> None:
    (whole,) = unwrapped([f"{before}{text}\r\n"])
    read = read_line(whole)
    assert (read.message, read.time, read.text("pin")) == ("Checking Pin for SIP call", 1795382249.006, "4321")


@pytest.mark.parametrize("text", [TEXT, JSON, TEXT.replace("\t", "    ")])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: json.dumps({"log": f"{text}\n", "stream": "stderr", "time": "2026-11-22T21:17:29.1Z"}),
        lambda text: json.dumps({"__CURSOR": "s=1", "MESSAGE": text, "_HOSTNAME": "host"}),
        lambda text: json.dumps({"log": f"livekit-sip-1  | {text}\n", "stream": "stdout"}, separators=(",", ":")),
    ],
)
def test_lines_inside_json(wrap: Callable[[str], str], text: str) -> None:
    (whole,) = unwrapped([wrap(text)])
    assert read_line(whole).text("pin") == "4321"


def pins(lines: Iterable[str]) -> list[str]:
    return [read_line(text).text("pin") for text in unwrapped(lines)]


def test_what_a_runtime_cut_is_put_together_again() -> None:
    parts = (TEXT[:60], TEXT[60:90], f"{TEXT[90:]}\n", f"{JSON}\n")
    assert pins(json.dumps({"log": part, "stream": "stderr"}) for part in parts) == ["4321"] * 2
    begin, end = (f"2026-11-22T21:17:29.1Z stderr {part}" for part in (f"P {TEXT[:60]}", f"F {TEXT[60:]}"))
    assert pins([begin, end]) == ["4321"]
    assert pins([begin, f"2026-11-22T21:17:29.1Z stdout F {JSON}", end]) == ["4321"] * 2
    assert list(unwrapped([begin])) == [TEXT[:60]]


def test_text_lines_without_fields_and_with_a_brace_in_the_message() -> None:
    read = read_line("2026-11-22T21:17:29.006Z\tINFO\tsip\tsip/server.go:1\tserver {starting} now")
    assert (read.message, read.fields) == ("server {starting} now", {})
    read = read_line('2026-11-22T21:17:29.006+0100\tWARN\tsip/server.go:1\ta {b} c\t{"error": "d {e} f"}')
    assert (read.message, read.text("error"), read.time) == ("a {b} c", "d {e} f", 1795378649.006)


def test_random_damage_is_no_line_or_a_line() -> None:
    entropy = random.Random(7)
    wrapped = [TEXT, JSON, json.dumps({"log": f"{TEXT}\n"}), FLOOD[0], json.dumps({"MESSAGE": JSON})]
    for _ in range(3000):
        text = list(entropy.choice(wrapped))
        for _ in range(entropy.randrange(1, 6)):
            at = entropy.randrange(len(text))
            text[at : at + entropy.randrange(3)] = entropy.choice(
                ["", "{", '"', "\t", "\\", "\x00", "9", "é", "}", "T"]
            )
        for whole in unwrapped(["".join(text)]):
            try:
                gather_calls([read_line(whole)])
            except (ValueError, RecursionError):
                continue
