"""Values of the headers that decide something (RFC 3261 20). Each parser takes one unfolded value, linearly."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from sipctl.sip.errors import MalformedError
from sipctl.sip.grammar import (
    HOST,
    QUOTED,
    TOKEN,
    WSP,
    Params,
    is_token,
    parse_host,
    parse_number,
    parse_params,
    split_list,
    unquote,
)
from sipctl.sip.uri import Uri, parse_uri

MAGIC_COOKIE: Final = "z9hG4bK"
"""What the branch of every transaction of RFC 3261 starts with (8.1.1.7)."""

_COMPACT: Final = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires",
}  # fmt: skip
"""Compact forms (the IANA registry of SIP header fields)."""

_CSEQ = re.compile(rf"([0-9]++)[ \t]++({TOKEN})")
_CALL_ID = re.compile(r"[!-~]++")
_SLASH: Final = r"[ \t]*+/[ \t]*+"
_VIA = re.compile(rf"({TOKEN}){_SLASH}({TOKEN}){_SLASH}({TOKEN})[ \t]++({HOST})(?:[ \t]*+:[ \t]*+([0-9]++))?+")
_NAME_ADDR = re.compile(rf"(?:({QUOTED})[ \t]*+|((?:{TOKEN}[ \t]*+)*+))<([^<>]*+)>", re.DOTALL)
_ADDR_SPEC = re.compile(r'[^ \t<>",;?]++')
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)
_RETRY_AFTER = re.compile(r"([0-9]++)[ \t]*+(?:\([^()]*+\)[ \t]*+)?+")


@lru_cache(maxsize=512)
def field_key(name: str) -> str:
    """The one name under which every spelling of a header is found: full and in lower case (7.3.1, 7.3.3)."""
    key = name.lower() if name.isascii() else name
    return _COMPACT.get(key, key)


class CSeq(NamedTuple):
    """The sequence number of a request within its dialog, and its method (20.16)."""

    number: int
    method: str


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A display name ("" = none), a URI and the header's own parameters (20.10)."""

    display: str
    uri: Uri
    params: Params = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The tag, "" without one."""
        return self.params.get("tag") or ""


@dataclass(frozen=True, slots=True)
class Via:
    """One hop: over which transport, in upper case, who sent it and awaits the response there (20.42)."""

    transport: str
    host: str
    port: int | None
    params: Params = field(default_factory=dict)

    @property
    def branch(self) -> str:
        """What names the transaction, "" without one."""
        return self.params.get("branch") or ""


def parse_cseq(text: str) -> CSeq:
    """Read CSeq; its number is below 2**31 (8.1.1.5)."""
    found = _CSEQ.fullmatch(text)
    if not found:
        raise MalformedError("no CSeq")
    return CSeq(parse_number(found[1], below=2**31), found[2])


def parse_call_id(text: str) -> str:
    """Check Call-ID. The grammar's `word` leaves some visible characters out that are seen in the field."""
    if not _CALL_ID.fullmatch(text):
        raise MalformedError("no Call-ID")
    return text


def parse_max_forwards(text: str) -> int:
    """Read Max-Forwards: 0 to 255 (20.22)."""
    return parse_number(text, below=256)


def parse_content_length(text: str) -> int:
    """Read Content-Length: octets of the body."""
    return parse_number(text, below=2**31)


def parse_retry_after(text: str) -> int:
    """Read Retry-After: seconds until the peer wants to be asked again, at most 2**31 (20.33)."""
    found = _RETRY_AFTER.match(text)
    if not found:
        raise MalformedError("no Retry-After")
    parse_params(text, found.end())
    return parse_number(found[1], below=2**31)


def parse_date(text: str) -> str:
    """Check Date: RFC 1123's form, in GMT alone (20.17)."""
    if not _DATE.fullmatch(text):
        raise MalformedError("no date in GMT")
    return text


def parse_vias(text: str) -> list[Via]:
    """Read one Via header, the topmost hop first."""
    return [_parse_via(value) for value in split_list(text)]


def _parse_via(text: str) -> Via:
    found = _VIA.match(text)
    if not found:
        raise MalformedError("no Via")
    port = parse_number(found[5], below=65536) if found[5] else None
    return Via(found[3].upper(), parse_host(found[4]), port, parse_params(text, found.end()))


def parse_name_addr(text: str) -> NameAddr:
    """Read the single value of From or To.

    Without angle brackets what follows a semicolon belongs to the header, and the URI may hold neither comma nor
    question mark (20).
    """
    text = text.strip(WSP)
    found = _NAME_ADDR.match(text)
    if found:
        display = unquote(found[1]) if found[1] else found[2].strip(WSP)
        return NameAddr(display, parse_uri(found[3]), parse_params(text, found.end()))
    bare = _ADDR_SPEC.match(text)
    if not bare:
        raise MalformedError("no address")
    return NameAddr("", parse_uri(bare[0]), parse_params(text, bare.end()))


def parse_name_addrs(text: str) -> list[NameAddr]:
    """Read one Route or Record-Route."""
    return [parse_name_addr(value) for value in split_list(text)]


def parse_contacts(text: str) -> list[NameAddr]:
    """Read one Contact; "*" names no address (10.2.2)."""
    return [] if text == "*" else parse_name_addrs(text)


def parse_tokens(text: str) -> list[str]:
    """Read a list of tokens that may be empty: Allow, Supported, Require, Unsupported."""
    tokens = [token for token in split_list(text) if token]
    if not all(map(is_token, tokens)):
        raise MalformedError("no list of tokens")
    return tokens
