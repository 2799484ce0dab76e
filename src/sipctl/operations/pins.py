"""PINs: assign, show, look up, release. The registry decides what is free; what LiveKit's rules carry is not."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, UsageError
from sipctl.operations.audit import Journal
from sipctl.operations.safeguards import refusal, spared_by
from sipctl.operations.snapshot import Live
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import counted
from sipctl.telephony.pins import MAX_LENGTH, MIN_LENGTH, PinPolicy, check_pin
from sipctl.telephony.registered import ACTIVE, Holder, Holding, Rotation
from sipctl.telephony.room_names import checked_room_name

if TYPE_CHECKING:
    from sipctl.registry.store import Registry

TARGET: Final = 0.0001
"""The chance in 30 days that a guesser hits a PIN, as far as it is accepted by default."""

BATCH: Final = 1000
"""How many rooms one transaction serves; after an interruption complete batches are stored."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A room and its PIN; `is_new` is False for a room that had it before."""

    room: str
    pin: str
    is_new: bool


def policy_of(settings: Settings) -> PinPolicy:
    """The policy that this profile draws PINs by.

    Raises:
        UsageError: its length is not 4 to 16.
    """
    length = settings.telephony.pin_length
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise UsageError(
            f"ROOM_TELEPHONY_PIN_LENGTH={length} is not {MIN_LENGTH} to {MAX_LENGTH}",
            hint=(CommandLine.of("config", "validate"),),
        )
    registry = settings.registry
    return PinPolicy(length=length, leading_zero=registry.leading_zero, doubles=registry.doubles)


def drawn_by(settings: Settings) -> Callable[[], str]:
    """Draws one PIN after another by this profile's policy.

    Raises:
        UsageError: its length is not 4 to 16.
    """
    policy = policy_of(settings)
    return lambda: policy.draw(secrets.randbelow)


def rooms_to_assign(
    registry: "Registry", settings: Settings, named: Iterable[str], live: Live | None, *, missing: bool
) -> Iterator[str]:
    """The rooms that are named, then with `missing` those that have no PIN, by the registry's own names for them.

    `live` adds this backend's live rooms to the missing ones. Read as it is consumed.

    Raises:
        NotFoundError, UsageError: Meet has no such room, or several.
        UsageError: a room of LiveKit cannot have such a name.
    """
    if settings.registry.in_meet:
        named = (holding.room for holding in registry.find_all(named))
    else:
        named = map(checked_room_name, named)
    unserved = (holding.room for holding in registry.holdings() if not holding.pin) if missing else iter(())
    starting = sorted(live.rooms) if missing and live and not settings.registry.in_meet else ()
    return chain(named, list(unserved), filter(settings.mark.is_ours, starting))


@contextmanager
def partly_done_after(done: Callable[[], str]) -> Iterator[None]:
    """Say of an error in the body what had been `done` by then; "" = nothing.

    Raises:
        PartialError: something was.
    """
    try:
        yield
    except SipctlError as error:
        summary = done()
        if not summary or isinstance(error, PartialError):
            raise
        raise PartialError(f"{summary}; then: {error.message}", code=error.code, hint=error.advice) from error


def assign(
    registry: "Registry",
    rooms: Iterable[str],
    policy: PinPolicy,
    journal: Journal,
    *,
    draws: int,
    taken: frozenset[str] = frozenset(),
    below: Callable[[int], int] = secrets.randbelow,
) -> Iterator[Assigned]:
    """Give every room a PIN that has none; a room that has one keeps it.

    `draws` is how often a room's PIN is drawn before giving up, `taken` are PINs of live rules. One transaction and
    one entry of the audit a draw for a whole batch; its rooms come out once it is stored.

    Raises:
        ConflictError: no free PIN was found for a room.
        PartialError: that, or anything else, after rooms got their PINs.
    """
    count = 0
    with partly_done_after(lambda: f"{counted(count, 'room')} got a PIN" if count else ""):
        for one in _assign_batches(registry, rooms, policy, journal, draws, taken, below):
            count += one.is_new
            yield one


