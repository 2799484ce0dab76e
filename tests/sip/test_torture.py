"""RFC 4475: what it demands of each of its 49 messages, beside what the parser makes of it."""

from dataclasses import dataclass

import pytest

from sipctl.sip.digest import parse_challenges
from sipctl.sip.errors import FaultKind
from sipctl.sip.headers import parse_max_forwards, parse_name_addr
from sipctl.sip.message import Message, Request, Response
from sipctl.sip.parser import parse
from sipctl.sip.uri import parse_uri
from tests.support.sip_torture import torture_messages

MESSAGES = torture_messages()

VALID = "is valid"
DISCARD = "is discarded"
"""What becomes of a response that no client may believe."""


@dataclass(frozen=True)
class Demand:
    """`outcome` is VALID, DISCARD or the code of the answer; `faults` are ours, "kind" or "Header kind"."""

    section: str
    title: str
    outcome: str | int
    faults: tuple[str, ...] = ()


TABLE = {
    "wsinv": Demand("3.1.1.1", "a short tortuous INVITE", VALID),
    "intmeth": Demand("3.1.1.2", "wide range of valid characters", VALID),
    "esc01": Demand("3.1.1.3", "valid use of the % escaping mechanism", VALID),
    "escnull": Demand("3.1.1.4", "escaped nulls in URIs", VALID),
    "esc02": Demand("3.1.1.5", "use of % when it is not an escape", VALID),
    "lwsdisp": Demand("3.1.1.6", "no white space between display name and <", VALID),
    "longreq": Demand("3.1.1.7", "long values in header fields", VALID, ("Via no-branch",)),
    "dblreq": Demand("3.1.1.8", "extra trailing octets in a datagram", VALID, ("Content-Length extra-octets",)),
    "semiuri": Demand("3.1.1.9", "semicolon-separated parameters in the URI's user", VALID),
    "transports": Demand("3.1.1.10", "varied and unknown transport types", VALID),
    "mpart01": Demand("3.1.1.11", "multipart MIME message", VALID),
    "unreason": Demand("3.1.1.12", "unusual reason phrase", VALID),
    "noreason": Demand("3.1.1.13", "empty reason phrase", VALID),
    "badinv01": Demand("3.1.2.1", "extraneous separators", 400, ("Via malformed", "Contact malformed")),
    "clerr": Demand("3.1.2.2", "Content-Length larger than the message", 400, ("Content-Length body-truncated",)),
    "ncl": Demand("3.1.2.3", "negative Content-Length", 400, ("Content-Length malformed",)),
    "scalar02": Demand(
        "3.1.2.4", "overlarge scalars in a request", 400, ("CSeq out-of-range", "Max-Forwards out-of-range")
    ),
    "scalarlg": Demand(
        "3.1.2.5", "overlarge scalars in a response", DISCARD, ("CSeq out-of-range", "Retry-After out-of-range")
    ),
    "quotbal": Demand("3.1.2.6", "unterminated quoted string", 400, ("To malformed",)),
    "ltgtruri": Demand("3.1.2.7", "<> around the Request-URI", 400, ("request-uri", "Via no-branch")),
    "lwsruri": Demand("3.1.2.8", "white space in the Request-URI", 400, ("request-uri",)),
    "lwsstart": Demand("3.1.2.9", "several spaces in the Request-Line", 400, ("start-line-spaces",)),
    "trws": Demand("3.1.2.10", "spaces at the end of the Request-Line", 400, ("start-line-spaces",)),
    "escruri": Demand("3.1.2.11", "headers in the Request-URI", 400, ("request-uri",)),
    "baddate": Demand("3.1.2.12", "time zone other than GMT", 400, ("Date malformed",)),
    "regbadct": Demand("3.1.2.13", "no <> where the URI has headers", 400, ("Contact malformed",)),
    "badaspec": Demand("3.1.2.14", "spaces within an addr-spec", 400, ("To malformed",)),
    "baddn": Demand("3.1.2.15", "display names that are no tokens", 400, ("From malformed", "To malformed")),
    "badvers": Demand("3.1.2.16", "unknown protocol version", 505, ("version",)),
    "mismatch01": Demand("3.1.2.17", "methods of start line and CSeq differ", 400, ("CSeq cseq-method",)),
    "mismatch02": Demand("3.1.2.18", "the same, with an unknown method", 400, ("CSeq cseq-method",)),
    "bigcode": Demand("3.1.2.19", "overlarge response code", DISCARD, ("status-code",)),
    "badbranch": Demand("3.2.1", "nothing behind the magic cookie", 400, ("Via empty-branch",)),
    "insuf": Demand(
        "3.3.1", "required headers missing", 400,
        ("From missing", "To missing", "Call-ID missing", "Max-Forwards missing"),
    ),
    "unkscm": Demand("3.3.2", "unknown scheme in the Request-URI", 416),
    "novelsc": Demand("3.3.3", "known but atypical scheme in the Request-URI", 416),
    "unksm2": Demand("3.3.4", "unknown schemes in headers", VALID),
    "bext01": Demand("3.3.5", "Require and Proxy-Require", 420),
    "invut": Demand("3.3.6", "unknown Content-Type", 415),
    "regaut01": Demand("3.3.7", "unknown authorization scheme", 401),
    "multi01": Demand(
        "3.3.8", "several values where one is allowed", 400,
        ("From repeated", "To repeated", "Call-ID repeated", "CSeq repeated", "Max-Forwards repeated"),
    ),
    "mcl01": Demand("3.3.9", "several Content-Lengths", 400, ("Content-Length repeated",)),
    "bcast": Demand("3.3.10", "200 whose second Via is a broadcast address", DISCARD),
    "zeromf": Demand("3.3.11", "Max-Forwards of zero", 483),
    "cparam01": Demand("3.3.12", "REGISTER with an unknown Contact parameter", VALID),
    "cparam02": Demand("3.3.13", "REGISTER with an unknown URI parameter", VALID),
    "regescrt": Demand("3.3.14", "REGISTER with headers in the Contact URI", VALID),
    "sdp01": Demand("3.3.15", "Accept without SDP", 406),
    "inv2543": Demand(
        "3.4.1", "INVITE as RFC 2543 knew it", VALID, ("Max-Forwards missing", "Via no-branch", "From no-tag")
    ),
}  # fmt: skip

