"""What single headers say, and what is no value of theirs."""

from collections.abc import Callable

import pytest

from sipctl.sip.errors import MalformedError, OutOfRangeError
from sipctl.sip.grammar import parse_params, quote, split_list, unquote
from sipctl.sip.headers import (
    parse_call_id,
    parse_contacts,
    parse_content_length,
    parse_cseq,
    parse_date,
    parse_max_forwards,
    parse_name_addr,
    parse_retry_after,
    parse_tokens,
    parse_vias,
)


def test_a_via_is_read_with_its_parameters() -> None:
    [via] = parse_vias("SIP/2.0/tcp [2001:db8::7]:5070;branch=z9hG4bKx;received=2001:db8::9;rport=40000;a")
    assert (via.transport, via.host, via.port, via.branch) == ("TCP", "2001:db8::7", 5070, "z9hG4bKx")
    assert via.params == {"branch": "z9hG4bKx", "received": "2001:db8::9", "rport": "40000", "a": None}


def test_a_branch_may_be_missing_or_empty() -> None:
    assert [via.branch for via in parse_vias("SIP/2.0/UDP h, SIP / 2.0 / UDP h : 1 ; branch")] == ["", ""]


def test_commas_in_quotes_and_brackets_separate_nothing() -> None:
    assert split_list('"a, \\", b" <sip:a,b@c>, d ,e') == ['"a, \\", b" <sip:a,b@c>', "d", "e"]
    first, second = parse_contacts('"Doe, Jane" <sip:j,d@example.com>;q=0.5, <sip:b@example.com>')
    assert (first.display, first.uri.user, first.params) == ("Doe, Jane", "j,d", {"q": "0.5"})
    assert second.uri.user == "b"
    assert parse_contacts("*") == []


def test_a_name_addr_is_read_in_each_of_its_forms() -> None:
    assert parse_name_addr("A. G. Bell <sip:a@b>;tag=x").display == "A. G. Bell"
    assert parse_name_addr("sip:a@b;tag=x==").tag == "x=="
    assert parse_name_addr("<sip:a@b;p>").tag == ""
    assert parse_name_addr("tel:+331;tag=1").uri.scheme == "tel"
    assert parse_name_addr('"" <sip:a@b>').display == ""


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_vias, ""),
        (parse_vias, "garbage"),
        (parse_vias, "SIP/2.0/UDP"),
        (parse_vias, "SIP/2.0/UDP h,"),
        (parse_vias, "SIP/2.0/UDP 2001:db8::1"),
        (parse_vias, "SIP/2.0/UDP [::g]"),
        (parse_vias, "SIP/2.0/UDP h:70000"),
        (parse_vias, 'SIP/2.0/UDP h;a="b'),
        (parse_vias, "SIP/2.0/UDP h;a=b;A=c"),
        (parse_name_addr, ""),
        (parse_name_addr, "<>"),
        (parse_name_addr, "<sip:a@b"),
        (parse_name_addr, '"a" sip:a@b'),
        (parse_name_addr, "<sip:a@b>x"),
        (parse_name_addr, "<sip:a@b>;tag="),
        (parse_name_addr, "a <sip:a@b>, b <sip:c@d>"),
        (parse_contacts, "<sip:a@b>,"),
        (parse_contacts, '"a, <sip:a@b>'),
        (parse_cseq, "INVITE 1"),
        (parse_cseq, "1"),
        (parse_cseq, "-1 INVITE"),
        (parse_cseq, "1 IN VITE"),
        (parse_call_id, ""),
        (parse_call_id, "a b"),
        (parse_max_forwards, "+5"),
        (parse_max_forwards, "\u0665"),
        (parse_content_length, "1 0"),
        (parse_retry_after, "soon"),
        (parse_retry_after, "5 (busy"),
        (parse_date, "Fri, 01 Jan 2010 16:00:00 EST"),
        (parse_tokens, "a b"),
    ],
)
def test_other_text_is_no_value(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(MalformedError):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_cseq, "2147483648 INVITE"),
        (parse_cseq, "9" * 5000 + " INVITE"),
        (parse_max_forwards, "256"),
        (parse_content_length, "9" * 5000),
        (parse_retry_after, "2147483648"),
    ],
)
def test_a_number_too_large_is_distinguished_from_no_number(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(OutOfRangeError):
        parse(text)


def test_numbers_may_have_leading_zeros() -> None:
    assert parse_cseq("0009 INVITE") == (9, "INVITE")
    assert parse_max_forwards("0" * 5000 + "70") == 70


def test_retry_after_may_have_a_comment_and_parameters() -> None:
    assert parse_retry_after("18000;duration=3600") == 18000
    assert parse_retry_after("120 (I'm in a meeting)") == 120


def test_a_list_of_tokens_may_be_empty() -> None:
    assert parse_tokens("") == []
    assert parse_tokens("INVITE, ACK ,BYE") == ["INVITE", "ACK", "BYE"]


def test_parameters_are_found_by_any_case_and_unquoted() -> None:
    assert parse_params(' ; A = "x \\" y";b ') == {"a": 'x " y', "b": None}


def test_quoting_and_unquoting_are_inverse() -> None:
    for text in ("", "a", 'a"b', "a\\b", '\\"'):
        assert unquote(quote(text)) == text
