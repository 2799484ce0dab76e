"""Where a message begins and ends: datagrams, streams in any pieces, and their limits."""

import pytest

from sipctl.sip.errors import Fault, FaultKind, FramingError, Unframed
from sipctl.sip.message import Request, Response
from sipctl.sip.parser import MAX_BODY, MAX_HEAD, StreamParser, parse
from tests.support.sip_recorded import ODD, recorded_messages

OPTIONS = (
    b"OPTIONS sip:probe@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@192.0.2.7>;tag=1\r\nTo: <sip:probe@192.0.2.1>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n"
)
EMPTY = OPTIONS + b"Content-Length: 0\r\n\r\n"


def stream_of(*pieces: bytes) -> StreamParser:
    stream = StreamParser()
    for piece in pieces:
        stream.feed(piece)
    return stream


def refusal(stream: StreamParser) -> Unframed:
    with pytest.raises(FramingError) as refused:
        list(stream.messages())
    return refused.value.reason


def test_a_stream_gives_the_same_messages_in_pieces_of_any_size() -> None:
    sent = [one.data for one in recorded_messages() if one.scenario not in ODD and one.transport == "tcp"]
    sent = [data for data in sent if data.strip()]
    whole = b"\r\n\r\n".join(sent)
    for size in (1, 2, 3, 7, 100, len(whole)):
        stream, read = StreamParser(), []
        for at in range(0, len(whole), size):
            stream.feed(whole[at : at + size])
            read += [bytes(parsed.message) for parsed in stream.messages()]
        assert b"".join(read) == b"".join(sent)
        assert not stream.end()


def test_a_stream_waits_for_the_body() -> None:
    stream = stream_of(OPTIONS + b"l: 5\r\n\r\n", b"ab")
    assert list(stream.messages()) == []
    assert stream.end()
    stream.feed(b"cde" + EMPTY)
    first, second = stream.messages()
    assert (first.message.body, second.message.body) == (b"abcde", b"")


def test_keep_alives_are_no_message() -> None:
    stream = stream_of(b"\r\n\r\n", b"\r", b"\n", EMPTY, b"\r\n\r\n")
    assert len(list(stream.messages())) == 1
    assert not stream.end()


def test_a_stream_without_content_length_has_no_body_and_a_fault() -> None:
    [parsed] = stream_of(OPTIONS + b"\r\n").messages()
    assert parsed.faults == (Fault(FaultKind.MISSING, "Content-Length"),)


@pytest.mark.parametrize("length", [b"x", b"-1", b"", b"1\r\nContent-Length: 2"])
def test_a_stream_whose_body_has_no_length_is_given_up(length: bytes) -> None:
    assert refusal(stream_of(OPTIONS + b"Content-Length: " + length + b"\r\n\r\n")) is Unframed.BODY_LENGTH


def test_other_protocols_are_refused_at_their_first_line() -> None:
    assert refusal(stream_of(b"HTTP/1.1 400 Bad Request\r\n")) is Unframed.NOT_SIP
    assert refusal(stream_of(b"220 mail.exa", b"mple ESMTP\n")) is Unframed.NOT_SIP
    assert refusal(stream_of(EMPTY, b"SSH-2.0-OpenSSH\r\n")) is Unframed.NOT_SIP


def test_a_stream_may_end_within_a_message_or_within_something_else() -> None:
    half = stream_of(OPTIONS)
    assert list(half.messages()) == []
    assert half.end()
    alert = stream_of(b"\x15\x03\x01\x00\x02\x02\x46")
    assert list(alert.messages()) == []
    with pytest.raises(FramingError):
        alert.end()


