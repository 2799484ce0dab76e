"""URIs: sip and sips (RFC 3261 19.1), tel (RFC 3966), and others, which stay opaque. None is ever rewritten."""

import re
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import unquote

from sipctl.sip.errors import MalformedError
from sipctl.sip.grammar import HOST, Params, parse_host, parse_number

_UNRESERVED: Final = r"A-Za-z0-9\-_.!~*'()"
_ESCAPED: Final = r"%[0-9A-Fa-f]{2}"
# A "#" in the user is no valid URI, but what telephones dial as a feature code.
_USER: Final = rf"(?:[{_UNRESERVED}&=+$,;?/#]++|{_ESCAPED})++"
_PASSWORD: Final = rf"(?:[{_UNRESERVED}&=+$,]++|{_ESCAPED})*+"
_WORD: Final = rf"(?:[{_UNRESERVED}\[\]/:&+$]++|{_ESCAPED})"
_HEADERS: Final = rf"(?:[{_UNRESERVED}\[\]/?:+$=&]++|{_ESCAPED})*+"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*+):([!#-;=?-~]++)")
_USERINFO = re.compile(rf"({_USER}(?::{_PASSWORD})?+)@")
_HOSTPORT = re.compile(rf"({HOST})(?::([0-9]++))?+")
_PARAM = re.compile(rf";({_WORD}++)(?:=({_WORD}++))?+")
_HEADERS_AT_END = re.compile(rf"\?({_HEADERS})")
_NUMBER = re.compile(r"(\+?[0-9A-Fa-f*#\-.()]++)")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = re.compile(rf"[{_UNRESERVED}]")
_SEPARATORS: Final = str.maketrans("", "", "-.()")
_ALWAYS_COMPARED: Final = ("user", "ttl", "method", "maddr", "transport")


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI: `text` as it was written, and its parts.

    `scheme` is in lower case. `user` (with its password) is as it was written, escapes and all; for a tel URI it
    is the number. `host` has no brackets. `params` are unescaped, `headers` is what follows the "?". Of other schemes
    only `text` and `scheme` are known.
    """

    text: str
    scheme: str = field(compare=False)
    user: str = field(default="", compare=False)
    host: str = field(default="", compare=False)
    port: int | None = field(default=None, compare=False)
    params: Params = field(default_factory=dict, compare=False)
    headers: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def plain_user(self) -> str:
        """The user with its escapes resolved; bytes that are not UTF-8 stay as surrogates."""
        return unquote(self.user, errors="surrogateescape")


def parse_uri(text: str) -> Uri:
    """Read a URI; with no white space around it.

    Raises:
        MalformedError: it is none, or a sip, sips or tel URI that breaks its grammar.
    """
    found = _SCHEME.fullmatch(text)
    if not found:
        raise MalformedError(f"no URI: {text[:50]}")
    scheme = found[1].lower()
    if scheme in {"sip", "sips"}:
        return _parse_sip(text, scheme, found.start(2))
    if scheme == "tel":
        return _parse_tel(text, found.start(2))
    return Uri(text, scheme)


def _parse_sip(text: str, scheme: str, at: int) -> Uri:
    userinfo = _USERINFO.match(text, at)
    hostport = _HOSTPORT.match(text, userinfo.end() if userinfo else at)
    if not hostport:
        raise MalformedError(f"no host: {text[:50]}")
    params, at = _uri_params(text, hostport.end())
    headers = _HEADERS_AT_END.fullmatch(text, at)
    if at != len(text) and not headers:
        raise MalformedError(f"not in a SIP URI: {text[at : at + 20]}")
    port = parse_number(hostport[2], below=65536) if hostport[2] else None
    user = userinfo[1] if userinfo else ""
    return Uri(text, scheme, user, parse_host(hostport[1]), port, params, headers[1] if headers else "")


def _parse_tel(text: str, at: int) -> Uri:
    number = _NUMBER.match(text, at)
    if not number:
        raise MalformedError(f"no telephone number: {text[:50]}")
    params, end = _uri_params(text, number.end())
    if end != len(text):
        raise MalformedError(f"not in a tel URI: {text[end : end + 20]}")
    return Uri(text, "tel", number[1], params=params)


def _uri_params(text: str, at: int) -> tuple[Params, int]:
    """The parameters from a position on, unescaped, and where they end."""
    params: Params = {}
    while param := _PARAM.match(text, at):
        name = unquote(param[1]).lower()
        if name in params:
            raise MalformedError(f"URI parameter {name} twice")
        params[name] = unquote(param[2], errors="surrogateescape") if param[2] is not None else None
        at = param.end()
    return params, at


def same_uri(one: Uri, other: Uri) -> bool:
    """Whether two URIs name the same thing (RFC 3261 19.1.4, RFC 3966 4); a port that is not given is not 5060."""
    if one.scheme != other.scheme:
        return False
    if one.scheme in {"sip", "sips"}:
        return _sip_identity(one) == _sip_identity(other) and _same_params(one.params, other.params)
    if one.scheme == "tel":
        return _tel_identity(one) == _tel_identity(other)
    return one.text.partition(":")[2] == other.text.partition(":")[2]


def _sip_identity(uri: Uri) -> tuple[str, str, int | None, Counter[str]]:
    """What must be equal of two SIP URIs, parameters apart."""
    headers = Counter(_named_in_lower_case(_comparable(part)) for part in uri.headers.split("&") if part)
    return _comparable(uri.user), comparable_host(uri.host), uri.port, headers


def _tel_identity(uri: Uri) -> tuple[str, Params]:
    """Visual separators and case do not count (RFC 3966 4)."""
    params = {name: value.lower() if value is not None else None for name, value in uri.params.items()}
    return uri.user.translate(_SEPARATORS).lower(), params


def _same_params(one: Params, other: Params) -> bool:
    """A parameter that only one has counts if it is one of five."""
    for name in {*one, *other}:
        if name in one and name in other:
            if (one[name] or "").lower() != (other[name] or "").lower():
                return False
        elif name in _ALWAYS_COMPARED:
            return False
    return True


def comparable_host(host: str) -> str:
    """The host in the one form that equal hosts share."""
    try:
        return str(IPv6Address(host))
    except AddressValueError:
        return host.lower().removesuffix(".")


def _comparable(text: str) -> str:
    """An escape equals its character unless that is reserved; then only the case of the escape does not count."""
    return _ESCAPE.sub(_resolved, text)


def _resolved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _PLAIN.fullmatch(character) else escape[0].upper()


def _named_in_lower_case(header: str) -> str:
    name, equals, value = header.partition("=")
    return name.lower() + equals + value
