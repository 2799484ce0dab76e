"""Carrying out a plan in LiveKit itself.

LiveKit has no conditional delete. So a batch is read again right before it is deleted, rules first and rooms second;
both are read once more after it: a rule whose room became live in between is put back as it was, and so is a duplicate
whose calls no other rule takes any more.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar

from sipctl.errors import ConflictError, NotFoundError, PartialError, RetiredPinError, SipctlError
from sipctl.operations.audit import Entry, Journal, Write, utc_now
from sipctl.operations.batch import at_once_over, attempt_each
from sipctl.operations.rules.clash import EqualRuleExistsError, timestamp
from sipctl.operations.rules.create import create_alone, put_back
from sipctl.operations.snapshot import rules_then_rooms
from sipctl.operations.sync.executor import RunContext
from sipctl.operations.sync.result import Done, Result, failure, result_of
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.pins import MAX_LENGTH
from sipctl.telephony.plan import Item, Reason
from sipctl.telephony.room_rules import replaces

T = TypeVar("T")

BATCH: Final = 256
"""How many deletions lie between one reading and the next: each costs two lists. A multiple of what is at once."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """What was seen right before a batch: its rules by their ids, and the rooms that are live."""

    rules: Mapping[str, DispatchRule]
    live: frozenset[str]


@dataclass(slots=True)
class ByLiveKit:
    """Writes rules by LiveKit's API."""

    context: RunContext
    _stored: dict[str, DispatchRule] = field(default_factory=dict)
    _known: Mapping[str, DispatchRule] = field(init=False)
    """The rules that the plan was made for, by their ids."""

    def __post_init__(self) -> None:
        self._known = {one.sip_dispatch_rule_id: one for one in self.context.state.rules}

    async def delete(self, items: Sequence[Item]) -> list[Done]:
        """Delete rules, batch by batch. The reading before a batch also shows what became live during the last one."""
        done: list[Done] = []
        for batch in batches(items):
            if self.context.switch.ask_lock():
                done += [Done(item, Result.NOT_BEGUN) for item in batch]
                continue
            try:
                observation = await self._observe(batch)
            except SipctlError as error:
                done += self._none_done(batch, error)
                continue
            done = await self._put_back_what_is_missed(done, observation.live)
            done += await self._delete_batch(batch, observation)
        return await self._check(done)

    async def _observe(self, items: Sequence[Item]) -> _Observation:
        writer = self.context.writer
        writer.pins_today([item.before for item in items if item.before])  # what cannot be put back is not deleted
        ids = {item.rule_id for item in items} | {item.beside for item in items if item.beside}
        rules, rooms = await rules_then_rooms(writer.client, sorted(ids))
        if not rooms and self.context.state.live:
            raise SipctlError("LiveKit lists no room any more, which cannot be", code="empty-list", hint="look again")
        by_id = {rule.sip_dispatch_rule_id: rule for rule in rules}
        return _Observation(by_id, frozenset(room.name for room in rooms))

    async def _delete_batch(self, items: Sequence[Item], observation: _Observation) -> list[Done]:
        left = {item.rule_id: self._why_not(item, observation.rules, observation.live) for item in items}
        ready = [item for item in items if left[item.rule_id] is None]
        spared = [Done(item, result) for item in items if (result := left[item.rule_id]) is not None]
        return [*spared, *await self._delete_ready(ready)]

    def _why_not(self, item: Item, stored: Mapping[str, DispatchRule], live: frozenset[str]) -> Result | None:
        rule = stored.get(item.rule_id)
        if rule is None:
            return Result.GONE
        if rule != item.before:
            return Result.CHANGED
        if item.reason is Reason.DUPLICATE:
            return None if self._is_right(stored.get(item.beside), item.beside) else Result.CHANGED
        return Result.ALIVE if item.room in live else None

    def _is_right(self, rule: DispatchRule | None, rule_id: str) -> bool:
        """Whether the rule that makes another one superfluous is as it was when the plan was made."""
        return rule is not None and rule == self._known.get(rule_id)

    async def _delete_ready(self, items: Sequence[Item]) -> list[Done]:
        journal, client = self.context.writer.journal, self.context.writer.client
        if not items:
            return []
        try:
            intents = journal.intend(*map(_deletion, items))
        except SipctlError as error:
            return self._none_done(items, error)

        async def delete(item: Item) -> Done:
            try:
                await client.delete_rule(item.rule_id)
            except NotFoundError:
                return Done(item, Result.GONE)
            return Done(item, Result.DONE)

        pace = replace(self.context.pace, at_once=at_once_over(client.round_trip_s))
        attempts = await attempt_each(items, delete, self.context.switch, pace, self.context.on_end)
        done = list(map(result_of, attempts))
        try:
            journal.conclude(*(_outcome(journal, *pair) for pair in zip(intents, done, strict=True)))
        except PartialError as error:
            return [replace(one, error=one.error or error) for one in done]
        return done

    async def _check(self, done: list[Done]) -> list[Done]:
        """List the rooms once more, after the last deletion."""
        if not any(map(self._may_be_lost, done)):
            return done
        try:
            live = frozenset(room.name for room in await self.context.writer.client.list_rooms())
        except SipctlError as error:
            return [self._failed(one, Result.NOT_CHECKED, error) if self._may_be_lost(one) else one for one in done]
        return await self._put_back_what_is_missed(done, live)

    def _may_be_lost(self, done: Done) -> bool:
        """Whether a room may miss this rule: it was deleted, or its deletion has no answer.

        None misses a duplicate with another PIN than the right one.
        """
        if done.result not in {Result.DONE, Result.UNKNOWN}:
            return False
        keeper = self._known.get(done.item.beside) if done.item.reason is Reason.DUPLICATE else None
        return keeper is None or done.item.before is None or done.item.before.pin == keeper.pin

    async def _put_back_what_is_missed(self, done: Sequence[Done], live: frozenset[str]) -> list[Done]:
        """What live rooms miss: rules of rooms that became live, and duplicates without the rule that covered them."""
        missed = [one.item.room in live and self._may_be_lost(one) for one in done]
        pairs = zip(done, missed, strict=True)
        try:
            standing = list(await self.context.writer.client.list_rules()) if any(missed) else []
        except SipctlError as error:
            return [self._failed(one, Result.NOT_CHECKED, error) if is_missed else one for one, is_missed in pairs]
        return [await self._put_back(one, standing) if is_missed else one for one, is_missed in pairs]

    async def _put_back(self, one: Done, standing: Iterable[DispatchRule]) -> Done:
        gone = one.item.before
        is_duplicate = one.item.reason is Reason.DUPLICATE
        if gone is None or (is_duplicate and self._serving(gone, standing)):
            return one
        try:
            rule_id = await self.put_back(gone)
        except RetiredPinError as error:
            return Done(one.item, Result.LEFT_OUT, error=error)
        except PartialError as error:  # it was, and then something failed
            rule_id, one = "", self._failed(one, one.result, error)
        except SipctlError as error:
            return self._failed(one, Result.NOT_PUT_BACK, error)
        return Done(one.item, Result.NEEDED if is_duplicate else Result.PUT_BACK, rule_id=rule_id, error=one.error)

    def _failed(self, one: Done, result: Result, error: SipctlError) -> Done:
        """What failed after the deletion; a deletion without an answer remains one until it is looked at."""
        self.context.switch.note(failed=True)
        is_known = one.result is Result.DONE or result is Result.NOT_PUT_BACK
        return Done(one.item, result, error=error) if is_known else one

    def _none_done(self, items: Iterable[Item], error: SipctlError) -> list[Done]:
        """What failed before anything was written."""
        self.context.switch.note(failed=True)
        return [Done(item, Result.FAILED, error=error) for item in items]

    async def put_back(self, rule: DispatchRule) -> str:
        """Create a deleted rule again for its live room; the id of the rule that serves it now.

        A backend may have been quicker; then its rule stays.

        Raises:
            RetiredPinError: its PIN was taken away, and its room has no other one.
            SipctlError: it cannot be made, and no one else made one.
        """
        writer = self.context.writer
        standing = list(await writer.client.list_rules())
        if serving := self._serving(rule, standing):
            return serving
        today = writer.as_of_today(rule)
        if serving := self._serving(today, standing):
            return serving
        try:
            return await put_back(writer, today)
        except ConflictError:
            if serving := self._serving(today, await writer.client.list_rules()):
                return serving
            raise

    def _serving(self, gone: DispatchRule, standing: Iterable[DispatchRule]) -> str:
        """The id of an owned rule that takes the calls of a deleted one; "" if there is none.

        Its PIN may be a newer one by now. A rule that had another PIN already when the plan was made does not count.
        """
        owns, known = self.context.writer.settings.mark.owns, self._known
        serving = (
            rule.sip_dispatch_rule_id
            for rule in standing
            if owns(rule)
            and replaces(rule, gone)
            and (rule.pin == gone.pin or rule != known.get(rule.sip_dispatch_rule_id))
        )
        return next(serving, "")

    async def update(self, items: Sequence[Item]) -> list[Done]:
        """Change rules in place, one after the other: each may wait for the PIN of the one before.

        LiveKit swaps a whole rule in one step, so at no moment is it open, gone, or without a PIN.
        """
        return [await self._update(item) for item in items]

    async def _update(self, item: Item) -> Done:
        if self.context.switch.ask_lock() or item.before is None or item.after is None:
            return Done(item, Result.NOT_BEGUN)
        before = self._stored.get(item.rule_id, item.before)
        after = replace(before, pin=_parking_pin()) if item.parked else item.after
        try:
            self._stored[item.rule_id] = await self._replace(before, after)
        except NotFoundError:
            return self._noted(Done(item, Result.GONE))
        except SipctlError as error:
            return self._noted(failure(item, error))
        return self._noted(Done(item, Result.DONE, rule_id=item.rule_id))

    async def _replace(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
        writer, resource = self.context.writer, f"rule {before.sip_dispatch_rule_id}"
        with writer.journal.recorded("update", resource, rule_to_json(before), rule_to_json(after)) as record:
            stored = await writer.client.replace_rule(before, after)
            record.after = rule_to_json(stored)
        return stored

    def _noted(self, done: Done) -> Done:
        self.context.switch.note(failed=done.error is not None)
        self.context.on_end()
        return done

    async def create(self, items: Sequence[Item]) -> list[Done]:
        """Make rules for rooms that still need one."""
        done: list[Done] = []
        for batch in batches(items):
            done += await self._create_batch(batch)
        return done

    async def _create_batch(self, items: Sequence[Item]) -> list[Done]:
        writer = self.context.writer
        if self.context.switch.ask_lock():
            return [Done(item, Result.NOT_BEGUN) for item in items]
        try:
            rules, rooms = await rules_then_rooms(writer.client)
            served = {rule.room_name for rule in rules if writer.settings.mark.owns(rule)}
            ready, spared = await self.context.still_needed(items, served, {room.name for room in rooms})
        except SipctlError as error:
            return self._none_done(items, error)
        attempts = await attempt_each(ready, self._create, self.context.switch, self.context.pace, self.context.on_end)
        return [*spared, *map(result_of, attempts)]

    async def _create(self, item: Item) -> Done:
        if item.after is None:
            return Done(item, Result.NOT_BEGUN)
        stamped = replace(item.after, created_at=item.after.created_at or timestamp(utc_now()))
        try:
            made = await create_alone(self.context.writer, stamped)
        except EqualRuleExistsError as found:
            return Done(item, Result.THERE, rule_id=found.rule.sip_dispatch_rule_id)
        return Done(item, Result.DONE, rule_id=made.id)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of the length of a batch."""
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _deletion(item: Item) -> Write:
    before = rule_to_json(item.before) if item.before else None
    return Write("delete", f"rule {item.rule_id}", before)


def _outcome(journal: Journal, intent: Entry, done: Done) -> Entry:
    not_ours = SipctlError(done.result.value) if done.result in {Result.GONE, Result.NOT_BEGUN} else None
    return journal.outcome_of(intent, error=done.error or not_ours)


def _parking_pin() -> str:
    """A PIN that no one knows, for the moment in which two rules change places."""
    return f"{secrets.randbelow(10**MAX_LENGTH):0{MAX_LENGTH}d}"
