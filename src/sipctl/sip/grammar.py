r"""The grammar that headers share (RFC 3261 25.1). Quantifiers are possessive, so time grows with the length alone.

Deviations, each seen in the field: a parameter's value may hold any visible character but ``" , ; < > \`` (tags in
base64, IPv6 without brackets), a host name underscores.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from sipctl.sip.errors import MalformedError, OutOfRangeError

WSP: Final = " \t"
"""White space inside a header once it is unfolded. `str.strip()` alone would take Unicode's spaces too."""

TOKEN: Final = r"[A-Za-z0-9\-.!%*_+`'~]++"  # noqa: S105 - the word of the grammar
QUOTED: Final = r'"(?:[^"\\]++|\\.)*+"'
HOST: Final = r"(?:[A-Za-z0-9_\-]++(?:\.[A-Za-z0-9_\-]++)*+\.?+|\[[0-9A-Fa-f:.]++\])"
_VALUE: Final = r"[!#-+\--:=?-\[\]-~]++"

_TOKEN_ALONE = re.compile(TOKEN)
_ELEMENT = re.compile(rf'(?:[^",<]++|{QUOTED}|<[^>]*+>)*+', re.DOTALL)
_PARAM = re.compile(rf"[ \t]*+;[ \t]*+({TOKEN})(?:[ \t]*+=[ \t]*+(?:({_VALUE})|({QUOTED})))?+", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)

Params = dict[str, str | None]
"""Parameters by their name in lower case; None = a name without value."""


def is_token(text: str) -> bool:
    """Whether the text is a token: a method, a header's name, an algorithm."""
    return _TOKEN_ALONE.fullmatch(text) is not None


def split_list(text: str) -> list[str]:
    """The values between commas, those in quotes or angle brackets apart.

    Raises:
        MalformedError: a quote or bracket is never closed.
    """
    if "," not in text:
        return [text.strip(WSP)]
    values, at = [], 0
    while True:
        element = _ELEMENT.match(text, at)
        end = element.end() if element else at
        values.append(text[at:end].strip(WSP))
        if end == len(text):
            return values
        if text[end] != ",":
            raise MalformedError("a quote or an angle bracket is not closed")
        at = end + 1


def parse_params(text: str, at: int = 0) -> Params:
    """Read `;name=value` pairs, from a position to the end of the text.

    Raises:
        MalformedError: there is something else, or a name twice (RFC 3261 7.3.1).
    """
    params: Params = {}
    end = len(text.rstrip(WSP))
    while at < end:
        param = _PARAM.match(text, at)
        if not param:
            raise MalformedError(f"no parameter: {text[at : at + 20]}")
        name = param[1].lower()
        if name in params:
            raise MalformedError(f"parameter {name} twice")
        params[name] = unquote(param[3]) if param[3] else param[2]
        at = param.end()
    return params


def unquote(quoted: str) -> str:
    """The text of a quoted string, its quoted pairs resolved."""
    return _QUOTED_PAIR.sub(r"\1", quoted[1:-1]) if "\\" in quoted else quoted[1:-1]


def quote(text: str) -> str:
    """The text as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_number(text: str, below: int) -> int:
    """A whole number without sign.

    Raises:
        MalformedError: it is none.
        OutOfRangeError: it is not below `below`.
    """
    if not (text.isascii() and text.isdigit()):
        raise MalformedError(f"no number: {text[:20]}")
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(below)) or int(digits) >= below:
        raise OutOfRangeError(f"not below {below}: {text[:20]}")
    return int(digits)


def parse_host(text: str) -> str:
    """A host as `HOST` found it, an IPv6 address without its brackets.

    Raises:
        MalformedError: the text in brackets is no IPv6 address.
    """
    if not text.startswith("["):
        return text
    try:
        IPv6Address(text[1:-1])
    except AddressValueError as error:
        raise MalformedError(f"no IPv6 address: {text[:50]}") from error
    return text[1:-1]
