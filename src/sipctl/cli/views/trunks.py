"""SIP trunks as people and scripts read them. Passwords stay masked in every format."""

from collections.abc import Iterable
from typing import Any

from sipctl.output.formats import Detail, Listing
from sipctl.telephony.livekit_json import trunk_to_json
from sipctl.telephony.model import InboundTrunk, Trunk


def trunks_view(trunks: Iterable[Trunk]) -> Listing[Trunk]:
    """A list of trunks of both directions."""
    return Listing(
        schema="sipctl/trunks/v1",
        items=trunks,
        columns=("id", "direction", "name", "numbers", "address", "auth"),
        row=lambda trunk: (
            trunk.sip_trunk_id,
            _direction(trunk),
            trunk.name,
            ",".join(trunk.numbers) or "any",
            _addresses(trunk) or "any",
            trunk.auth_username or "none",
        ),
        record=_record,
        name=lambda trunk: trunk.sip_trunk_id,
    )


def trunk_view(trunk: Trunk) -> Detail:
    """One trunk in full."""
    lines = [
        ("id", trunk.sip_trunk_id),
        ("direction", _direction(trunk)),
        ("name", trunk.name),
        ("numbers", ", ".join(trunk.numbers) or "any"),
        ("address", _addresses(trunk) or "any"),
        ("username", trunk.auth_username or "none"),
        ("password", str(trunk.auth_password) or "none"),
    ]
    if isinstance(trunk, InboundTrunk):
        lines.append(("callers", ", ".join(trunk.allowed_numbers) or "any"))
    else:
        lines.append(("transport", trunk.transport))
    if trunk.metadata:
        lines.append(("metadata", trunk.metadata))
    return Detail(schema="sipctl/trunk/v1", lines=tuple(lines), record=_record(trunk), name=trunk.sip_trunk_id)


def _record(trunk: Trunk) -> dict[str, Any]:
    return {**trunk_to_json(trunk), "sipctl": {"direction": _direction(trunk)}}


def _direction(trunk: Trunk) -> str:
    return "inbound" if isinstance(trunk, InboundTrunk) else "outbound"


def _addresses(trunk: Trunk) -> str:
    return ",".join(trunk.allowed_addresses) if isinstance(trunk, InboundTrunk) else trunk.address
