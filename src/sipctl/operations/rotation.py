"""Rotating PINs: registry and live rule change together or neither.

A rotation is noted before anything else; then the new PIN is the room's in the registry, whose constraint makes sure
that it is nobody else's; then the live rule is replaced; then the note goes. Whoever finds a note finishes it forward:
each step may be repeated. docs/adr/0001-rotation.md tells every crash point.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, surely_without_effect
from sipctl.operations.executing import Brake, attempt_each
from sipctl.operations.journal import Journal
from sipctl.operations.live import Live
from sipctl.registry.store import Holding, Registry, Rotation
from sipctl.telephony.model import DispatchRule

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

T = TypeVar("T")

BATCH: Final = 50
"""How many rotations are begun before LiveKit's rules are listed once for all of them."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """One room of a rotation: its new PIN and the rules that carry it, or the error that came instead.

    An `error` of code "not-begun" = the run stopped before this room.
    """

    room: str
    new_pin: str = ""
    rules: tuple[str, ...] = ()
    error: SipctlError | None = None


@dataclass(slots=True)
class Rotator:
    """What a rotation works with. `client` None = the profile has no LiveKit: the registry alone changes.

    `draw` draws a PIN, and again while it is one of `taken`, those of live rules; `chosen` are those of rooms whose PIN
    somebody chose. `on_step` is told each step that was done: "begun", "rule", "finished".
    """

    registry: Registry
    client: "LiveKitClient | None"
    settings: Settings
    journal: Journal
    draw: Callable[[], str]
    chosen: Mapping[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    on_step: Callable[[str], None] = lambda _step: None
    brake: Brake = field(default_factory=Brake)

    async def rotate(self, holdings: Iterable[Holding]) -> list[Rotated]:
        """Give rooms another PIN; one that fails does not stop the others."""
        done: list[Rotated] = []
        for batch in _batches(holdings):
            begun = [self._begun(holding) for holding in batch]
            done += await self._carry_all([one for one in begun if isinstance(one, Rotation)], is_new=True)
            done += [one for one in begun if isinstance(one, Rotated)]
        return done

    async def recover(self) -> list[Rotated]:
        """Finish every rotation that an earlier run began. None is given up, for its rule may have changed already."""
        unfinished = self.registry.unfinished()
        still = [one for one in unfinished if self.registry.carry_on(one)]
        lost = [Rotated(one.room, error=_overtaken(one)) for one in unfinished if one not in still]
        return [*await self._carry_all(still, is_new=False), *lost]

    def _begun(self, holding: Holding) -> Rotation | Rotated:
        if self.brake.is_on:
            return Rotated(holding.room, error=_not_begun(holding))
        try:
            rotation = self._begin(holding)
        except SipctlError as error:
            self.brake.note(failed=True)
            return Rotated(holding.room, error=error)
        self.on_step("begun")
        return rotation

    def _begin(self, holding: Holding) -> Rotation:
        """Note a rotation, its new PIN the room's from here on.

        Raises:
            NotFoundError: the room has no PIN.
            ConflictError: no free PIN was found, or a rotation of this room was begun and not ended.
        """
        if not holding.pin:
            raise NotFoundError(
                f"room {holding.room!r} has no PIN",
                hint=(CommandLine.of("pin", "assign").on(holding.room), " gives it one"),
            )
        for pin in self._candidates(holding.room):
            if self.registry.begin_rotation(holding.room, holding.pin, pin):
                return Rotation(holding.room, holding.pin, pin, "")
        raise ConflictError(f"no free PIN for {holding.room!r}", code="no-pin-left", hint="raise the PIN length")

    def _candidates(self, room: str) -> Iterator[str]:
        if room in self.chosen:
            yield self.chosen[room]
        else:
            drawn = (self.draw() for _ in range(max(self.settings.telephony.pin_max_retries, 1)))
            yield from (pin for pin in drawn if pin not in self.taken)

    async def _carry_all(self, rotations: Sequence[Rotation], *, is_new: bool) -> list[Rotated]:
        """Take begun rotations to their end, against one list of the rules."""
        if not rotations:
            return []
        try:
            rules = list(await self.client.list_rules()) if self.client else []
        except SipctlError as error:
            return [self._unlisted(rotation, error, is_new=is_new) for rotation in rotations]

        async def carry(rotation: Rotation) -> Rotated:
            return await self._carry(rotation, self._old_rules(rotation, rules), is_new=is_new)

        attempts = await attempt_each(rotations, carry, self.brake)
        return [one.result or self._stopped(one.item, one.error, is_new=is_new) for one in attempts]

    def _unlisted(self, rotation: Rotation, error: SipctlError, *, is_new: bool) -> Rotated:
        """What becomes of a rotation when LiveKit's rules cannot be read: a new one is given up."""
        self.brake.note(failed=True)
        return Rotated(rotation.room, error=self._given_up(rotation, error) if is_new else error)

    def _stopped(self, rotation: Rotation, error: SipctlError | None, *, is_new: bool) -> Rotated:
        if error is None:
            error = self._given_up(rotation, _not_begun(rotation)) if is_new else _not_begun(rotation)
        return Rotated(rotation.room, error=error)

    def _given_up(self, rotation: Rotation, reason: SipctlError) -> SipctlError:
        """Give the old PIN back; the reason, or what is worse."""
        try:
            self.registry.cancel(rotation)
        except SipctlError as error:
            return error
        return reason

    async def _carry(self, rotation: Rotation, rules: Sequence[DispatchRule], *, is_new: bool) -> Rotated:
        resource, old, new = f"room {rotation.room}", {"pin": rotation.old_pin}, {"pin": rotation.new_pin}
        with self.journal.recorded("rotate", resource, old, new):
            await self._replace(rules, rotation, is_new=is_new)
            self.on_step("rule")
            self.registry.finish(rotation)
        self.on_step("finished")
        return Rotated(rotation.room, rotation.new_pin, tuple(rule.sip_dispatch_rule_id for rule in rules))

    def _old_rules(self, rotation: Rotation, rules: Iterable[DispatchRule]) -> list[DispatchRule]:
        """The room's rules that still carry the old PIN."""
        mark = self.settings.mark
        return [
            rule
            for rule in rules
            if rule.room_name == rotation.room and rule.pin == rotation.old_pin and mark.owns(rule)
        ]

    async def _replace(self, rules: Sequence[DispatchRule], rotation: Rotation, *, is_new: bool) -> None:
        """Write the new PIN into the rules. If LiveKit surely did nothing, a new rotation is given up.

        Raises:
            PartialError: nobody can tell whether the rule was changed; the note stays.
        """
        for at, rule in enumerate(rules):
            try:
                if self.client:
                    await self.client.replace_rule(rule, replace(rule, pin=rotation.new_pin))
            except NotFoundError:
                continue  # the meeting ended, and its rule with it
            except SipctlError as error:
                if at == 0 and is_new and surely_without_effect(error):
                    raise self._given_up(rotation, error) from error
                raise PartialError(
                    f"the rotation of {rotation.room!r} stands half-way: {error.message}",
                    code="half-way",
                    hint=(CommandLine.of("pin", "rotate", "--recover"), " finishes it"),
                ) from error


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _overtaken(rotation: Rotation) -> ConflictError:
    return ConflictError(
        f"the rotation of {rotation.room!r} was overtaken: it has another PIN by now, or its new PIN another room",
        code="overtaken",
        hint=(CommandLine.of("pin", "show").on(rotation.room), " shows what it has"),
    )


