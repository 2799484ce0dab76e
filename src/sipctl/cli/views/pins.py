"""PINs inside LiveKit's JSON, masked unless asked for."""

from typing import Any

from sipctl.telephony.pins import mask_pin


def shown_pin(pin: str, *, show: bool) -> str:
    """The PIN as this run may print it."""
    return pin if show else mask_pin(pin)


def mask_rule_json(rule: dict[str, Any], *, show: bool) -> dict[str, Any]:
    """A dispatch rule in LiveKit's JSON shape, its PIN masked in place unless shown."""
    if not show:
        for kind in (rule["rule"] or {}).values():
            kind["pin"] = mask_pin(kind["pin"])
    return rule