def _assign_batches(
    registry: "Registry",
    rooms: Iterable[str],
    policy: PinPolicy,
    journal: Journal,
    draws: int,
    taken: frozenset[str],
    below: Callable[[int], int],
) -> Iterator[Assigned]:
    remaining = iter(rooms)
    while batch := list(dict.fromkeys(islice(remaining, BATCH))):
        held = registry.pins_of(batch)
        missing = [room for room in batch if room not in held]
        given = _give(registry, missing, held, lambda: policy.draw(below), draws, taken, journal)
        yield from (
            Assigned(room, given.get(room) or held[room], is_new=room in given)
            for room in batch
            if room in given or room in held
        )
        without = next((room for room in missing if room not in given and room not in held), None)
        if without is not None:
            raise _no_pin_left(registry, without, policy, draws)


def _give(
    registry: "Registry",
    rooms: Sequence[str],
    held: dict[str, str],
    draw: Callable[[], str],
    draws: int,
    taken: frozenset[str],
    journal: Journal,
) -> dict[str, str]:
    """Draw and store until each room has a PIN, or the draws are used up; what others gave meanwhile goes to `held`."""
    given: dict[str, str] = {}
    with partly_done_after(lambda: f"{len(given)} of {len(rooms)} rooms got a PIN" if given else ""):
        for _ in range(draws):
            drawn = {room: draw() for room in rooms if room not in given and room not in held}
            if not drawn:
                break
            stored = store_pins(registry, {room: pin for room, pin in drawn.items() if pin not in taken}, journal)
            given |= {room: drawn[room] for room in stored}
            if len(stored) < len(drawn):
                held |= registry.pins_of(room for room in drawn if room not in stored)
    return given


def store_pins(registry: "Registry", drawn: Mapping[str, str], journal: Journal) -> set[str]:
    """Store the PINs of rooms in one transaction, between the two lines of its audit; the rooms that got theirs."""
    with journal.recorded("assign", counted(len(drawn), "room"), after={"rooms": list(drawn)}) as record:
        stored = registry.give(list(drawn.items()))
        record.after = {"pins": {room: drawn[room] for room in stored}}
    return stored


def _no_pin_left(registry: "Registry", room: str, policy: PinPolicy, draws: int) -> ConflictError:
    free = max(policy.space - registry.count(policy.length), 0)
    return ConflictError(
        f"no free PIN for {room!r} in {draws} draws: at most {free:,} of {policy.space:,} are left",
        code="no-pin-left",
        hint="raise ROOM_TELEPHONY_PIN_LENGTH, or ROOM_TELEPHONY_PIN_MAX_RETRIES for more draws",
    )


def would_assign(registry: "Registry", rooms: Iterable[str]) -> Iterator[Assigned]:
    """What `assign` would do: the PINs that rooms have, "" for those that would get one."""
    remaining = iter(rooms)
    while batch := list(dict.fromkeys(islice(remaining, BATCH))):
        held = registry.pins_of(batch)
        yield from (Assigned(room, held.get(room, ""), is_new=room not in held) for room in batch)


def assign_chosen(
    registry: "Registry", room: str, pin: str, taken: frozenset[str], journal: Journal | None
) -> Assigned:
    """Give a room this very PIN; one that it had itself may come back out of quarantine. No journal = a dry run.

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
        raise ConflictError(f"room {room!r} has another PIN", hint=(CommandLine.of("pin", "rotate"), " changes it"))
    holder = registry.holders([pin]).get(pin)
    if pin in taken or (holder and (holder.room != room or holder.state == ACTIVE)):
        raise _not_free(holder)
    if journal:
        with journal.recorded("assign", f"room {room}", after={"pins": {room: pin}}):
            if not registry.give_back(room, pin):
                raise _not_free(registry.holders([pin]).get(pin))
    return Assigned(room, pin, is_new=True)


def give_back(registry: "Registry", room: str, pin: str, journal: Journal) -> bool:
    """Give a room this very PIN, also out of its own quarantine, and write that down; whether it has it now."""
    with journal.recorded("assign", f"room {room}", after={"pins": {room: pin}}) as record:
        given = registry.give_back(room, pin)
        record.after = {"pins": {room: pin} if given else {}}
    return given


def _not_free(holder: Holder | None) -> ConflictError:
    return ConflictError(f"this PIN is not free: {_owner(holder)}", hint="choose another")


def _owner(holder: Holder | None) -> str:
    if holder is None:
        return "a dispatch rule of LiveKit carries it"
    return f"room {holder.room!r} {'has it' if holder.state == ACTIVE else 'had it'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a PIN leads. `holder` is what the registry says; `rules` carry it now, None if LiveKit was not asked."""

    holder: Holder | None
    rules: tuple[DispatchRule, ...] | None
    live: bool | None


