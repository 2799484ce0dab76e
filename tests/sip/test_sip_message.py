"""Messages that we build: they are what the parser reads, and cannot break their own framing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.sip.errors import BuildError
from sipctl.sip.message import Header, Headers, Response, build_request, build_response
from sipctl.sip.parser import parse
from tests.support.sip_requests import options_request
from tests.support.sip_torture import torture_messages

TOKENS = st.text(st.sampled_from("abcXYZ019-.!%*_+`'~"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40).map(lambda text: text.strip(" \t"))
UNKNOWN = st.tuples(TOKENS.map(lambda name: f"X-{name}"), TEXTS)


@given(st.lists(UNKNOWN, max_size=8), st.binary(max_size=200))
def test_what_we_build_is_read_without_faults_and_equals_itself(more: list[tuple[str, str]], body: bytes) -> None:
    built = options_request(*more, body=body)
    parsed = parse(bytes(built))
    assert parsed.faults == ()
    assert parsed.message == built
    assert bytes(parsed.message) == bytes(built)


@given(
    st.lists(st.tuples(TOKENS, st.sampled_from([":", " :", ": ", "\t: \t", ":\r\n  ", ": \r\n\t"]), TEXTS), max_size=8),
    st.integers(100, 699),
    TEXTS,
)
def test_odd_but_valid_spacing_comes_back_byte_for_byte(
    lines: list[tuple[str, str, str]], code: int, reason: str
) -> None:
    own = bytes(build_response(options_request(), code, reason)).removesuffix(b"\r\n")
    odd = "".join(f"X{name}{colon}{value}\r\n" for name, colon, value in lines)
    data = own + odd.encode() + b"\r\n"
    parsed = parse(data)
    assert parsed.faults == ()
    assert bytes(parsed.message) == data


@pytest.mark.parametrize("name", torture_messages())
def test_reading_what_was_written_gives_the_same_message(name: str) -> None:
    message = parse(torture_messages()[name]).message
    if isinstance(message, Response) and not message.code:
        return
    assert parse(bytes(message)).message == message


def test_headers_are_found_by_every_spelling() -> None:
    headers = Headers.of([("v", "1"), ("VIA", "2"), ("Call-Id", "x"), ("X-Own", "")])
    assert headers.all("Via") == ["1", "2"]
    assert headers.first("i") == "x"
    assert headers.has("x-own")
    assert headers.first("x-own") == headers.first("absent") == ""
    assert len(headers) == 4
    assert list(headers.names()) == ["via", "call-id", "x-own"]


def test_a_header_keeps_the_text_it_came_in() -> None:
    data = bytes(options_request()).replace(b"To: ", b"t :\r\n  ")
    parsed = parse(data)
    assert Header("t", "<sip:b@192.0.2.1>", "t :\r\n  <sip:b@192.0.2.1>") in list(parsed.message.headers)
    assert bytes(parsed.message) == data


@pytest.mark.parametrize(
    ("name", "value"),
    [("X", "a\r\nVia: b"), ("X", "a\nb"), ("X", "a\rb"), ("X", "\0"), ("X: y", "z"), ("", "z"), ("X ", "z")],
)
def test_what_would_end_its_line_is_never_sent(name: str, value: str) -> None:
    with pytest.raises(BuildError):
        options_request((name, value))
    with pytest.raises(BuildError):
        options_request().adding([(name, value)])


@pytest.mark.parametrize(
    ("method", "uri"), [("OPT IONS", "sip:a"), ("", "sip:a"), ("OPTIONS", "sip:a b"), ("OPTIONS", "")]
)
def test_a_request_line_cannot_be_broken(method: str, uri: str) -> None:
    with pytest.raises(BuildError):
        build_request(method, uri, [])


def test_a_response_carries_what_must_be_copied() -> None:
    request = options_request(("Via", "SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKb"), ("Subject", "x"))
    response = build_response(request, 503, "Service Unavailable", [("Retry-After", "30")], to_tag="t")
    assert [header.text for header in response.headers] == [
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa;rport",
        'From: "Ivó" <sip:a@192.0.2.7>;tag=1',
        "To: <sip:b@192.0.2.1>;tag=t",
        "Call-ID: a@192.0.2.7",
        "CSeq: 1 OPTIONS",
        "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKb",
        "Retry-After: 30",
        "Content-Length: 0",
    ]
    assert response.is_final
    assert build_response(request, 100, "Trying").to == request.to
    with pytest.raises(BuildError):
        build_response(request, 200, "OK\r\nX: y")


def test_what_is_missing_or_malformed_is_none() -> None:
    message = parse(
        b"SIP/2.0 200 OK\r\nVia: garbage\r\nVia: SIP/2.0/UDP h;branch=b\r\nCSeq: x\r\nTo: ;\r\n\r\n"
    ).message
    assert (message.cseq, message.to, message.from_, message.call_id) == (None, None, None, "")
    assert message.via
    assert message.via.branch == "b"
    assert message.tokens("Allow") == []
