"""`sipctl pin lookup`."""

from typing import Final, TypedDict

import typer

from sipctl.cli.inputs import read_pin
from sipctl.cli.pin.common import LIVE_WORDS, NoLive, ask_livekit, pin_registry
from sipctl.cli.session import Session
from sipctl.operations.pins import Whereabouts, lookup
from sipctl.output.formats import Detail
from sipctl.telephony.pins import check_pin


class PinHolder(TypedDict):
    """Whose a PIN is; `state` is null if the registry does not know it, `rules` are ids of those that carry it."""

    room: str
    state: str | None
    rules: list[str] | None
    live: bool | None


PRINTS: Final = {"pin-holder": PinHolder}


def run(ctx: typer.Context, no_live: NoLive = False) -> None:
    """Say whose a PIN is, and which rules carry it; the PIN comes from stdin or a hidden prompt.

    \b
    Examples:
      echo 4821930571 | sipctl pin lookup
      sipctl pin lookup -o json < pin.txt
    """
    session = Session.of(ctx)
    pin = read_pin()
    live = ask_livekit(session, ask=not no_live)
    with pin_registry(session) as registry:
        check_pin(pin)
        found = lookup(registry, pin, live)
    session.emit(_view(found))


def _view(found: Whereabouts) -> Detail:
    holder, rules = found.holder, found.rules or ()
    room = holder.room if holder else rules[0].room_name
    carrying = [f"{rule.sip_dispatch_rule_id} ({rule.room_name})" for rule in rules]
    lines = (
        ("room", room),
        ("state", holder.state if holder else "not in the registry"),
        ("rules", "not asked" if found.rules is None else ", ".join(carrying) or "none"),
        ("live", LIVE_WORDS[found.live]),
    )
    record = PinHolder(
        room=room,
        state=holder.state if holder else None,
        rules=None if found.rules is None else [rule.sip_dispatch_rule_id for rule in rules],
        live=found.live,
    )
    return Detail(schema="sipctl/pin-holder/v1", lines=lines, record=record, name=room)