def test_a_peer_cannot_make_a_stream_grow() -> None:
    assert refusal(stream_of(b"x" * (MAX_HEAD + 1))) is Unframed.TOO_LARGE
    assert refusal(stream_of(OPTIONS, b"a: b\r\n" * (MAX_HEAD // 6))) is Unframed.TOO_LARGE
    assert refusal(stream_of(OPTIONS + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1))) is Unframed.TOO_LARGE
    assert refusal(stream_of(OPTIONS + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")) is Unframed.BODY_LENGTH


def test_a_datagram_is_limited_too() -> None:
    with pytest.raises(FramingError) as refused:
        parse(OPTIONS + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n")
    assert refused.value.reason is Unframed.TOO_LARGE


def test_bytes_around_a_message_are_ignored_and_named() -> None:
    assert parse(b"\r\n" + EMPTY).faults == (Fault(FaultKind.EXTRA_OCTETS),)
    after = parse(EMPTY + b"junk")
    assert after.faults == (Fault(FaultKind.EXTRA_OCTETS, "Content-Length", "0"),)
    assert bytes(after.message) == EMPTY


def test_a_datagram_without_content_length_is_body_to_its_end() -> None:
    parsed = parse(OPTIONS + b"\r\nabc")
    assert (parsed.message.body, parsed.faults) == (b"abc", ())


@pytest.mark.parametrize(
    "data",
    [EMPTY.replace(b"\r\n", b"\n"), EMPTY.removesuffix(b"\r\n\r\n") + b"\n\r\n", EMPTY.removesuffix(b"\r\n") + b"\n"],
)
def test_line_ends_without_carriage_return_are_read_and_named(data: bytes) -> None:
    assert parse(data).faults == (Fault(FaultKind.LINE_END),)
    [streamed] = stream_of(data).messages()
    assert streamed.faults == (Fault(FaultKind.LINE_END),)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"OPTIONS  sip:a@b SIP/2.0", FaultKind.START_LINE_SPACES),
        (b"OPTIONS sip:a@b SIP/2.0 ", FaultKind.START_LINE_SPACES),
        (b"OPT(ONS sip:a@b SIP/2.0", FaultKind.METHOD),
        (b"OPTIONS SIP/2.0", FaultKind.REQUEST_URI),
        (b"OPTIONS sip:a@b SIP/2.1", FaultKind.VERSION),
        (b"SIP/2.0 200", FaultKind.START_LINE_SPACES),
        (b"SIP/2.0 099 x", FaultKind.STATUS_CODE),
        (b"SIP/2.0 700 x", FaultKind.STATUS_CODE),
        (b"SIP/2.0 2000 x", FaultKind.STATUS_CODE),
        (b"SIP/2.0 " + b"9" * 10000 + b" x", FaultKind.STATUS_CODE),
    ],
)
def test_faults_of_a_start_line_are_named(line: bytes, kind: FaultKind) -> None:
    rest = EMPTY.partition(b"\r\n")[2]
    assert kind in [fault.kind for fault in parse(line + b"\r\n" + rest).faults]


@pytest.mark.parametrize(
    "line",
    [b"OPTIONS sip:a@b", b"OPTIONS sip:a@b HTTP/1.1", b"SIP/2.0", b"SIP/2.0 abc OK", b"SIP/x 200 OK", b" a SIP/2.0",
     "SIP/2.0 \uff12\uff10\uff10 OK".encode(), "INVITE sip:a@b SIP/\uff12.0".encode()],
)  # fmt: skip
def test_what_starts_otherwise_is_no_sip(line: bytes) -> None:
    with pytest.raises(FramingError) as refused:
        parse(line + b"\r\n" + EMPTY.partition(b"\r\n")[2])
    assert refused.value.reason is Unframed.NOT_SIP


def test_a_version_in_any_case_is_the_version() -> None:
    parsed = parse(EMPTY.replace(b"SIP/2.0\r\nVia", b"sip/2.0\r\nVia"))
    assert parsed.faults == ()
    assert isinstance(parsed.message, Request)
    assert isinstance(parse(EMPTY.replace(b"OPTIONS sip:probe@192.0.2.1 SIP/2.0", b"sip/2.0 200 OK")).message, Response)


@pytest.mark.parametrize("line", [b" folds nothing", b"no colon", b": no name", b"spa ce: x", "tüv: x".encode()])
def test_lines_that_are_no_headers_are_kept_and_named(line: bytes) -> None:
    data = EMPTY.replace(b"Via:", line + b"\r\nVia:", 1)
    parsed = parse(data)
    assert [fault.kind for fault in parsed.faults] == [FaultKind.NOT_A_HEADER]
    assert bytes(parsed.message) == data


def test_control_characters_are_named_unless_escaped() -> None:
    plain = parse(OPTIONS + b"Subject: a\0b\r\n\r\n")
    assert [fault.kind for fault in plain.faults] == [FaultKind.CONTROL_CHARACTER]
    assert parse(OPTIONS + b'Subject: "a\\\0b"\r\n\r\n').faults == ()
    assert [fault.kind for fault in parse(OPTIONS + b"Subject: a\rb\r\n\r\n").faults] == [FaultKind.CONTROL_CHARACTER]


def test_the_list_of_faults_is_limited() -> None:
    assert len(parse(OPTIONS + b"no colon\r\n" * 1000 + b"\r\n").faults) == 50
    assert len(parse(OPTIONS + b"Contact: ;\r\n" * 1000 + b"\r\n").faults) == 50


def test_faults_never_show_credentials() -> None:
    [fault] = parse(OPTIONS + b"Authorization: Digest response=\r\n\r\n").faults
    assert fault == Fault(FaultKind.MALFORMED, "Authorization")


def test_a_fault_says_where_and_what() -> None:
    [missing, malformed] = parse(OPTIONS.replace(b"To", b"X") + b'Contact: "\r\n\r\n').faults
    assert (str(missing), str(malformed)) == ("To missing", 'Contact malformed: "')
    assert str(Fault(FaultKind.VERSION, "", "SIP/3.0")) == "version: SIP/3.0"
