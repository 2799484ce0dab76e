"""`sipctl pin show`."""

from typing import Final, TypedDict

import typer

from sipctl.cli.pin.common import LIVE_WORDS, NoLive, Room, ask_livekit_for, pin_registry
from sipctl.cli.rows import shown_pin
from sipctl.cli.session import Session
from sipctl.operations.pin_card import Card, card
from sipctl.operations.reach import observe
from sipctl.output.formats import Detail
from sipctl.telephony.reach.row import ReachWord


class ShownPin(TypedDict):
    """All about one room's PIN; `live` and `rules` are null if LiveKit was not asked.

    `reach` is the word that `doctor` and `room list` have for it, null if the room is not live or not this backend's.
    """

    room: str
    pin: str
    assigned_at: str
    number: str
    one_tap: str
    rules: list[str] | None
    live: bool | None
    caller_hears: str
    reach: ReachWord | None


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
    settings = session.settings
    observed = None if no_live else ask_livekit_for(session, lambda client: observe(client, settings))
    shown = card(settings, holding, observed)
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
        *((("callers", card.outcome),) if card.outcome else ()),
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
        reach=card.outcome,
    )
    return Detail(schema="sipctl/pin/v1", lines=lines, record=record, name=held.room)
