"""PIN5xx: the registry, by itself and against the live rules."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sipctl.command_line import CommandLine, Prose
from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found, skipped
from sipctl.findings.record import Finding
from sipctl.telephony.commands import delete_rule, recover_rotations
from sipctl.telephony.exposure import Exposure, odds
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import MAX_LENGTH, is_pin, mask_pin, weakness
from sipctl.telephony.registered import Holding

_SOURCE: Final = "registry"
_OLD: Final = timedelta(days=365)
_EXPOSED_DAYS: Final = 30


def _room(holding: Holding) -> str:
    return f"room {holding.room}"


def _its_pin(holding: Holding) -> str:
    return f"the PIN of {holding.name!r}" if holding.name else "its PIN"


def missing(facts: Facts) -> Iterator[Finding]:
    """Rooms without a PIN, where Meet would give them one."""
    if facts.settings.telephony.is_off:
        yield skipped("PIN501", "telephony is off: rooms need no PIN")
        return
    for holding in facts.pins.get().holdings:
        if not holding.pin and not holding.is_blank:
            yield found(
                "PIN501",
                _room(holding),
                f"{holding.name or holding.room!r} has no PIN",
                source=_SOURCE,
                command=CommandLine.of("pin", "assign").on(holding.room),
            )


def blank(facts: Facts) -> Iterator[Finding]:
    """Rooms that the next meeting opens to every caller."""
    for holding in facts.pins.get().holdings:
        if holding.is_blank:
            yield found(
                "PIN513",
                _room(holding),
                f"the next meeting of {holding.name or holding.room!r} is open to every caller",
                source=_SOURCE,
                command=CommandLine.of("pin", "assign").on(holding.room),
            )


def other_length(facts: Facts) -> Iterator[Finding]:
    """PINs of another length than the setting."""
    length = facts.pins.get().policy.length
    for holding in facts.pins.get().holdings:
        if holding.pin.isdigit() and len(holding.pin) != length and len(holding.pin) <= MAX_LENGTH:
            yield found(
                "PIN502",
                _room(holding),
                f"{_its_pin(holding)} has {len(holding.pin)} digits",
                observed=str(len(holding.pin)),
                expected=str(length),
                source=_SOURCE,
                command=_rotation(facts, holding.room),
            )


def no_digits(facts: Facts) -> Iterator[Finding]:
    """PINs that no keypad has."""
    for holding in facts.pins.get().holdings:
        if holding.pin and not (holding.pin.isascii() and holding.pin.isdigit()):
            command = _rotation(facts, holding.room)
            yield found(
                "PIN503", _room(holding), f"{_its_pin(holding)} is not all digits", source=_SOURCE, command=command
            )


def too_long(facts: Facts) -> Iterator[Finding]:
    """PINs at whose 17th digit livekit-sip hangs up."""
    for holding in facts.pins.get().holdings:
        if len(holding.pin) > MAX_LENGTH:
            detail, command = f"{_its_pin(holding)} has {len(holding.pin)} digits", _rotation(facts, holding.room)
            yield found("PIN504", _room(holding), detail, source=_SOURCE, command=command)


def drifted(facts: Facts) -> Iterator[Finding]:
    """Owned rules whose PIN is not the registry's. One of a room that is not live is stale, and goes as such."""
    pins = {holding.room: holding for holding in facts.pins.get().holdings}
    live = pins if facts.rooms.value is None else _live(facts)
    for rule in facts.rules.get():
        if facts.mark.owns(rule) and rule.room_name in live and rule.room_name in pins:
            held = pins[rule.room_name]
            yield from [_drift(facts, rule, held)] if held.pin != rule.pin else []


def _drift(facts: Facts, rule: DispatchRule, held: Holding) -> Finding:
    """The rule beside the registry's PIN: `sync` gives it to the rule, once a caller can type it."""
    room, pin = rule.room_name, held.pin
    name = f" ({held.name})" if held.name else ""
    sync = CommandLine.of("rules", "sync", "--room", room, "--apply")
    has, fix, command = "has another PIN", "", sync
    if not pin:
        has, fix = "has none", "give the room a PIN, then the rule"
        command = CommandLine.of("pin", "assign").on(room).then(sync)
    elif not is_pin(pin):
        has, fix = "has one that cannot be typed", "rotate the room, then give the rule its PIN"
        command = _rotation(facts, room).then(sync)
    return found(
        "PIN505",
        f"rule {rule.sip_dispatch_rule_id}",
        f"the rule of room {room!r}{name} carries a PIN, and the registry {has}",
        observed=mask_pin(rule.pin),
        expected=mask_pin(pin),
        source=f"{_SOURCE}, ListSIPDispatchRule",
        fix=fix,
        command=command,
    )