def lookup(registry: "Registry", pin: str, live: Live | None) -> Whereabouts:
    """Who has this PIN, or had it, and which rules carry it.

    Raises:
        NotFoundError: no room.
    """
    holder = registry.holders([pin]).get(pin)
    rules = None if live is None else tuple(rule for rule in live.rules if rule.pin == pin)
    if holder is None and not rules:
        raise NotFoundError(
            "no one has this PIN, and no one had it lately", hint=(CommandLine.of("pin", "list"), " shows all")
        )
    room = holder.room if holder else rules[0].room_name if rules else ""
    return Whereabouts(holder=holder, rules=rules, live=None if live is None else room in live.rooms)


def without_pin(room: str) -> NotFoundError:
    """What a command ends with that needs the PIN of a room without one."""
    return NotFoundError(f"room {room!r} has no PIN", hint=(CommandLine.of("pin", "assign").on(room), " gives it one"))


def check_release(settings: Settings, held: Holding, live: Live | None, allow: frozenset[str]) -> None:
    """Refuse to take away a PIN that a caller may be dialling.

    Raises:
        NotFoundError: the room has none.
        SafeguardError: the room is on the protect list, or live, or its rule would go on to open it.
    """
    if not held.pin:
        raise without_pin(held.room)
    refused = f"will not release the PIN of room {held.room!r}"
    spared = spared_by(settings, live, allow)(held.room)
    if spared == "protected":
        raise refusal("protected", f"{refused}: it is on the profile's protect list")
    rules = live.rules if live and "live-room" not in allow else ()
    carrying = next((rule.sip_dispatch_rule_id for rule in rules if rule.pin == held.pin), "")
    if carrying or spared:
        raise refusal("live-room", f"{refused}: {f'rule {carrying} carries its PIN' if carrying else 'it is live'}")


def release(registry: "Registry", held: Holding, journal: Journal) -> None:
    """Take a room's PIN away, into quarantine.

    Raises:
        ConflictError: the room has another PIN by now, or is being rotated.
    """
    with journal.recorded("release", f"room {held.room}", {"pin": held.pin}):
        registry.retire(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinFacts:
    """What the registry holds, for checks: every room with its PIN, and the rotations that were never ended.

    `quarantined` are PINs that were taken away, with the rooms that had them. `shared` are PINs that another profile's
    registry gave to a room, too: the PIN, that profile, its room. `target` is the chance in 30 days that a guesser hits
    a PIN, as far as that is accepted. `in_meet` = the registry is Meet's own table, so that a room which it does not
    hold is none of Meet's.
    """

    holdings: tuple[Holding, ...]
    unfinished: tuple[Rotation, ...]
    policy: PinPolicy
    number: str
    quarantined: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[tuple[str, str, str], ...] = ()
    target: float = TARGET
    in_meet: bool = False

    @property
    def in_use(self) -> int:
        """How many rooms have a PIN."""
        return sum(bool(holding.pin) for holding in self.holdings)


def shared_pins(profile: str, other: "Registry", holdings: Iterable[Holding]) -> Iterator[tuple[str, str, str]]:
    """The PINs of these holdings that the registry of another profile uses, too, with that profile and its room."""
    holders = other.holders(one.pin for one in holdings if one.pin)
    return ((pin, profile, holder.room) for pin, holder in sorted(holders.items()) if holder.state == ACTIVE)


def pin_facts(registry: "Registry", policy: PinPolicy, settings: Settings) -> PinFacts:
    """Everything that the PIN checks need, read once."""
    return PinFacts(
        holdings=tuple(registry.holdings()),
        unfinished=tuple(registry.unfinished()),
        quarantined=registry.quarantined(),
        policy=policy,
        number=settings.telephony.phone_number or "",
        in_meet=registry.in_meet,
    )
