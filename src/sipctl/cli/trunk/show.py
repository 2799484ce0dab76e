"""`sipctl trunk show`."""

from typing import Annotated, Final

import typer

from sipctl.cli.rows import FURTHER_KEYS, UNKNOWN_FIELDS
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import Reference, TrunkRow, addresses, direction, trunk_row
from sipctl.operations.trunks import get_trunk
from sipctl.output.formats import Detail
from sipctl.telephony.model import InboundTrunk, Trunk

PRINTS: Final = {"trunk": Annotated[TrunkRow, FURTHER_KEYS]}


def run(ctx: typer.Context, trunk: Reference) -> None:
    """Show one trunk in full; its password stays hidden.

    \b
    Examples:
      sipctl trunk show ST_b6WvKx3nTe9D
      sipctl trunk show +33123456789 -o json
    """
    session = Session.of(ctx)
    session.emit(_view(session.livekit(lambda client: get_trunk(client, trunk))))


def _view(trunk: Trunk) -> Detail:
    lines = [
        ("id", trunk.sip_trunk_id),
        ("direction", direction(trunk)),
        ("name", trunk.name),
        ("numbers", ", ".join(trunk.numbers) or "any"),
        ("address", addresses(trunk) or "any"),
        ("username", trunk.auth_username or "none"),
        ("password", str(trunk.auth_password) or "none"),
    ]
    if isinstance(trunk, InboundTrunk):
        lines.append(("callers", ", ".join(trunk.allowed_numbers) or "any"))
    else:
        lines.append(("transport", trunk.transport))
    if trunk.metadata:
        lines.append(("metadata", trunk.metadata))
    if trunk.unknown_fields:
        lines.append(UNKNOWN_FIELDS)
    return Detail(schema="sipctl/trunk/v1", lines=tuple(lines), record=trunk_row(trunk), name=trunk.sip_trunk_id)