def _live(facts: Facts) -> frozenset[str]:
    return frozenset(room.name for room in facts.rooms.value or ())


def _rotation(facts: Facts, room: str, *allowed: str) -> CommandLine:
    """Gives the room another PIN, past the safeguards that would stop it."""
    words = (*allowed, "live-room") if room in _live(facts) else allowed
    return CommandLine.of("pin", "rotate").on(room).having(*(part for word in words for part in ("--allow", word)))


def of_rooms_unknown_to_meet(facts: Facts) -> Iterator[Finding]:
    """Rules of live rooms that Meet's table does not hold."""
    if not facts.pins.get().in_meet:
        yield skipped("PIN512", "the registry is not Meet's table")
        return
    known = {holding.room for holding in facts.pins.get().holdings}
    live = {room.name for room in facts.rooms.get()}
    for rule in facts.rules.get():
        if facts.mark.owns(rule) and rule.room_name in live - known:
            yield found(
                "PIN512",
                f"rule {rule.sip_dispatch_rule_id}",
                f"its room {rule.room_name!r} is live, and Meet does not know it",
                source=f"{_SOURCE}, ListSIPDispatchRule, ListRooms",
            )


def used_by_others(facts: Facts) -> Iterator[Finding]:
    """PINs of the registry that another profile's registry gave out, too, or that a foreign rule has."""
    rooms = {holding.pin: holding.room for holding in facts.pins.get().holdings if holding.pin}
    shared = list(_given_by_another_profile(facts, rooms))
    yield from shared
    if facts.rules.value is not None:
        foreign = (rule for rule in facts.rules.value if not facts.mark.owns(rule))
        yield from _in_foreign_rules(facts, foreign, rooms)
    elif not shared:
        yield skipped("PIN506", "the rules of LiveKit are not known")


def _in_foreign_rules(facts: Facts, rules: Iterable[DispatchRule], rooms: Mapping[str, str]) -> Iterator[Finding]:
    for rule in rules:
        if rooms.get(rule.pin, rule.room_name) != rule.room_name:
            room = rooms[rule.pin]
            sync = CommandLine.of("rules", "sync", "--room", room, "--apply")
            yield found(
                "PIN506",
                f"rule {rule.sip_dispatch_rule_id}",
                f"it leads the PIN of room {rooms[rule.pin]!r} to room {rule.room_name!r}",
                source=f"{_SOURCE}, ListSIPDispatchRule",
                fix="rotate the room, then give it the rule that it may lack",
                command=_rotation(facts, room, "foreign").then(sync),
            )


def _given_by_another_profile(facts: Facts, rooms: Mapping[str, str]) -> Iterator[Finding]:
    for pin, profile, room in facts.pins.get().shared:
        yield found(
            "PIN506",
            f"room {rooms[pin]}",
            f"the registry of profile {profile!r} gave its PIN to room {room!r}",
            source=_SOURCE,
            command=_rotation(facts, rooms[pin]),
        )


def trivial(facts: Facts) -> Iterator[Finding]:
    """PINs that someone tries first."""
    for holding in facts.pins.get().holdings:
        if holding.pin.isdigit() and (reason := weakness(holding.pin, facts.pins.get().number)):
            yield found(
                "PIN507",
                _room(holding),
                f"{_its_pin(holding)} is easy to guess: {reason}",
                source=_SOURCE,
                command=_rotation(facts, holding.room),
            )


def old(facts: Facts) -> Iterator[Finding]:
    """PINs that were given out over a year ago."""
    limit = (datetime.now(UTC) - _OLD).isoformat()
    aged = [holding for holding in facts.pins.get().holdings if holding.pin and "" < holding.assigned_at < limit]
    if aged:
        yield found("PIN508", f"{len(aged)} rooms", f"the oldest is from {min(one.assigned_at for one in aged)}")


def prefixes(facts: Facts) -> Iterator[Finding]:
    """PINs that are the start of another one."""
    holdings = sorted((one for one in facts.pins.get().holdings if one.pin), key=lambda one: one.pin)
    for one, other in pairwise(holdings):
        if other.pin.startswith(one.pin):
            yield found("PIN509", _room(one), f"its PIN is the start of that of room {other.room!r}", source=_SOURCE)


