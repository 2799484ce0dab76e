"""What an answer, or its absence, says about a target: one of a fixed set of words, never the text of an error."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sipctl.transport.asking import Asked
from sipctl.transport.link import Trouble


class Verdict(StrEnum):
    """What a target does with a request."""

    OK = "ok"
    AUTH_REQUIRED = "auth-required"
    """401 or 407: it is there, and asks who we are, or refuses who we say we are."""
    REACHABLE = "reachable"
    """Any other final answer, such as 404, 405, 486 or 603: the node is there."""
    OVERLOADED = "overloaded"
    """429, 480 or 503: it answers, and wants no requests now."""
    LOOP = "loop"
    """482 or 483: the request went in a circle."""
    SILENT = "silent"
    REFUSED = "refused"
    NO_ROUTE = "no-route"
    TLS_FAILED = "tls-failed"
    DNS_FAILED = "dns-failed"
    PROVISIONAL_ONLY = "provisional-only"
    """It says that it works on the request, and never how that ended."""
    NOT_SIP = "not-sip"
    """Something else listens there: it sends what is no SIP, or ends the connection without an answer."""


class State(StrEnum):
    """Whether a target is up; `unknown` is what no one can say, and never counts as up."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


ANSWERED: Final = frozenset({Verdict.OK, Verdict.AUTH_REQUIRED, Verdict.REACHABLE, Verdict.OVERLOADED, Verdict.LOOP})
"""The verdicts of a final answer. Whatever it is, the node is reachable."""

_BY_CODE: Final[Mapping[int, Verdict]] = MappingProxyType(
    {401: Verdict.AUTH_REQUIRED, 407: Verdict.AUTH_REQUIRED, 482: Verdict.LOOP, 483: Verdict.LOOP}
    | dict.fromkeys((429, 480, 503), Verdict.OVERLOADED)
)
BY_TROUBLE: Final[Mapping[Trouble, Verdict]] = MappingProxyType(
    {
        Trouble.REFUSED: Verdict.REFUSED,
        Trouble.NO_ROUTE: Verdict.NO_ROUTE,
        Trouble.SILENT: Verdict.SILENT,
        Trouble.CLOSED: Verdict.NOT_SIP,
        Trouble.TLS: Verdict.TLS_FAILED,
        Trouble.NOT_SIP: Verdict.NOT_SIP,
        Trouble.SOURCE: Verdict.NO_ROUTE,
    }
)


def verdict_of_code(code: int) -> Verdict:
    """What a final status code says."""
    return Verdict.OK if 200 <= code < 300 else _BY_CODE.get(code, Verdict.REACHABLE)


def verdict_of(asked: Asked) -> Verdict:
    """What became of a request."""
    if asked.final:
        return verdict_of_code(asked.final.response.code)
    if asked.error:
        return BY_TROUBLE[asked.error.trouble]
    if asked.provisional:
        return Verdict.PROVISIONAL_ONLY
    return Verdict.NOT_SIP if any(stray.unframed for stray in asked.strays) else Verdict.SILENT
