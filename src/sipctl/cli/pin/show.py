"""`sipctl pin show`."""

from typing import Final, TypedDict

import typer

from sipctl.cli.pin.common import LIVE_WORDS, NoLive, Room, ask_livekit, pin_registry
from sipctl.cli.rows import shown_pin
from sipctl.cli.session import Session
from sipctl.operations.pins import Card, card
from sipctl.output.formats import Detail


class ShownPin(TypedDict):
    """All about one room's PIN; `live` and `rules` are null if LiveKit was not asked."""

    room: str
    pin: str
    assigned_at: str
    number: str
    one_tap: str
    rules: list[str] | None
    live: bool | None
    caller_hears: str


PRINTS: Final = {"pin": ShownPin}


def run(ctx: typer.Context, room: Room, no_live: NoLive = False) -> None:
    """Show a room's PIN, the number to dial, and what a caller would meet now.

    \b
    Examples:
      sipctl pin show standup
      sipctl pin show standup --show-pins -o json
    """
    session = Session.of(ctx)
    with pin_registry(session) as registry:
        holding = registry.find(room)
    shown = card(session.settings, holding, ask_livekit(session, ask=not no_live))
    session.emit(_view(shown, show_pins=session.options.show_pins))


def _view(card: Card, *, show_pins: bool) -> Detail:
    held = card.holding
    pin = shown_pin(held.pin, show=show_pins)
    one_tap = card.one_tap if show_pins else card.one_tap.replace(held.pin, pin) if held.pin else ""
    rules = [rule.sip_dispatch_rule_id for rule in card.rules or ()]
    lines = (
        ("room", held.room),
        *((("name", held.name),) if held.name else ()),
        ("pin", pin or "none"),
        ("number", card.number or "not set"),
        ("one-tap", one_tap or "none"),
        ("rules", "not asked" if card.rules is None else ", ".join(rules) or "none"),
        ("live", LIVE_WORDS[card.live]),
        ("a caller gets", card.caller_hears),
    )
    record = ShownPin(
        room=held.room,
        pin=pin,
        assigned_at=held.assigned_at,
        number=card.number,
        one_tap=one_tap,
        rules=None if card.rules is None else rules,
        live=card.live,
        caller_hears=card.caller_hears,
    )
    return Detail(schema="sipctl/pin/v1", lines=lines, record=record, name=held.room)
