"""URIs read, and compared by the examples of RFC 3261 19.1.4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.sip.errors import MalformedError
from sipctl.sip.uri import parse_uri, same_uri


def test_every_part_of_a_sip_uri_is_read() -> None:
    uri = parse_uri("SIP:alice:s%20cret@Example.COM:5070;transport=TCP;lr;%6Daddr=192.0.2.1?subject=a%20b&x=")
    assert (uri.scheme, uri.user, uri.host, uri.port) == ("sip", "alice:s%20cret", "Example.COM", 5070)
    assert uri.params == {"transport": "TCP", "lr": None, "maddr": "192.0.2.1"}
    assert uri.headers == "subject=a%20b&x="
    assert str(uri) == uri.text


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:192.0.2.1", "", "192.0.2.1", None),
        ("sips:+33199000001@[2001:db8::1]:5061", "+33199000001", "2001:db8::1", 5061),
        ("sip:a;b=c@h", "a;b=c", "h", None),
        ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "example.com", None),
        ("sip:*21#@pbx_1.local.:0", "*21#", "pbx_1.local.", 0),
        ("sip:h:5060;transport=udp", "", "h", 5060),
        ("tel:+33-1-99.00(00)01;phone-context=x", "+33-1-99.00(00)01", "", None),
        ("urn:service:sos", "", "", None),
        ("soap.beep://192.0.2.103:3002", "", "", None),
    ],
)
def test_uris_in_use_are_read(text: str, user: str, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "text",
    [
        "", ":::", "sip:", "sip:@h", "sip:a@", "sip:a b@h", " sip:a@h", "sip:a@h ", "sip:a@h;", "sip:a@h;;x",
        "sip:a@h:", "sip:a@h:65536", "sip:a@h:x", "sip:a@b@c", "sip:a%4@h", "sip:a@[::1", "sip:a@[::1%25eth0]",
        "sip:a@[1.2.3.4]", "sip:a@[::::]", "sip:a@2001:db8::1", "sip:a@h..h", "sip:a@.h", "sip:a@h;x=1;X=2",
        "<sip:a@h>", "sip:\u00e9@h", "sip:a@h\0", "tel:", "tel:abc!", "tel:+1;=", "nonsense",
    ],
)  # fmt: skip
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_uri(text)


def test_escapes_are_resolved_for_reading_alone() -> None:
    uri = parse_uri("sip:%75se%72%FF@h")
    assert uri.user == "%75se%72%FF"
    assert uri.plain_user == "user\udcff"


EQUAL = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    ("sip:alice@atlanta.com?subject=a%20b&priority=urgent", "sip:alice@atlanta.com?priority=urgent&Subject=a%20b"),
    ("sip:a@[2001:DB8:0::1]", "sip:a@[2001:db8::1]"),
    ("sip:a%2fb@h.", "sip:a%2Fb@H"),
    ("tel:+33-1-99.00", "tel:+33(1)9900"),
    ("tel:123;phone-context=Example.org", "tel:1-23;phone-context=example.ORG"),
    ("urn:service:sos", "URN:service:sos"),
]  # fmt: skip
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@h", "sips:a@h"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a@h?x=1", "sip:a@h?x=1&x=1"),
    ("tel:+331", "tel:331"),
    ("tel:1;phone-context=a", "tel:1;phone-context=b"),
    ("urn:service:sos", "urn:service:SOS"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_uris_are_equal_both_ways(one: str, other: str) -> None:
    assert same_uri(parse_uri(one), parse_uri(other))
    assert same_uri(parse_uri(other), parse_uri(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_uris_are_different_both_ways(one: str, other: str) -> None:
    assert not same_uri(parse_uri(one), parse_uri(other))
    assert not same_uri(parse_uri(other), parse_uri(one))


@given(st.text(st.sampled_from("ab%4 1:@;=?&[]<>.,sipteltransport-+#"), max_size=30))
def test_any_text_is_a_uri_that_equals_itself_or_is_refused(text: str) -> None:
    for candidate in (text, f"sip:{text}", f"tel:{text}"):
        try:
            uri = parse_uri(candidate)
        except MalformedError:
            continue
        assert str(uri) == candidate
        assert same_uri(uri, parse_uri(candidate))
