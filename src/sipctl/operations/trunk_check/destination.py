"""What is checked: the URIs of the options, of the profile and of trunks."""

import re
from dataclasses import dataclass
from typing import Final

from sipctl.errors import UsageError
from sipctl.masking import MASK
from sipctl.sip.digest import Credentials
from sipctl.sip.errors import MalformedError
from sipctl.sip.uri import Uri, comparable_host, parse_uri
from sipctl.transport.resolve import wanted_transport
from sipctl.transport.targets import Transport

_HINT: Final = "write it as sip:HOST[:PORT] or sips:HOST[:PORT], an IPv6 address in brackets and without a zone"
_PASSWORD: Final = re.compile(r"^([A-Za-z]+:[^:@]*):[^@]*(?=@)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A URI to check.

    `origin` says where it is from ("--host", "sip_host", "trunk ST_x"). `is_ours` is whether it is the profile's own
    SIP node, whose silence is a fault; a provider may well drop requests of people whom it does not know. `unusable`
    says why no request can be sent to it, "" = one can.
    """

    uri: Uri
    origin: str
    is_ours: bool = False
    credentials: Credentials | None = None
    unusable: str = ""


def read_uri(text: str, origin: str) -> Uri:
    """The URI of a SIP node.

    Raises:
        UsageError: it is none, no request can be sent to it, or it holds a password.
    """
    shown = _PASSWORD.sub(rf"\1:{MASK}", text)
    if shown != text:
        raise UsageError(
            f"{origin} {shown!r}: a password does not belong into an address",
            hint="--auth-user NAME reads it from stdin, from a prompt or from --auth-password-file",
        )
    try:
        uri = parse_uri(text)
    except MalformedError as error:
        raise UsageError(f"{origin} {text!r} is no address of a SIP node: {error}", hint=_HINT) from None
    _ = wanted_transport(uri)
    return uri


def is_same_node(uri: Uri, own: Uri | None) -> bool:
    """Whether a URI leads to the profile's own SIP node: the same host and port, over whatever transport.

    `maddr` leads elsewhere, whatever the host says.
    """
    if own is None or "maddr" in uri.params or "maddr" in own.params:
        return False
    return _place(uri) == _place(own) or (uri.port is own.port is None and _host(uri) == _host(own))


def _place(uri: Uri) -> tuple[str, int]:
    transport = wanted_transport(uri) or Transport.UDP
    return _host(uri), uri.port or transport.default_port


def _host(uri: Uri) -> str:
    return comparable_host(uri.host)
