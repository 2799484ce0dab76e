"""Rotating PINs: registry and live rule change together or neither.

A rotation is noted before anything else; then the new PIN is the room's in the registry, whose constraint makes sure
that it is no other room's; then the live rule is replaced; then the note goes. A run that finds a note finishes it
forward: each step may be repeated. docs/adr/0001-rotation.md describes every crash point.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sipctl.command_line import CommandLine
from sipctl.config.model import Settings
from sipctl.errors import ConflictError, NotFoundError, PartialError, SipctlError, surely_without_effect
from sipctl.files import write_private
from sipctl.operations.audit import Journal, Write
from sipctl.operations.audited_batch import AuditedBatch
from sipctl.operations.batch import StoppedError, StopSwitch, attempt_each
from sipctl.operations.safeguards import SPARED, check_sole_issuer, refusal, spared_by
from sipctl.operations.snapshot import Live
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import Holding, Rotation

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient
    from sipctl.registry.store import Registry

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
    a person chose. `on_step` is called after each step: "begun", "rule", "finished".
    """

    registry: "Registry"
    client: "LiveKitClient | None"
    settings: Settings
    journal: Journal
    draw: Callable[[], str]
    chosen: Mapping[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
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
            raise _without_pin(holding.room)
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
        """Take begun rotations to their end, against one list of the rules."""
        if not rotations:
            return []
        try:
            listed = await self._listed(self.client) if self.client else []
            rules = {rotation.room: self._old_rules(rotation, listed) for rotation in rotations}
            audit.intend(*(_rule_write(rule, one) for one in rotations for rule in rules[one.room]))
        except SipctlError as error:
            self.switch.note(failed=True)
            return [Rotated(one.room, error=self._ended(one, error, is_new=is_new)) for one in rotations]

        async def carry(rotation: Rotation) -> Rotated:
            return await self._carry(rotation, rules[rotation.room], audit, is_new=is_new)

        attempts = await attempt_each(rotations, carry, self.switch)
        return [one.result or self._stopped(one.item, one.error, is_new=is_new) for one in attempts]

    async def _listed(self, client: "LiveKitClient") -> list[DispatchRule]:
        """LiveKit's rules.

        Raises:
            SipctlError: LiveKit did not list them, or a signal came first.
        """
        try:
            return list(await self.switch.unless_stopped(client.list_rules()))
        except StoppedError:
            raise SipctlError(
                "stopped before LiveKit listed its rules", code="not-begun", hint="run it again"
            ) from None

    def _stopped(self, rotation: Rotation, error: SipctlError | None, *, is_new: bool) -> Rotated:
        """A rotation that ended with an error, or was not reached."""
        return Rotated(rotation.room, error=error or self._ended(rotation, self._not_begun(rotation), is_new=is_new))

    def _ended(self, rotation: Rotation, reason: SipctlError, *, is_new: bool) -> SipctlError:
        """What becomes of a rotation for this reason before LiveKit was touched: a new one is given up.

        The old PIN is the room's again, and the reason comes back. Otherwise it stands half-way.
        """
        if not is_new:
            return _half_way(rotation, reason)
        try:
            self.registry.cancel(rotation)
        except SipctlError as error:
            return _half_way(rotation, reason, error)
        return reason

    async def _carry(
        self, rotation: Rotation, rules: Sequence[DispatchRule], audit: AuditedBatch, *, is_new: bool
    ) -> Rotated:
        await self._replace(rules, rotation, audit, is_new=is_new)
        self.on_step("rule")
        try:
            self.registry.finish(rotation)
        except SipctlError as error:
            raise _half_way(rotation, error) from error
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

    async def _replace(
        self, rules: Sequence[DispatchRule], rotation: Rotation, audit: AuditedBatch, *, is_new: bool
    ) -> None:
        """Write the new PIN into the rules. If LiveKit surely did nothing, a new rotation is given up.

        Raises:
            PartialError: a rule was changed, or it is not known whether it was; the note stays.
        """
        changed = False
        for rule in rules:
            resource = f"rule {rule.sip_dispatch_rule_id}"
            try:
                stored = await self._replaced(rule, rotation)
            except SipctlError as error:
                audit.note(resource, error=error)
                if isinstance(error, NotFoundError):
                    continue  # the meeting ended, and its rule with it
                if not changed and surely_without_effect(error):
                    raise self._ended(rotation, error, is_new=is_new) from error
                raise _half_way(rotation, error) from error
            audit.note(resource, after=rule_to_json(stored))
            changed = True

    async def _replaced(self, rule: DispatchRule, rotation: Rotation) -> DispatchRule:
        if self.client is None:
            raise NotFoundError(f"rule {rule.sip_dispatch_rule_id} is gone")
        return await self.client.replace_rule(rule, replace(rule, pin=rotation.new_pin))


def _without_pin(room: str) -> NotFoundError:
    return NotFoundError(f"room {room!r} has no PIN", hint=(CommandLine.of("pin", "assign").on(room), " gives it one"))


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
        f"the rotation of {rotation.room!r} stands half-way: {'; '.join(error.message for error in errors)}",
        code="half-way",
        hint=(CommandLine.of("pin", "rotate", "--recover"), " finishes it"),
    )


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


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """Which rooms are rotated, and which are left out, each with the reason: "live" or "protected"."""

    rooms: tuple[Holding, ...]
    left_out: tuple[tuple[Holding, str], ...] = ()


