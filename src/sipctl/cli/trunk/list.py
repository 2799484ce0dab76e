"""`sipctl trunk list`."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer

from sipctl.cli.names import keep_names
from sipctl.cli.rows import FURTHER_KEYS
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import TrunkRow, addresses, direction, trunk_row
from sipctl.completion.values import TRUNKS
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
    session.emit(_view(keep_names(session, session.livekit(list_trunks), _names, TRUNKS)))


def _names(trunk: Trunk) -> Iterator[tuple[str, str]]:
    """What a command takes for the trunk, and a word about it."""
    yield trunk.sip_trunk_id, trunk.name
    yield trunk.name, trunk.sip_trunk_id


def _view(trunks: Iterable[Trunk]) -> Listing[Trunk]:
    return Listing(
        schema="sipctl/trunks/v1",
        things="trunks",
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
