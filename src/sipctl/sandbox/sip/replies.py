"""Responses as livekit-sip writes them: which headers, in which order (seen on the wire, livekit-sip 1.8.0, 1.10.0)."""

import re
from collections.abc import Iterable
from typing import Final

from sipctl.sip.grammar import split_list
from sipctl.sip.message import Headers, Request, Response
from sipctl.transport.targets import Address

ALLOW: Final = ("Allow", "INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE")
"""What it says that it allows; it answers half of these with 405."""
_EMPTY_RPORT: Final = re.compile(r";\s*rport(?=\s*(?:;|$))", re.IGNORECASE)


def reply(
    request: Request, code: int, reason: str, source: Address, *, tag: str, more: Iterable[tuple[str, str]] = ()
) -> Response:
    """A response. `tag` is given to a To that has none; `more` stands at its end."""
    headers = [("Via", value) for value in _vias(request, source)]
    for name in ("Record-Route", "From", "To", "Call-ID", "CSeq"):
        headers += [(name, _with_tag(value, tag) if name == "To" else value) for value in request.headers.all(name)]
    return Response(
        code, reason, headers=Headers.of([*headers, ("Content-Length", "0"), *more]), version=request.version
    )


def _vias(request: Request, source: Address) -> list[str]:
    """Every hop in a header of its own; the first one says where the request came from, if it asks (RFC 3581)."""
    first, *others = (value for header in request.headers.all("Via") for value in split_list(header))
    if _EMPTY_RPORT.search(first):
        first = f"{_EMPTY_RPORT.sub(f';rport={source.port}', first, count=1)};received={source.ip}"
    return [first, *others]


def _with_tag(to: str, tag: str) -> str:
    return to if re.search(r";\s*tag=", to.rpartition(">")[2] or to, re.IGNORECASE) else f"{to};tag={tag}"
