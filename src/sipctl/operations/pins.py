"""PINs: assign, show, look up, release. The registry decides what is free; LiveKit's rules are asked besides."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, RailError, UsageError
from sipctl.registry.store import Holder, Holding, Registry, Rotation
from sipctl.telephony.e164 import to_e164
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import MAX_LENGTH, MIN_LENGTH, PinPolicy, check_pin

BATCH: Final = 1000
"""How many rooms one transaction serves; after an interruption complete batches stand."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A room and its PIN; `is_new` is False for a room that had it before."""

    room: str
    pin: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What LiveKit holds: its dispatch rules, and the names of its live rooms."""

    rules: tuple[DispatchRule, ...]
    rooms: frozenset[str]


def policy_of(settings: Settings) -> PinPolicy:
    """The policy that this profile draws PINs by.

    Raises:
        UsageError: its length is not 4 to 16.
    """
    length = settings.telephony.pin_length
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise UsageError(
            f"ROOM_TELEPHONY_PIN_LENGTH={length} is not {MIN_LENGTH} to {MAX_LENGTH}", hint="`sipctl config validate`"
        )
    registry = settings.registry
    return PinPolicy(length=length, leading_zero=registry.leading_zero, doubles=registry.doubles)


def check_one_truth(registry: Registry, settings: Settings, live: Live) -> None:
    """Refuse to work on a registry that does not know the PINs which live rules of this profile carry.

    Raises:
        RailError: another backend writes these PINs.
    """
    mark = settings.mark
    carried = {rule.pin: rule for rule in live.rules if rule.pin and rule.room_name in live.rooms and mark.owns(rule)}
    known = registry.holders(carried)
    stranger = next((rule for pin, rule in carried.items() if pin not in known), None)
    if stranger:
        raise RailError(
            f"rule {stranger.sip_dispatch_rule_id} of live room {stranger.room_name!r} carries a PIN that this registry"
            " does not know: another backend, probably Meet, hands out PINs here",
            code="two-truths",
            hint='point the registry at its database (registry.layout = "meet"), or bring its PINs in by `pin import`',
        )


def assign(
    registry: Registry,
    rooms: Iterable[str],
    policy: PinPolicy,
    *,
    draws: int,
    taken: frozenset[str] = frozenset(),
    below: Callable[[int], int] = secrets.randbelow,
) -> Iterator[Assigned]:
    """Give every room a PIN that has none; a room that has one keeps it.

    `draws` is how often a room's PIN is drawn before giving up, `taken` are PINs of live rules. One transaction a
    batch, and its rooms come out once it is stored.

    Raises:
        ConflictError: no free PIN was found for a room.
    """
    remaining = iter(rooms)
    while batch := list(dict.fromkeys(islice(remaining, BATCH))):
        yield from _assign_batch(registry, batch, policy, draws, taken, below)


def _assign_batch(
    registry: Registry,
    batch: Sequence[str],
    policy: PinPolicy,
    draws: int,
    taken: frozenset[str],
    below: Callable[[int], int],
) -> Iterator[Assigned]:
    held = registry.pins_of(batch)
    given: dict[str, str] = {}
    for _ in range(draws):
        missing = [room for room in batch if room not in held and room not in given]
        if not missing:
            break
        drawn = {room: policy.draw(below) for room in missing}
        wanted = [(room, pin) for room, pin in drawn.items() if pin not in taken]
        given |= {room: drawn[room] for room in registry.give(wanted)}
        held |= registry.pins_of(room for room in missing if room not in given)
    for room in batch:
        if room in given:
            yield Assigned(room, given[room], is_new=True)
        elif room in held:
            yield Assigned(room, held[room], is_new=False)
        else:
            raise _no_pin_left(registry, room, policy, draws)


def _no_pin_left(registry: Registry, room: str, policy: PinPolicy, draws: int) -> ConflictError:
    free = max(policy.space - registry.count(), 0)
    return ConflictError(
        f"no free PIN for {room!r} in {draws} draws: at most {free:,} of {policy.space:,} are left",
        code="no-pin-left",
        hint="raise ROOM_TELEPHONY_PIN_LENGTH, or ROOM_TELEPHONY_PIN_MAX_RETRIES for more draws",
    )


def assign_chosen(registry: Registry, room: str, pin: str, taken: frozenset[str]) -> Assigned:
    """Give a room this very PIN.

    Raises:
        UsageError: it is not 4 to 16 digits.
        ConflictError: the room has another PIN, or another room has or had this one.
    """
    check_pin(pin)
    if not pin:
        raise UsageError("an empty PIN is none", hint="pipe 4 to 16 digits into --pin-stdin")
    held = registry.pins_of([room]).get(room)
    if held == pin:
        return Assigned(room, pin, is_new=False)
    if held:
        raise ConflictError(f"room {room!r} has another PIN", hint="`sipctl pin rotate` changes it")
    if pin in taken or not registry.give([(room, pin)]):
        raise ConflictError(f"this PIN is not free: {_told(registry.holders([pin]).get(pin))}", hint="choose another")
    return Assigned(room, pin, is_new=True)


def _told(holder: Holder | None) -> str:
    if holder is None:
        return "a dispatch rule of LiveKit carries it"
    return f"room {holder.room!r} " + {"active": "has it", "reserved": "gets it now"}.get(holder.state, "had it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that somebody asks about one room's PIN. `rules` and `live` are None if LiveKit was not asked.

    `number` is in E.164, `one_tap` what a phone dials in one go; both "" if nobody set the number.
    """

    holding: Holding
    number: str
    one_tap: str
    rules: tuple[DispatchRule, ...] | None
    live: bool | None

    @property
    def caller_hears(self) -> str:
        """What a caller with this PIN meets now."""
        if self.rules is None:
            return "LiveKit was not asked"
        if not self.holding.pin:
            return "the wrong-PIN message: the room has no PIN"
        if any(rule.pin == self.holding.pin for rule in self.rules):
            return "the PIN opens the room" if self.live else "the PIN opens the room, though nobody is there"
        if self.rules:
            return "the wrong-PIN message: the room's rule carries another PIN"
        if self.live:
            return "the wrong-PIN message: the room is live, but has no rule"
        return "the wrong-PIN message, or ringing: nobody is in the room"


