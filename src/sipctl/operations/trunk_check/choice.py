"""Which URIs a run checks: one that was named, those of a trunk, or all of the profile and of LiveKit's trunks."""

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from sipctl.config.model import Settings
from sipctl.errors import UsageError
from sipctl.operations.trunk_check.destination import Destination, is_same_node, read_uri
from sipctl.sip.digest import Credentials
from sipctl.sip.uri import Uri
from sipctl.telephony.model import InboundTrunk, OutboundTrunk, Trunk
from sipctl.telephony.naming import describe_trunk
from sipctl.telephony.numbers import normalize_number

_TRANSPORTS: Final = {"SIP_TRANSPORT_UDP": "udp", "SIP_TRANSPORT_TCP": "tcp", "SIP_TRANSPORT_TLS": "tls"}
_USER: Final = "+-_.!~*'()&=$,;?/"
"""What stands unescaped in the user of a URI, beside letters and digits (RFC 3261 25.1, `user`)."""
SET_HOST: Final = "set `sip_host` in the profile, or SIPCTL_SIP_HOST, or give `--host sip:HOST`"


def own_uri(settings: Settings) -> Uri | None:
    """The URI of the profile's own SIP node; None if the profile does not say.

    Raises:
        UsageError: what it says is no such URI.
    """
    return read_uri(settings.sip_host, "sip_host") if settings.sip_host else None


def named(text: str, settings: Settings, credentials: Credentials | None = None) -> Destination:
    """The destination of `--host`.

    Raises:
        UsageError: it is no address of a SIP node.
    """
    uri = read_uri(text, "--host")
    return Destination(uri=uri, origin="--host", is_ours=is_same_node(uri, own_uri(settings)), credentials=credentials)


def of_trunk(trunk: Trunk, settings: Settings, credentials: Credentials | None = None) -> Destination:
    """The address of an outbound trunk, or the number of an inbound one at our node.

    Raises:
        UsageError: the trunk is inbound, and the profile does not say where our node is.
    """
    own = own_uri(settings)
    if isinstance(trunk, OutboundTrunk):
        return _outbound(trunk, own, credentials)
    if own is None:
        raise UsageError(f"trunk {trunk.sip_trunk_id} brings calls to our own node: which is that?", hint=SET_HOST)
    number = normalize_number(trunk.numbers[0]) if trunk.numbers else ""
    uri = at_node(own, number) if number else own
    known = credentials or _credentials(trunk)
    return Destination(uri=uri, origin=f"trunk {describe_trunk(trunk)}", is_ours=True, credentials=known)


def of_profile(
    settings: Settings, trunks: Iterable[Trunk], credentials: Credentials | None = None
) -> Iterator[Destination]:
    """Our own node, and where outbound trunks lead.

    The credentials are for our node alone: no provider is to see what another one's, or ours, are.

    Raises:
        UsageError: sip_host is no address of a SIP node.
    """
    own = own_uri(settings)
    if own:
        yield Destination(uri=own, origin="sip_host", is_ours=True, credentials=credentials)
    for trunk in trunks:
        if isinstance(trunk, OutboundTrunk):
            yield _outbound(trunk, own, None)


def at_node(own: Uri, user: str) -> Uri:
    """The URI of a user at our node: its host, port and parameters."""
    place = own.text.partition(":")[2].rpartition("@")[2]
    return read_uri(f"{own.scheme}:{quote(user, safe=_USER)}@{place}", "the called number")


def _outbound(trunk: OutboundTrunk, own: Uri | None, credentials: Credentials | None) -> Destination:
    """Where LiveKit sends the calls of a trunk; an address that cannot be used is that of a trunk that fails."""
    origin = f"trunk {describe_trunk(trunk)}"
    transport = _TRANSPORTS.get(trunk.transport, "")
    text = f"sip:{trunk.address}" + (f";transport={transport}" if transport else "")
    try:
        uri = read_uri(text, origin)
    except UsageError as error:
        return Destination(uri=Uri(text, "sip"), origin=origin, unusable=error.message)
    return Destination(
        uri=uri, origin=origin, is_ours=is_same_node(uri, own), credentials=credentials or _credentials(trunk)
    )


def _credentials(trunk: InboundTrunk | OutboundTrunk) -> Credentials | None:
    """What a trunk is authenticated with, if it has both parts of it."""
    password = trunk.auth_password.reveal()
    return Credentials(trunk.auth_username, password) if trunk.auth_username and password else None
