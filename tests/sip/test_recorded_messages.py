"""The messages that a caller and LiveKit SIP exchanged, read and written again."""

import pytest

from sipctl.sip.errors import FaultKind, FramingError, Unframed
from sipctl.sip.message import Request
from sipctl.sip.parser import Parsed, StreamParser, parse
from tests.support.sip_recorded import ODD, Recorded, recorded_messages

KEEP_ALIVE = b"\r\n\r\n"
SOUND = [one for one in recorded_messages() if one.scenario not in ODD]
DEFECTS = {f"{one.transport} {one.defect}": one for one in recorded_messages() if one.defect}

FAULTS: dict[str, list[str]] = {
    "without Via": ["Via missing"],
    "without Max-Forwards": ["Max-Forwards missing"],
    "without From": ["From missing"],
    "without To": ["To missing"],
    "without Call-ID": ["Call-ID missing"],
    "without CSeq": ["CSeq missing"],
    "without Contact": [],
    "without Content-Length": [],
    "From without tag": ["From no-tag"],
    "empty Call-ID": ["Call-ID malformed"],
    "CSeq method mismatch": ["CSeq cseq-method"],
    "CSeq not a number": ["CSeq malformed"],
    "Via not parsable": ["Via malformed"],
    "Via without branch": ["Via no-branch"],
    "Via protocol 1.0": [],
    "SIP version 3.0": ["version"],
    "request URI garbage": ["request-uri"],
    "tel: request URI and To": [],
    "sips: request URI": [],
    "Content-Length too large": ["Content-Length body-truncated"],
    "Content-Length negative": ["Content-Length malformed"],
    "Content-Length not a number": ["Content-Length malformed"],
    "header line without colon": ["Max-Forwards missing", "not-a-header"],
    "LF only line ends": ["line-end"],
    "no empty line at the end": ["no-empty-line"],
    "folded header": [],
    "compact header names": [],
    "two Via values in one line": [],
    "8 KB header": [],
    "40 KB header": [],
    "non-UTF-8 display name": ["not-utf-8"],
    "From user with percent escape": [],
    "From without user": [],
    "From anonymous": [],
}
"""What is wrong with the OPTIONS, and the INVITE, that has each deliberate defect."""
WITH_A_BODY = {
    "LF only line ends": "Content-Length body-truncated",
    "no empty line at the end": "Content-Length body-truncated",
}
"""What follows from it where a body was announced."""


def messages_of(recorded: Recorded) -> list[Parsed]:
    if recorded.transport == "udp":
        return [parse(recorded.data)]
    stream = StreamParser()
    stream.feed(recorded.data)
    return list(stream.messages())


def test_every_sound_message_comes_back_byte_for_byte() -> None:
    count = 0
    for recorded in SOUND:
        parsed = messages_of(recorded)
        assert [one.faults for one in parsed] == [()] * len(parsed)
        assert b"".join(bytes(one.message) for one in parsed) == recorded.data.removesuffix(KEEP_ALIVE) + (
            KEEP_ALIVE if parsed and recorded.data.endswith(KEEP_ALIVE) else b""
        )
        count += len(parsed)
    assert count == 1295


def test_two_requests_of_one_segment_are_two() -> None:
    [pair] = [parsed for parsed in map(messages_of, SOUND) if len(parsed) == 2]
    methods = [one.message.method for one in pair if isinstance(one.message, Request)]
    assert methods == ["OPTIONS", "OPTIONS"]


def of_udp(defect: str) -> Recorded:
    return DEFECTS[f"udp {defect}"]


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
@pytest.mark.parametrize("defect", FAULTS)
def test_every_deliberate_defect_is_named(method: str, defect: str) -> None:
    parsed = parse(of_udp(f"{method} {defect}").data)
    names = [" ".join(filter(None, (fault.header, fault.kind))) for fault in parsed.faults]
    also = [WITH_A_BODY[defect]] if method == "INVITE" and defect in WITH_A_BODY else []
    assert sorted(names) == sorted(FAULTS[defect] + also)
    if not names:
        assert bytes(parsed.message) == of_udp(f"{method} {defect}").data


def test_a_body_that_is_too_short_or_too_long_is_named() -> None:
    [short] = parse(of_udp("OPTIONS Content-Length too small").data).faults
    [long] = parse(of_udp("INVITE Content-Length too small").data).faults
    assert (short.kind, long.kind) == (FaultKind.BODY_TRUNCATED, FaultKind.EXTRA_OCTETS)


@pytest.mark.parametrize(
    ("defect", "reason"),
    [
        ("random bytes", Unframed.NOT_SIP), ("empty datagram", Unframed.EMPTY), ("4 zero bytes", Unframed.NOT_SIP),
        ("CRLF CRLF", Unframed.EMPTY), ("http", Unframed.NOT_SIP),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(defect: str, reason: Unframed) -> None:
    with pytest.raises(FramingError) as refused:
        parse(of_udp(defect).data)
    assert refused.value.reason is reason


def test_no_defect_is_left_out() -> None:
    defects = {key.removeprefix("udp ") for key in DEFECTS if key.startswith("udp ")}
    named = {
        f"{method} {defect}" for method in ("OPTIONS", "INVITE") for defect in [*FAULTS, "Content-Length too small"]
    }
    assert defects - named == {
        "random bytes", "empty datagram", "4 zero bytes", "CRLF CRLF", "http", "response nobody asked for"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("defect", "reason"),
    [("random bytes", Unframed.NOT_SIP), ("http", Unframed.NOT_SIP), ("OPTIONS 70 KB header", Unframed.TOO_LARGE)],
)
def test_a_stream_of_something_else_is_refused(defect: str, reason: Unframed) -> None:
    with pytest.raises(FramingError) as refused:
        messages_of(DEFECTS[f"tcp {defect}"])
    assert refused.value.reason is reason
