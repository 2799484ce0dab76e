"""`sipctl pin release`."""

from typing import Final, TypedDict

import typer

from sipctl.cli.acting import acts
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.pin.common import NoLive, Room, ask_livekit, keep_old_pins, pin_registry
from sipctl.cli.rows import shown_pin
from sipctl.cli.session import Session
from sipctl.operations.pins import check_release, release
from sipctl.operations.safeguards import check_profile
from sipctl.output.formats import Detail
from sipctl.telephony.registered import Holding


class ReleasedPin(TypedDict):
    """A PIN that went into quarantine, or would; `undo` = the command that brings it back from the file it is in."""

    room: str
    pin: str
    applied: bool
    undo: str


ALLOWS: Final = ("live-room", "protected")
PRINTS: Final = {"pin-released": ReleasedPin}
KIND: Final = WritingCommand


def run(ctx: typer.Context, room: Room, no_live: NoLive = False, allow: Allow = None, confirm: Confirm = "") -> None:
    """Take a room's PIN away; it stays in quarantine and is given to no one for a year.

    Refused while the room is live or a rule carries the PIN (`--allow live-room`), and if it is on the protect list
    (`--allow protected`). The PIN is written into a file of the state folder first, for the undo that is printed.

    \b
    Examples:
      sipctl pin release retro
      sipctl pin release retro --dry-run
    """
    session = Session.of(ctx)
    permit = session.permit(allow, confirm)
    check_profile(session.settings, permit)
    live = ask_livekit(session, ask=not no_live)
    with pin_registry(session) as registry:
        holding = registry.find(room)
        check_release(session.settings, holding, live, permit.allow)
        undo = ""
        if acts(session, on_one=True):
            undo = keep_old_pins(session, [holding], live, permit.allow)
            release(registry, holding, session.journal)
    session.emit(_view(holding, undo, show_pins=session.options.show_pins))


def _view(holding: Holding, undo: str, *, show_pins: bool) -> Detail:
    """A PIN that went into quarantine, and the command that undoes it; "" = it only would."""
    record = ReleasedPin(room=holding.room, pin=shown_pin(holding.pin, show=show_pins), applied=bool(undo), undo=undo)
    lines = (
        ("released" if undo else "would release", holding.room),
        ("pin", record["pin"]),
        *((("undo", undo),) if undo else ()),
    )
    return Detail(schema="sipctl/pin-released/v1", lines=lines, record=record, name=holding.room)