def unfinished(facts: Facts) -> Iterator[Finding]:
    """Rotations that an interrupted run left half-way."""
    for rotation in facts.pins.get().unfinished:
        yield found(
            "PIN510",
            _rotated(rotation.room),
            f"its rotation was begun at {rotation.started_at} and not ended",
            source=_SOURCE,
            command=recover_rotations(),
        )


def still_accepted(facts: Facts) -> Iterator[Finding]:
    """Rules that accept a PIN which was taken away from its room; those of an unfinished rotation are PIN510's."""
    pins = facts.pins.get()
    under_way = {rotation.old_pin for rotation in pins.unfinished}
    held = {holding.room: holding.pin for holding in pins.holdings}
    resting = {pin: room for pin, room in pins.quarantined.items() if pin not in under_way and pin not in held.values()}
    for rule in facts.rules.get():
        if rule.pin in resting:
            room = resting[rule.pin]
            advice, command = _end_of(rule, room, facts, held.get(rule.room_name, ""))
            yield found(
                "PIN514",
                f"rule {rule.sip_dispatch_rule_id}",
                f"it accepts the PIN that was taken away from room {room!r}",
                observed=mask_pin(rule.pin),
                source=f"{_SOURCE}, ListSIPDispatchRule",
                fix=advice,
                command=command,
            )


def _end_of(rule: DispatchRule, room: str, facts: Facts, todays_pin: str) -> tuple[Prose, CommandLine | None]:
    """What makes a rule no longer accept a PIN that was taken away from a room."""
    if facts.mark.owns(rule):
        if not todays_pin:
            assigned = CommandLine.of("pin", "assign").on(rule.room_name)
            return ("give the room a PIN, then ", CommandLine.of("rules", "sync"), " gives it to the rule"), assigned
        return "give the rule the PIN of today", CommandLine.of("rules", "sync", "--room", rule.room_name, "--apply")
    if serves(rule, room):
        command = delete_rule(rule, facts.mark, facts.site.live or frozenset())
        return ("delete the rule; ", CommandLine.of("rules", "sync"), " makes one with the PIN of today"), command
    return f"it leads to {rule.room_name!r}: the one who wrote it has to choose another PIN", None


def guessing(facts: Facts) -> Iterator[Finding]:
    """More wrong PINs than typing errors explain."""
    pins, wrong = facts.pins.get(), facts.wrong_pins.get()
    live = len({rule.pin for rule in facts.rules.get() if rule.pin})
    exposure = Exposure(policy=pins.policy, live=live, lines=1, seconds_per_call=1)
    budget = exposure.budget_per_hour(_EXPOSED_DAYS, pins.target)
    if wrong.per_hour > budget:
        yield found(
            "PIN511",
            f"SIP node {facts.settings.sip_metrics_url}",
            f"{wrong.count:.0f} calls ended at a wrong PIN in {wrong.hours:.1f} hours: with {live} PINs of"
            f" {pins.policy.space:,}, that finds one within {_EXPOSED_DAYS} days with more than {odds(pins.target)}",
            observed=f"{wrong.per_hour:.2f} an hour",
            expected=f"at most {budget:.2f} an hour",
            source="livekit_sip_calls_terminated",
        )


def _rotated(room: str) -> str:
    return f"rotation of {room}"


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check("PIN501", missing, needs=("pins",)),
    Check("PIN502", other_length, needs=("pins",), sees=("rooms",)),
    Check("PIN503", no_digits, needs=("pins",), sees=("rooms",)),
    Check("PIN504", too_long, needs=("pins",), sees=("rooms",)),
    Check("PIN505", drifted, needs=("pins", "rules"), sees=("rooms",)),
    Check("PIN506", used_by_others, needs=("pins",), sees=("rules", "rooms")),
    Check("PIN507", trivial, needs=("pins",), sees=("rooms",)),
    Check("PIN508", old, needs=("pins",)),
    Check("PIN509", prefixes, needs=("pins",)),
    Check("PIN510", unfinished, needs=("pins",)),
    Check("PIN511", guessing, needs=("pins", "wrong_pins", "rules")),
    Check("PIN512", of_rooms_unknown_to_meet, needs=("pins", "rules", "rooms")),
    Check("PIN513", blank, needs=("pins",)),
    Check("PIN514", still_accepted, needs=("pins", "rules")),
)
