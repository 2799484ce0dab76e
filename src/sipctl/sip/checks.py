"""What is wrong inside a message that could be framed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sipctl.sip.digest import parse_challenges
from sipctl.sip.errors import Fault, FaultKind, MalformedError
from sipctl.sip.grammar import is_token
from sipctl.sip.head import EXCERPT
from sipctl.sip.headers import (
    MAGIC_COOKIE,
    parse_call_id,
    parse_contacts,
    parse_content_length,
    parse_cseq,
    parse_date,
    parse_max_forwards,
    parse_name_addr,
    parse_name_addrs,
    parse_retry_after,
    parse_vias,
)
from sipctl.sip.message import VERSION, Message, Request
from sipctl.sip.uri import parse_uri

_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "via": parse_vias,
    "from": parse_name_addr,
    "to": parse_name_addr,
    "contact": parse_contacts,
    "route": parse_name_addrs,
    "record-route": parse_name_addrs,
    "cseq": parse_cseq,
    "call-id": parse_call_id,
    "max-forwards": parse_max_forwards,
    "content-length": parse_content_length,
    "date": parse_date,
    "retry-after": parse_retry_after,
    "www-authenticate": parse_challenges,
    "proxy-authenticate": parse_challenges,
    "authorization": parse_challenges,
    "proxy-authorization": parse_challenges,
}
_SINGLE: Final = (
    "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "date", "retry-after",
)  # fmt: skip
_REQUIRED: Final = ("via", "from", "to", "call-id", "cseq")
"""In requests and responses alike (RFC 3261 8.1.1, 8.2.6.2)."""
_SECRET: Final = frozenset({"authorization", "proxy-authorization"})
"""Their values are not shown."""
_SPELLED: Final = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}


def check(message: Message) -> Iterator[Fault]:
    """Every fault of a message, in the order of its parts; each header has at most one of its own."""
    if message.version.upper() != VERSION:
        yield Fault(FaultKind.VERSION, "", message.version[:EXCERPT])
    if isinstance(message, Request):
        yield from _check_request_line(message)
    yield from _check_presence(message)
    yield from _check_grammar(message)
    yield from _check_transaction(message)


def _check_request_line(request: Request) -> Iterator[Fault]:
    if not is_token(request.method):
        yield Fault(FaultKind.METHOD, "", request.method[:EXCERPT])
    try:
        uri = parse_uri(request.uri)
    except MalformedError:
        uri = None
    if not uri or uri.headers:  # headers are for URIs in a Contact or on a web page (RFC 3261 19.1.1, table 1)
        yield Fault(FaultKind.REQUEST_URI, "", request.uri[:EXCERPT])


def _check_presence(message: Message) -> Iterator[Fault]:
    required = (*_REQUIRED, "max-forwards") if isinstance(message, Request) else _REQUIRED
    for key in required:
        if not message.headers.has(key):
            yield Fault(FaultKind.MISSING, _spelled(key))
    for key in _SINGLE:
        if len(message.headers.all(key)) > 1:
            yield Fault(FaultKind.REPEATED, _spelled(key))


def _check_grammar(message: Message) -> Iterator[Fault]:
    for name in filter(_PARSERS.get, message.headers.names()):
        for value in message.headers.all(name):
            try:
                _PARSERS[name](value)
            except MalformedError as error:
                yield Fault(error.kind, _spelled(name), "" if name in _SECRET else value[:EXCERPT])


def _check_transaction(message: Message) -> Iterator[Fault]:
    if message.via and not message.via.branch:
        yield Fault(FaultKind.NO_BRANCH, "Via")
    if message.via and message.via.branch == MAGIC_COOKIE:
        yield Fault(FaultKind.EMPTY_BRANCH, "Via")
    if isinstance(message, Request):
        if message.from_ and not message.from_.tag:
            yield Fault(FaultKind.NO_TAG, "From")
        if message.cseq and message.cseq.method != message.method:
            yield Fault(FaultKind.CSEQ_METHOD, "CSeq", message.cseq.method[:EXCERPT])


def _spelled(key: str) -> str:
    return _SPELLED.get(key) or key.title()
