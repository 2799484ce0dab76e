"""What livekit-server refuses to store (livekit/protocol livekit/sip.go, sip/sip.go)."""

from collections.abc import Iterable
from typing import Final

from livekit.protocol.models import ListUpdate
from livekit.protocol.sip import SIPInboundTrunkInfo, SIPMediaConfig, SIPOutboundTrunkInfo

from sipctl.sandbox.twirp import PREFIX, TwirpError, invalid

_HEADER_NAME_LIMIT: Final = 255
_HEADER_VALUE_LIMIT: Final = 1024
_MEDIA_TIMEOUT_LIMIT_S: Final = 600
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
_RESERVED: Final = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "alert-info", "allow", "authentication-info", "authorization",
        "call-id", "call-info", "contact", "content-disposition", "content-encoding", "content-language",
        "content-length", "content-type", "cseq", "date", "error-info", "expires", "from", "in-reply-to",
        "max-forwards", "mime-version", "min-expires", "organization", "priority", "proxy-authenticate",
        "proxy-authorization", "proxy-require", "record-route", "reply-to", "require", "retry-after", "route",
        "server", "subject", "supported", "timestamp", "unsupported", "user-agent", "warning", "www-authenticate",
        "c", "e", "f", "i", "k", "l", "m", "o", "s", "t", "u", "v", "y",
    }
)  # fmt: skip


def check_inbound(trunk: SIPInboundTrunkInfo) -> None:
    """Refuse an inbound trunk that anyone could use, or with bad headers or media.

    Raises:
        TwirpError: `invalid_argument` with LiveKit's text.
    """
    if not (trunk.auth_username or trunk.auth_password or trunk.allowed_addresses or trunk.numbers):
        raise invalid(
            "for security, one of the fields must be set: AuthUsername+AuthPassword, AllowedAddresses or Numbers"
        )
    check_media(trunk.media)
    _check_headers(trunk)


def check_outbound(trunk: SIPOutboundTrunkInfo) -> None:
    """Refuse an outbound trunk without numbers or a plain address.

    Raises:
        TwirpError: `invalid_argument` with LiveKit's text.
    """
    if not trunk.numbers:
        raise invalid("no trunk numbers specified")
    if not trunk.address:
        raise invalid("no outbound address specified")
    _check_host("trunk address", trunk.address)
    _check_host("from_host", trunk.from_host)
    check_media(trunk.media)
    _check_headers(trunk)


def _check_host(what: str, host: str) -> None:
    if "transport=" in host:
        raise invalid(f"{what} should not contain transport parameter")
    if "@" in host or host.startswith(("sip:", "sips:")):
        raise invalid(f"{what} should be a hostname or IP, not SIP URI")


def check_media(media: SIPMediaConfig) -> None:
    """Refuse codecs without a plain name and time limits out of range.

    Raises:
        TwirpError: `invalid_argument` with LiveKit's text.
    """
    for codec in media.codecs:
        if not codec.name:
            raise invalid("missing codec name")
        if "/" in codec.name:
            raise invalid("codec name must not contain '/'")
        if any(character.isspace() for character in codec.name):
            raise invalid("invalid codec name")
    if media.HasField("media_timeout"):
        seconds = media.media_timeout.ToTimedelta().total_seconds()
        if seconds < 0:
            raise invalid("media_timeout must not be negative")
        if seconds > _MEDIA_TIMEOUT_LIMIT_S:
            raise invalid("media_timeout must not exceed 10m0s")


def _check_headers(trunk: SIPInboundTrunkInfo | SIPOutboundTrunkInfo) -> None:
    for name, value in trunk.headers.items():
        check_header_name(name)
        _check_header_value(name, value)
    for name in (*trunk.headers_to_attributes, *trunk.attributes_to_headers.values()):
        check_header_name(name)


def check_header_name(name: str) -> None:
    """Refuse a SIP header that LiveKit keeps to itself, or that is no token.

    Raises:
        TwirpError: `invalid_argument` with LiveKit's text.
    """
    if not name:
        raise invalid("invalid header name: header name cannot be empty")
    if len(name.encode()) > _HEADER_NAME_LIMIT:
        raise invalid("invalid header name: header name too long (max 255 characters)")
    if stranger := next((character for character in name if character not in _NAME_CHARACTERS), None):
        raise invalid(
            f"invalid header name: header name {name} contains invalid characters: char {ord(stranger)} not allowed"
        )
    if name.lower() in _RESERVED:
        raise invalid(f"invalid header name: header name {name} not supported")


def _check_header_value(name: str, value: str) -> None:
    if len(value.encode()) > _HEADER_VALUE_LIMIT:
        raise invalid(f"invalid header value for {name}: header {name}: value too long (max 1024 characters)")
    if stranger := next((character for character in value if ord(character) < 0x20 and character != "\t"), None):
        raise invalid(f"invalid header value for {name}: header {name}: value: char {ord(stranger)} not allowed")


def check_list_update(update: ListUpdate) -> None:
    """Refuse an update of a list that says nothing, or two things.

    Raises:
        TwirpError: `invalid_argument` with LiveKit's text.
    """
    changes = bool(update.add) or bool(update.remove)
    if update.clear and (update.set or changes):
        raise invalid("cannot clear and change the list at the same time")
    if update.set and changes:
        raise invalid("cannot set and change the list at the same time")
    if not (update.clear or update.set or changes):
        raise invalid("unsupported list update operation")
    if "" in (*update.set, *update.add, *update.remove):
        raise invalid("empty element in the list")


def updated_list(stored: Iterable[str], update: ListUpdate) -> list[str]:
    """A list after its update: set, or cleared, or the first of each removed item taken out and new ones added."""
    if update.clear:
        return []
    if update.set:
        return list(update.set)
    items = list(stored)
    for item in update.remove:
        if item in items:
            items.remove(item)
    for item in update.add:
        if item not in items:
            items.append(item)
    return items


def from_update(error: TwirpError, *, psrpc: bool) -> TwirpError:
    """How LiveKit words a refusal that it meets only after applying an update: two kinds of error, two wrappings."""
    return invalid(PREFIX + error.message) if psrpc else TwirpError("unknown", error.message)
