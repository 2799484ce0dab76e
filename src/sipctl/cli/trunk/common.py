"""What commands on trunks share."""

from typing import Annotated, Literal, TypedDict, cast

import typer

from sipctl.telephony.livekit_json import trunk_to_json
from sipctl.telephony.model import InboundTrunk, Trunk

Reference = Annotated[str, typer.Argument(metavar="TRUNK", help="A trunk's id, its name, or one of its numbers.")]


References = Annotated[
    list[str], typer.Argument(metavar="TRUNK", help="Ids of trunks, their names, or numbers of theirs.")
]


class TrunkMarks(TypedDict):
    """Which way calls go."""

    direction: Literal["inbound", "outbound"]


class TrunkRow(TypedDict):
    """A trunk in LiveKit's own JSON, its password masked. Inbound and outbound ones have different further keys."""

    sip_trunk_id: str
    name: str
    metadata: str
    numbers: list[str]
    auth_username: str
    auth_password: Literal["", "********"]
    headers: dict[str, str]
    media_encryption: str
    sipctl: TrunkMarks


def trunk_row(trunk: Trunk) -> TrunkRow:
    """LiveKit's own JSON of the trunk, and its direction under `sipctl`."""
    return cast("TrunkRow", trunk_to_json(trunk) | {"sipctl": TrunkMarks(direction=direction(trunk))})


def direction(trunk: Trunk) -> Literal["inbound", "outbound"]:
    """Which way the trunk's calls go."""
    return "inbound" if isinstance(trunk, InboundTrunk) else "outbound"


def addresses(trunk: Trunk) -> str:
    """Where the trunk's calls come from, or go to; "" = anywhere."""
    return ",".join(trunk.allowed_addresses) if isinstance(trunk, InboundTrunk) else trunk.address
