"""What commands on rooms share."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sipctl.telephony.model import Room

Name = Annotated[str, typer.Argument(metavar="ROOM", help="A room's name.")]


def created(room: Room) -> str:
    """When a room was created, RFC 3339 in UTC."""
    try:
        return datetime.fromtimestamp(room.creation_time, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "unknown"
