"""PINs and the rooms that have them, as people and scripts read them."""

from collections.abc import Iterable
from typing import Any, Final

from sipctl.cli.rows import shown_pin
from sipctl.operations.pin_import import Item, State
from sipctl.operations.pins import Assigned, Card, Whereabouts
from sipctl.operations.rotate import Rotated, RotationPlan
from sipctl.output.formats import Detail, Listing
from sipctl.telephony.registered import Holding

_YES: Final = {None: "not asked", True: "yes", False: "no"}


def holdings_view(holdings: Iterable[Holding], *, show_pins: bool, raw: bool = False) -> Listing[Holding]:
    """Rooms and their PINs; as csv the very columns that an import reads, `raw` = no cell is kept from formulas."""

    def record(one: Holding) -> dict[str, Any]:
        return {
            "room": one.room,
            "pin": shown_pin(one.pin, show=show_pins),
            "state": "active" if one.pin else "none",
            "assigned_at": one.assigned_at,
        }

    return Listing(
        schema="sipctl/pins/v1",
        items=holdings,
        columns=("room", "pin", "state", "assigned_at"),
        row=lambda one: tuple(record(one).values()),
        record=record,
        name=lambda one: one.room,
        raw=raw,
    )


def assigned_view(done: Iterable[Assigned], *, show_pins: bool, applied: bool) -> Listing[Assigned]:
    """Who has which PIN now, and whether that is news."""
    new = "assigned" if applied else "would be assigned"
    return Listing(
        schema="sipctl/pins-assigned/v1",
        items=done,
        columns=("room", "pin", "result"),
        row=lambda one: (one.room, shown_pin(one.pin, show=show_pins), new if one.is_new else "kept"),
        record=lambda one: {
            "room": one.room,
            "pin": shown_pin(one.pin, show=show_pins),
            "result": new if one.is_new else "kept",
        },
        name=lambda one: one.room,
    )


def card_view(card: Card, *, show_pins: bool) -> Detail:
    """All about one room's PIN."""
    pin = shown_pin(card.holding.pin, show=show_pins)
    one_tap = card.one_tap if show_pins else card.one_tap.replace(card.holding.pin, pin) if card.holding.pin else ""
    rules = [rule.sip_dispatch_rule_id for rule in card.rules or ()]
    lines = [
        ("room", card.holding.room),
        ("pin", pin or "none"),
        ("number", card.number or "not set"),
        ("one-tap", one_tap or "none"),
        ("rules", "not asked" if card.rules is None else ", ".join(rules) or "none"),
        ("live", _YES[card.live]),
        ("a caller gets", card.caller_hears),
    ]
    if card.holding.name:
        lines.insert(1, ("name", card.holding.name))
    record = {
        "room": card.holding.room,
        "pin": pin,
        "assigned_at": card.holding.assigned_at,
        "number": card.number,
        "one_tap": one_tap,
        "rules": None if card.rules is None else rules,
        "live": card.live,
        "caller_hears": card.caller_hears,
    }
    return Detail(schema="sipctl/pin/v1", lines=tuple(lines), record=record, name=card.holding.room)


def whereabouts_view(found: Whereabouts) -> Detail:
    """Whose a PIN is, and where it leads now."""
    holder, rules = found.holder, found.rules or ()
    room = holder.room if holder else rules[0].room_name
    state = holder.state if holder else "not in the registry"
    carrying = [f"{rule.sip_dispatch_rule_id} ({rule.room_name})" for rule in rules]
    lines = (
        ("room", room),
        ("state", state),
        ("rules", "not asked" if found.rules is None else ", ".join(carrying) or "none"),
        ("live", _YES[found.live]),
    )
    record = {
        "room": room,
        "state": holder.state if holder else None,
        "rules": None if found.rules is None else [rule.sip_dispatch_rule_id for rule in rules],
        "live": found.live,
    }
    return Detail(schema="sipctl/pin-holder/v1", lines=lines, record=record, name=room)


def released_view(holding: Holding, undo: str, *, show_pins: bool) -> Detail:
    """A PIN that went into quarantine, and the command that undoes it; "" = it only would."""
    pin = shown_pin(holding.pin, show=show_pins)
    lines = [("released" if undo else "would release", holding.room), ("pin", pin)]
    if undo:
        lines.append(("undo", undo))
    record = {"room": holding.room, "pin": pin, "applied": bool(undo)}
    return Detail(schema="sipctl/pin-released/v1", lines=tuple(lines), record=record, name=holding.room)


def rotation_plan_view(plan: RotationPlan, *, show_pins: bool) -> Listing[tuple[Holding, str]]:
    """What a rotation would do; live and protected rooms are left out."""
    items = [*((one, "rotate") for one in plan.rooms), *((one, f"left out: {reason}") for one, reason in plan.left_out)]
    return Listing(
        schema="sipctl/pins-rotation-plan/v1",
        items=items,
        columns=("room", "pin", "plan"),
        row=lambda item: (item[0].room, shown_pin(item[0].pin, show=show_pins), item[1]),
        record=lambda item: {
            "room": item[0].room,
            "pin": shown_pin(item[0].pin, show=show_pins),
            "plan": item[1],
        },
        name=lambda item: item[0].room,
    )


def rotated_view(done: Iterable[Rotated], *, show_pins: bool) -> Listing[Rotated]:
    """What a rotation did."""
    return Listing(
        schema="sipctl/pins-rotated/v1",
        items=done,
        columns=("room", "pin", "rules", "result"),
        row=lambda one: (
            one.room,
            shown_pin(one.new_pin, show=show_pins),
            ",".join(one.rules) or "none",
            one.error.message if one.error else "rotated",
        ),
        record=lambda one: {
            "room": one.room,
            "pin": shown_pin(one.new_pin, show=show_pins),
            "rules": list(one.rules),
            "error": one.error.message if one.error else "",
        },
        name=lambda one: one.room,
    )


def import_view(items: Iterable[Item], *, applied: bool, show_pins: bool) -> Listing[Item]:
    """What an import did, or would do."""

    def told(item: Item) -> str:
        planned = item.state in {State.ADDED, State.CHANGED} and not applied
        return f"would be {item.state}" if planned else item.state.value

    return Listing(
        schema="sipctl/pins-import/v1",
        items=items,
        columns=("room", "pin", "result", "why"),
        row=lambda item: (item.room, shown_pin(item.pin, show=show_pins), told(item), item.why),
        record=lambda item: {
            "room": item.room,
            "pin": shown_pin(item.pin, show=show_pins),
            "result": told(item),
            "why": item.why,
        },
        name=lambda item: item.room,
    )
