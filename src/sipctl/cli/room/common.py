"""What commands on rooms share."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from sipctl.cli.session import Session
from sipctl.telephony.model import Room

Name = Annotated[str, typer.Argument(metavar="ROOM", help="A room's name.")]
Names = Annotated[list[str], typer.Argument(metavar="ROOM", help="Names of rooms.")]


def created(room: Room) -> str:
    """When a room was created, RFC 3339 in UTC."""
    try:
        return datetime.fromtimestamp(room.creation_time, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "unknown"


def advertised_pins(session: Session, rooms: Iterable[str]) -> Mapping[str, str] | None:
    """The PINs that the registry has of these rooms; None = the profile has no registry.

    Raises:
        ConfigError, UncheckedError: it has one, which cannot be asked.
    """
    if not session.has_registry():
        return None
    with session.registry() as registry:
        return {room: held.pin for room, held in registry.known(rooms).items()}
