"""`sipctl trunk list`."""

from collections.abc import Iterable
from typing import Annotated, Final

import typer

from sipctl.cli.rows import FURTHER_KEYS
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import TrunkRow, addresses, direction, trunk_row
from sipctl.operations.trunks import list_trunks
from sipctl.output.formats import Listing
from sipctl.telephony.model import Trunk

PRINTS: Final = {"trunks": list[Annotated[TrunkRow, FURTHER_KEYS]]}


def run(ctx: typer.Context) -> None:
    """List inbound and outbound trunks.

    \b
    Examples:
      sipctl trunk list
      sipctl trunk list -o json
    """
    session = Session.of(ctx)
    session.emit(_view(session.livekit(list_trunks)))


def _view(trunks: Iterable[Trunk]) -> Listing[Trunk]:
    return Listing(
        schema="sipctl/trunks/v1",
        items=trunks,
        columns=("id", "direction", "name", "numbers", "address", "auth"),
        row=lambda trunk: (
            trunk.sip_trunk_id,
            direction(trunk),
            trunk.name,
            ",".join(trunk.numbers) or "any",
            addresses(trunk) or "any",
            trunk.auth_username or "none",
        ),
        record=trunk_row,
        name=lambda trunk: trunk.sip_trunk_id,
    )
