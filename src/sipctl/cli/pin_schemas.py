"""The shapes of what `sipctl pin` prints as JSON. PINs are text, masked unless --show-pins was given."""

from typing import Final

from pydantic import BaseModel

from sipctl.cli.shape import Shape


class Holding(Shape):
    """A room that the registry knows, and its PIN ("" if it has none)."""

    room: str
    pin: str
    state: str
    assigned_at: str


class Assigned(Shape):
    """A room and its PIN; `result` says whether that is news."""

    room: str
    pin: str
    result: str


class Card(Shape):
    """All about one room's PIN; `live` and `rules` are null if LiveKit was not asked."""

    room: str
    pin: str
    assigned_at: str
    number: str
    one_tap: str
    rules: list[str] | None
    live: bool | None
    caller_hears: str


class Whereabouts(Shape):
    """Whose a PIN is; `state` is null if the registry does not know it, `rules` are ids of those that carry it."""

    room: str
    state: str | None
    rules: list[str] | None
    live: bool | None


class Released(Shape):
    """A PIN that went into quarantine, or would."""

    room: str
    pin: str
    applied: bool


class PlannedRotation(Shape):
    """What a rotation would do with a room."""

    room: str
    pin: str
    plan: str


class Rotated(Shape):
    """A room's new PIN and the ids of the rules that carry it, or why it kept the old one."""

    room: str
    pin: str
    rules: list[str]
    error: str


class Imported(Shape):
    """What an import did with a row, or would do."""

    room: str
    pin: str
    result: str
    why: str


class ExposureShape(Shape):
    """A guesser's chances; `bits` is log2(space/pins), `minimum_length` null if even 16 digits are too few."""

    space: int
    pins: int
    bits: float
    lines: int
    seconds_per_call: float
    chance_per_day: float
    chance_per_30_days: float
    target: float
    minimum_length: int | None


PIN_LISTINGS: Final[dict[str, type[BaseModel]]] = {
    "pins": Holding,
    "pins-assigned": Assigned,
    "pins-rotation-plan": PlannedRotation,
    "pins-rotated": Rotated,
    "pins-import": Imported,
}
PIN_DETAILS: Final[dict[str, type[BaseModel]]] = {
    "pin": Card,
    "pin-holder": Whereabouts,
    "pin-released": Released,
}
