"""The requests of a conversation, before and after an answer."""

from dataclasses import replace

import pytest

from sipctl.sip.dialog import Dialog
from sipctl.sip.errors import BuildError
from sipctl.sip.message import Response, build_response
from sipctl.sip.parser import parse
from tests.support.sip_recorded import recorded_messages

CALL = Dialog(
    target="sip:+33199000001@192.0.2.1", local="<sip:probe@192.0.2.7>;tag=1", remote="<sip:+33199000001@192.0.2.1>",
    call_id="c1", transport="TCP", sent_by="192.0.2.7:5062", contact="sip:192.0.2.7:5062;transport=tcp",
)  # fmt: skip


def test_a_request_is_well_formed_and_says_where_to_answer() -> None:
    request = CALL.request("INVITE", number=1, branch="z9hG4bK1", more=(("Proxy-Authorization", 'Digest nonce="n"'),))
    assert bytes(request).decode().split("\r\n") == [
        "INVITE sip:+33199000001@192.0.2.1 SIP/2.0",
        "Via: SIP/2.0/TCP 192.0.2.7:5062;branch=z9hG4bK1;rport",
        "Max-Forwards: 70",
        "From: <sip:probe@192.0.2.7>;tag=1",
        "To: <sip:+33199000001@192.0.2.1>",
        "Call-ID: c1",
        "CSeq: 1 INVITE",
        "Contact: <sip:192.0.2.7:5062;transport=tcp>",
        'Proxy-Authorization: Digest nonce="n"',
        "Content-Length: 0",
        "",
        "",
    ]
    assert parse(bytes(request)).faults == ()


def test_an_answer_brings_tag_target_and_route() -> None:
    invite = CALL.request("INVITE", number=1, branch="z9hG4bK1")
    recorded = [("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"), ("Record-Route", "<sip:p0;lr>")]
    answer = build_response(invite, 200, "OK", [*recorded, ("Contact", "<sip:192.0.2.99:5060>")], to_tag="t")
    bye = CALL.confirmed_by(answer).request("BYE", number=2, branch="z9hG4bK2")
    assert bye.uri == "sip:192.0.2.99:5060"
    assert bye.headers.first("To") == "<sip:+33199000001@192.0.2.1>;tag=t"
    assert bye.headers.all("Route") == ["<sip:p0;lr>", "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]


def test_an_answer_without_contact_leaves_the_target() -> None:
    answer = build_response(CALL.request("INVITE", number=1, branch="z9hG4bK1"), 200, "OK", to_tag="t")
    assert CALL.confirmed_by(answer).target == CALL.target


def test_livekits_own_answer_is_acknowledged_where_its_caller_did() -> None:
    call = [parse(one.data).message for one in recorded_messages() if one.scenario == "digest-right"]
    [answer] = [one for one in call if isinstance(one, Response) and one.code == 200 and one.cseq == (2, "INVITE")]
    [sent] = [one for one in call if one.start_line.startswith("ACK") and one.cseq == (2, "ACK")]
    ack = CALL.confirmed_by(answer).request("ACK", number=2, branch="z9hG4bK2")
    assert ack.start_line == sent.start_line
    assert ack.headers.first("To") == sent.headers.first("To")


def test_a_contact_is_sent_only_where_there_is_one() -> None:
    assert not replace(CALL, contact="").request("OPTIONS", number=1, branch="z9hG4bK1").headers.has("Contact")


def test_nothing_that_breaks_a_line_gets_into_a_request() -> None:
    with pytest.raises(BuildError):
        CALL.request("INVITE", number=1, branch="z9hG4bK1\r\nX: y")
