"""Rotating PINs: registry and live rule change together or neither.

A rotation is noted before anything else; then the new PIN is the room's in the registry, whose constraint makes sure
that it is no other room's; then every rule that carries the old PIN and leads to the room is replaced; then, if a new
list shows none that does, the note goes. A run that finds a note finishes it forward: each step may be repeated.
docs/adr/0001-rotation.md describes every crash point.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, surely_without_effect
from sipctl.operations.audit import Journal, Write
from sipctl.operations.audited_batch import AuditedBatch
from sipctl.operations.batch import Attempt, StoppedError, StopSwitch, attempt_each
from sipctl.operations.pins import without_pin
from sipctl.operations.safeguards import foreign_carriers
from sipctl.telephony.carriers import Carriers, RulesByPin, by_pin, carriers
from sipctl.telephony.commands import recover_rotations
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import counted
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.registered import Holding, Rotation

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.registry.store import Registry

T = TypeVar("T")

BATCH: Final = 50
"""How many rotations are begun before LiveKit's rules are listed for all of them."""

_LISTS: Final = 4
"""How often a batch lists the rules at most, while others go on writing the old PIN into some."""


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
    a person chose. `allow` are the words of `--allow`. `on_step` is called after each step: "begun", "rule" where a
    rule was changed, "finished".
    """

    registry: "Registry"
    client: "LiveKitClient | None"
    settings: Settings
    journal: Journal
    draw: Callable[[], str]
    chosen: Mapping[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    on_step: Callable[[str], None] = lambda _step: None
    switch: StopSwitch = field(default_factory=StopSwitch)

    async def rotate(self, holdings: Iterable[Holding]) -> list[Rotated]:
        """Give rooms another PIN; one that fails does not stop the others.

        An error that is no PartialError = registry and rules are as they were.
        """
        done: list[Rotated] = []
        for batch in _batches(holdings):
            done += await self._rotate_batch(batch)
        return done

    async def _rotate_batch(self, batch: Sequence[Holding]) -> list[Rotated]:
        audit = AuditedBatch(self.journal)
        if self.switch.ask_lock():
            return [Rotated(holding.room, error=self._not_begun(holding)) for holding in batch]
        try:
            audit.intend(*(Write("rotate", f"room {one.room}", {"pin": one.pin}) for one in batch))
        except SipctlError as error:
            return self._none_begun(batch, error)
        begun = [self._begun(holding) for holding in batch]
        done = await self._carry_all([one for one in begun if isinstance(one, Rotation)], audit, is_new=True)
        return _concluded(audit, [*done, *(one for one in begun if isinstance(one, Rotated))])

    def _none_begun(self, rooms: Iterable[Holding | Rotation], error: SipctlError) -> list[Rotated]:
        self.switch.note(failed=True)
        return [Rotated(one.room, error=error) for one in rooms]

    async def recover(self) -> list[Rotated]:
        """Finish every rotation that an earlier run began. None is given up, for its rule may have changed already."""
        unfinished = self.registry.unfinished()
        audit = AuditedBatch(self.journal)
        if self.switch.ask_lock():
            return [Rotated(one.room, error=self._not_begun(one)) for one in unfinished]
        try:
            audit.intend(
                *(Write("rotate", f"room {one.room}", {"pin": one.old_pin}, {"pin": one.new_pin}) for one in unfinished)
            )
        except SipctlError as error:
            return self._none_begun(unfinished, error)
        ready = [self._carried_on(one) for one in unfinished]
        done = await self._carry_all([one for one in ready if isinstance(one, Rotation)], audit, is_new=False)
        return _concluded(audit, [*done, *(one for one in ready if isinstance(one, Rotated))])

    def _carried_on(self, rotation: Rotation) -> Rotation | Rotated:
        """The rotation with its new PIN in the registry, or why that cannot be."""
        try:
            can_be = self.registry.carry_on(rotation)
        except SipctlError as error:
            return Rotated(rotation.room, error=_half_way(rotation, error))
        return rotation if can_be else Rotated(rotation.room, error=_overtaken(rotation))

    def _not_begun(self, what: Holding | Rotation) -> SipctlError:
        return self.switch.lost or SipctlError(
            f"room {what.room!r} was not begun", code="not-begun", hint="run it again"
        )

    def _begun(self, holding: Holding) -> Rotation | Rotated:
        if self.switch.is_on:
            return Rotated(holding.room, error=self._not_begun(holding))
        try:
            rotation = self._begin(holding)
        except SipctlError as error:
            self.switch.note(failed=True)
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
            raise without_pin(holding.room)
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

    async def _carry_all(self, rotations: Sequence[Rotation], audit: AuditedBatch, *, is_new: bool) -> list[Rotated]:
        """Take begun rotations to their end: each ends when a list of the rules shows none that accepts its old PIN."""
        running = [_Course(rotation, can_be_given_up=is_new) for rotation in rotations]
        done: list[Rotated] = []
        for _ in range(_LISTS):
            if not running:
                return done
            ended = await self._advance(running, audit)
            done += ended
            rooms = {one.room for one in ended}
            running = [course for course in running if course.rotation.room not in rooms]
        return [*done, *(Rotated(one.rotation.room, error=_still_accepted(one)) for one in running)]

    async def _advance(self, running: Sequence["_Course"], audit: AuditedBatch) -> list[Rotated]:
        """List the rules, finish what no rule is left of, and put new PINs into the others; those that ended."""
        try:
            rules = by_pin(await self._listed(running))
            for course in running:
                course.meet(rules, self.settings.mark)
            audit.intend(*(_rule_write(rule, one.rotation) for one in running for rule in self._permitted(one)))
        except SipctlError as error:
            self.switch.note(failed=True)
            return [Rotated(one.rotation.room, error=self._ended(one, error)) for one in running]
        clear = [self._finished(one) for one in running if not one.leading]

        async def replace_rules(course: _Course) -> None:
            await self._replace(course, audit)

        attempts = await attempt_each([one for one in running if one.leading], replace_rules, self.switch)
        failed = [(one.item, self._stopped(one)) for one in attempts if one.error or not one.begun]
        return [*clear, *(Rotated(course.rotation.room, error=error) for course, error in failed)]

    def _permitted(self, course: "_Course") -> Sequence[DispatchRule]:
        """The rules that get the new PIN. None, if the rotation can be given up for those that must not be changed."""
        if not course.left.foreign or "foreign" in self.allow:
            return course.leading
        return () if course.can_be_given_up else course.left.own

    async def _listed(self, running: Sequence["_Course"]) -> Sequence[DispatchRule]:
        """LiveKit's rules; a signal comes first unless a rotation was written to LiveKit, and is to be finished.

        Raises:
            SipctlError: LiveKit did not list them, or a signal came first.
        """
        if self.client is None:
            return ()
        if not all(course.can_be_given_up for course in running):
            return list(await self.client.list_rules())
        try:
            return list(await self.switch.unless_stopped(self.client.list_rules()))
        except StoppedError:
            raise SipctlError(
                "stopped before LiveKit listed its rules", code="not-begun", hint="run it again"
            ) from None

    def _stopped(self, attempt: Attempt["_Course", None]) -> SipctlError:
        """Why a rotation ended with an error, or was not reached."""
        return attempt.error or self._ended(attempt.item, self._not_begun(attempt.item.rotation))

    def _ended(self, course: "_Course", reason: SipctlError) -> SipctlError:
        """What becomes of a rotation for this reason: one that can be is given up.

        The old PIN is the room's again, and the reason comes back. Otherwise it is half done.
        """
        if not course.can_be_given_up:
            return _half_way(course.rotation, reason)
        try:
            self.registry.cancel(course.rotation)
        except SipctlError as error:
            return _half_way(course.rotation, reason, error)
        return reason

    def _finished(self, course: "_Course") -> Rotated:
        """The rotation, once its note is gone."""
        rotation = course.rotation
        try:
            self.registry.finish(rotation)
        except SipctlError as error:
            return Rotated(rotation.room, error=_half_way(rotation, error))
        self.on_step("finished")
        return Rotated(rotation.room, rotation.new_pin, tuple(course.changed))

    async def _replace(self, course: "_Course", audit: AuditedBatch) -> None:
        """Write the new PIN into the rules. If LiveKit surely did nothing, a new rotation is given up.

        Raises:
            SafeguardError: a foreign rule accepts the old PIN, nothing was changed, and nothing stays of the rotation.
            PartialError: a rule was changed, or it is not known whether it was, or a foreign one was not; the note
                stays.
        """
        permitted = self._permitted(course)
        if not permitted:
            raise self._refused(course)
        for rule in permitted:
            resource = f"rule {rule.sip_dispatch_rule_id}"
            try:
                stored = await self._replaced(rule, course.rotation)
            except SipctlError as error:
                audit.note(resource, error=error)
                if isinstance(error, NotFoundError):
                    continue  # the meeting ended, and its rule with it
                if surely_without_effect(error):
                    raise self._ended(course, error) from error
                raise _half_way(course.rotation, error) from error
            audit.note(resource, after=rule_to_json(stored))
            course.note_change(rule)
        self.on_step("rule")

    def _refused(self, course: "_Course") -> SipctlError:
        if course.can_be_given_up:
            return self._ended(course, foreign_carriers(course.rotation.room, course.left.foreign))
        return _still_accepted(course)

    async def _replaced(self, rule: DispatchRule, rotation: Rotation) -> DispatchRule:
        if self.client is None:
            raise NotFoundError(f"rule {rule.sip_dispatch_rule_id} is gone")
        return await self.client.replace_rule(rule, replace(rule, pin=rotation.new_pin))


@dataclass(slots=True)
class _Course:
    """A rotation under way.

    `can_be_given_up` = nothing of it was written to LiveKit; `left` are the rules that accept the old PIN by the last
    list, `changed` the ids of those that have the new one.
    """

    rotation: Rotation
    can_be_given_up: bool
    left: Carriers = field(default_factory=Carriers)
    changed: dict[str, None] = field(default_factory=dict)

    @property
    def leading(self) -> tuple[DispatchRule, ...]:
        """The rules with which the old PIN still opens the room."""
        return (*self.left.own, *self.left.foreign)

    def meet(self, rules: RulesByPin, mark: Ownership) -> None:
        """Take notice of a list of rules."""
        self.left = carriers(rules, self.rotation.room, self.rotation.old_pin, mark)

    def note_change(self, rule: DispatchRule) -> None:
        """A rule has the new PIN."""
        self.can_be_given_up = False
        self.changed[rule.sip_dispatch_rule_id] = None


def _concluded(audit: AuditedBatch, done: Sequence[Rotated]) -> list[Rotated]:
    """The same, once the audit says what came of each room."""
    for one in done:
        is_undone = one.error is not None and not isinstance(one.error, PartialError)
        after = None if one.error else {"pin": one.new_pin}
        audit.note(f"room {one.room}", after=after, error=one.error, is_undone=is_undone)
    try:
        audit.conclude()
    except PartialError as error:
        return [replace(one, error=one.error or error) for one in done]
    return list(done)


def _rule_write(rule: DispatchRule, rotation: Rotation) -> Write:
    after = replace(rule, pin=rotation.new_pin)
    return Write("rotate", f"rule {rule.sip_dispatch_rule_id}", rule_to_json(rule), rule_to_json(after))


def _half_way(rotation: Rotation, *errors: SipctlError) -> PartialError:
    return PartialError(
        f"the rotation of {rotation.room!r} is half done: {'; '.join(error.message for error in errors)}",
        code="half-way",
        hint=(recover_rotations(), " finishes it"),
    )


def _still_accepted(course: _Course) -> PartialError:
    """The end of a rotation whose old PIN still opens the room, by the rules that are named."""
    rules = course.leading
    ids = ", ".join(rule.sip_dispatch_rule_id for rule in rules)
    verb = "accepts" if len(rules) == 1 else "accept"
    error = _half_way(course.rotation, SipctlError(f"{counted(len(rules), 'rule')} still {verb} the old PIN: {ids}"))
    if course.left.foreign:
        error.advice = (recover_rotations("--allow", "foreign"), " gives them the new one")
    return error


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


def may_have_changed(done: Iterable[Rotated]) -> bool:
    """Whether some room may have another PIN now."""
    return not all(one.error is not None and surely_without_effect(one.error) for one in done)