def _not_begun(what: Holding | Rotation) -> SipctlError:
    return SipctlError(f"room {what.room!r} was not begun", code="not-begun", hint="run it again")


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """Which rooms are rotated, and which are left out, each with the reason: "live" or "protected"."""

    rooms: tuple[Holding, ...]
    left_out: tuple[tuple[Holding, str], ...] = ()


def plan_rotation(holdings: Iterable[Holding], spared: Callable[[str], str]) -> RotationPlan:
    """Sort rooms into those that may be rotated and those that `spared` gives a reason for."""
    rooms: list[Holding] = []
    left_out: list[tuple[Holding, str]] = []
    for holding in holdings:
        if reason := spared(holding.room):
            left_out.append((holding, reason))
        else:
            rooms.append(holding)
    return RotationPlan(tuple(rooms), tuple(left_out))


def spared_by(settings: Settings, live: Live | None, allow: frozenset[str]) -> Callable[[str], str]:
    """Tells of a room why its PIN must stay, "" = it may change.

    "protected" = the room or its rule is on the protect list; "live" = a caller may be dialling right now.
    """
    protect = frozenset(settings.protect)
    rules = live.rules if live else ()
    by_rule = {rule.room_name for rule in rules if rule.sip_dispatch_rule_id in protect and settings.mark.owns(rule)}
    protected = frozenset() if "protected" in allow else protect
    live_rooms = live.rooms if live and "live-room" not in allow else frozenset()

    def spared(room: str) -> str:
        if protected and (room in by_rule or not protected.isdisjoint((room, settings.mark.name_for(room)))):
            return "protected"
        return "live" if room in live_rooms else ""

    return spared