def plan_rotation(
    registry: "Registry",
    settings: Settings,
    rooms: Iterable[str] | None,
    live: Live | None,
    allow: frozenset[str],
    *,
    alone: str = "",
) -> RotationPlan:
    """Which of the named rooms that have a PIN are rotated; `rooms` None = all that the registry knows.

    `alone` is the name of a room that is the only one: it is refused where a set would leave it out.

    Raises:
        NotFoundError, UsageError: the registry knows no such room, or several; the only one has no PIN.
        SafeguardError: the only one is live or protected, or another system hands out PINs.
    """
    if live:
        check_sole_issuer(registry, settings.mark, live)
    meant = registry.holdings() if rooms is None else registry.find_all(rooms)
    held = [holding for holding in dict.fromkeys(meant) if holding.pin]
    if alone and not held:
        raise _without_pin(alone)
    spared = spared_by(settings, live, allow)
    reasons = [(holding, spared(holding.room)) for holding in held]
    left_out = tuple((holding, reason) for holding, reason in reasons if reason)
    if alone and left_out:
        word, described = SPARED[left_out[0][1]]
        raise refusal(word, f"will not rotate the PIN of room {left_out[0][0].room!r}: {described}")
    return RotationPlan(tuple(holding for holding, reason in reasons if not reason), left_out)


KEPT: Final = timedelta(days=30)
"""How long a list of old PINs is kept: the next rotation after that removes it."""

_LISTS: Final = ("rotation-*.jsonl", ".sipctl-*")
"""The lists, and drafts of them that a killed run left behind."""


def write_old_pins(journal: Journal, rooms: Iterable[Holding]) -> Path:
    """Write the PINs of these rooms to a file that `pin import` reads, before they change; lists of long ago go.

    Raises:
        UncheckedError: it cannot be written.
    """
    folder = journal.folder
    file = folder / f"rotation-{journal.run}.jsonl"
    lines = (json.dumps({"room": one.room, "pin": one.pin}, ensure_ascii=False) + "\n" for one in rooms)
    write_private(file, lines)
    try:
        _remove_old_lists(folder, journal.now())
    except OSError as error:
        journal.tell(f"a list of old PINs in {folder} cannot be removed: {error.strerror}")
    return file


def _remove_old_lists(folder: Path, now: datetime) -> None:
    for path in (found for name in _LISTS for found in folder.glob(name)):
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and now.timestamp() - status.st_mtime > KEPT.total_seconds():
            path.unlink()


def may_have_changed(done: Iterable[Rotated]) -> bool:
    """Whether some room may have another PIN now."""
    return not all(one.error is not None and surely_without_effect(one.error) for one in done)