def card(settings: Settings, holding: Holding, live: Live | None) -> Card:
    """The card of a room."""
    telephony = settings.telephony
    number = telephony.phone_number and to_e164(telephony.phone_number, telephony.default_country)
    rules = None if live is None else tuple(rule for rule in live.rules if rule.room_name == holding.room)
    return Card(
        holding=holding,
        number=number or "",
        one_tap=f"{number},,{holding.pin}#" if number and holding.pin else "",
        rules=rules,
        live=None if live is None else holding.room in live.rooms,
    )


def lookup(registry: Registry, pin: str) -> Holder:
    """Who has this PIN, or had it.

    Raises:
        NotFoundError: nobody.
    """
    holder = registry.holders([pin]).get(pin)
    if holder is None:
        raise NotFoundError("nobody has this PIN, and nobody had it lately", hint="`sipctl pin list` shows all")
    return holder


def release(registry: Registry, holding: Holding, live: Live | None, allow: frozenset[str]) -> None:
    """Take a room's PIN away, into quarantine.

    Raises:
        NotFoundError: it has none.
        RailError: the room is live, or its rule would go on to open it.
    """
    if not holding.pin:
        raise NotFoundError(f"room {holding.room!r} has no PIN")
    if live and "live-room" not in allow:
        carrying = [rule.sip_dispatch_rule_id for rule in live.rules if rule.pin == holding.pin]
        if holding.room in live.rooms or carrying:
            what = f"rule {carrying[0]} carries its PIN" if carrying else "it is live"
            raise RailError(
                f"will not release the PIN of room {holding.room!r}: {what}",
                code="rail-live-room",
                hint="to do it all the same, add `--allow live-room`",
            )
    registry.retire(holding)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinFacts:
    """What the registry holds, for checks: every room with its PIN, and the rotations that were never ended."""

    holdings: tuple[Holding, ...]
    unfinished: tuple[Rotation, ...]
    policy: PinPolicy
    number: str

    @property
    def in_use(self) -> int:
        """How many rooms have a PIN."""
        return sum(bool(holding.pin) for holding in self.holdings)


def pin_facts(registry: Registry, policy: PinPolicy, settings: Settings) -> PinFacts:
    """Everything that the PIN checks look at, read once."""
    return PinFacts(
        holdings=tuple(registry.holdings()),
        unfinished=tuple(registry.unfinished()),
        policy=policy,
        number=settings.telephony.phone_number or "",
    )