OLD = {"Max-Forwards missing", "Via no-branch", "From no-tag"}
"""What an element that still talks to RFC 2543 accepts (3.4.1)."""
IGNORED = {FaultKind.EXTRA_OCTETS}


def outcome_of(message: Message, faults: list[str]) -> str | int:
    """What an element that follows RFC 4475 to the letter does, by nothing but what the parser and we read."""
    if isinstance(message, Response):
        return VALID if message.code and message.cseq and len(message.vias) == 1 else DISCARD
    assert isinstance(message, Request)
    if "version" in faults:
        return 505
    refused = [fault for fault in faults if fault.split()[-1] not in IGNORED and fault not in OLD]
    return 400 if refused else refusal_of(message) or VALID


def refusal_of(request: Request) -> int:
    """The code with which a well-formed request is refused by a phone that knows SDP and no extensions; 0 = none."""
    max_forwards = next(request.read("Max-Forwards", parse_max_forwards), 70)
    accept = request.headers.all("Accept")
    credentials = next(request.read("Authorization", parse_challenges), [])
    is_invite = request.method == "INVITE"
    reasons = {
        483: max_forwards == 0,
        416: parse_uri(request.uri).scheme not in {"sip", "sips", "tel"},
        420: bool(request.tokens("Require")),
        401: bool(credentials) and not any(one.scheme == "digest" for one in credentials),
        415: is_invite and request.headers.first("Content-Type") != "application/sdp",
        406: is_invite and bool(accept) and "application/sdp" not in accept,
    }
    return next((code for code, holds in reasons.items() if holds), 0)


def test_all_49_are_here() -> None:
    assert list(MESSAGES) == list(TABLE)
    assert len(MESSAGES) == 49


@pytest.mark.parametrize("name", TABLE)
def test_each_is_judged_as_the_rfc_demands(name: str) -> None:
    parsed = parse(MESSAGES[name])
    faults = [" ".join(filter(None, (fault.header, fault.kind))) for fault in parsed.faults]
    assert sorted(faults) == sorted(TABLE[name].faults)
    assert outcome_of(parsed.message, faults) == TABLE[name].outcome
    if not faults:
        assert bytes(parsed.message) == MESSAGES[name]


def request(name: str) -> Request:
    message = parse(MESSAGES[name]).message
    assert isinstance(message, Request)
    return message


def test_a_short_tortuous_invite_is_read_whole() -> None:
    wsinv = request("wsinv")
    assert wsinv.cseq == (9, "INVITE")
    assert wsinv.from_
    assert wsinv.from_.display == 'J Rosenberg \\"'
    assert wsinv.from_.tag == "98asjd8"
    assert wsinv.to
    assert wsinv.to.tag == "1918181833n"
    assert [(via.transport, via.host, via.branch) for via in wsinv.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert wsinv.headers.first("NewFangledHeader") == "newfangled value continued newfangled value"
    assert wsinv.headers.has("Subject")
    assert len(wsinv.body) == 150


def test_wide_characters_are_what_they_are() -> None:
    intmeth = request("intmeth")
    assert intmeth.to
    assert intmeth.to.display == "BEL:\x07 NUL:\0 DEL:\x7f"
    assert intmeth.from_
    assert intmeth.from_.display == "token1~` token2'+_ token3*%!.-"
    assert intmeth.from_.params["fromparam''~+*_!.-%"] == "работающий"
    assert intmeth.headers.first("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_escapes_are_escapes_in_uris_alone() -> None:
    esc01, esc02, escnull = request("esc01"), request("esc02"), request("escnull")
    assert parse_uri(esc01.uri).plain_user == "sips:user@example.com"
    assert esc01.to
    assert esc01.to.uri.plain_user == "user"
    contact = parse_uri("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31")
    assert contact.params == {"lr": None, "name": "value%41"}
    assert esc02.method == "RE%47IST%45R"
    assert len(esc02.headers.all("Contact")) == 2
    assert esc02.headers.has("C%6Fntact")
    assert escnull.to
    assert escnull.to.uri.plain_user == "null-\0-null"


def test_only_the_first_message_of_a_datagram_counts() -> None:
    dblreq = request("dblreq")
    assert dblreq.method == "REGISTER"
    assert dblreq.body == b""


def test_a_parameter_without_angle_brackets_belongs_to_the_header() -> None:
    [outside] = request("cparam01").read("Contact", parse_name_addr)
    [inside] = request("cparam02").read("Contact", parse_name_addr)
    assert (list(outside.params), list(outside.uri.params)) == (["unknownparam"], [])
    assert (list(inside.params), list(inside.uri.params)) == ([], ["unknownparam"])
