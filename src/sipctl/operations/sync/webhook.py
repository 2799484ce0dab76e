"""Carrying out a plan by sending the backend the webhooks that it missed; the backend stays the only writer.

A signed `room_started` makes it create the rule that a room lacks, a signed `room_finished` delete a stale one.
Both may come twice. Whether it did is looked up in LiveKit afterwards.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import aiohttp

from sipctl.command_line import CommandLine, Prose
from sipctl.errors import PartialError, RetiredPinError, SafeguardError, SipctlError, UncheckedError
from sipctl.operations.audit import Entry, Journal, Write
from sipctl.operations.batch import Pace, StopSwitch, attempt_each
from sipctl.operations.snapshot import rules_then_rooms
from sipctl.operations.sync.executor import RunContext
from sipctl.operations.sync.livekit import batches
from sipctl.operations.sync.result import Done, Result, result_of
from sipctl.telephony.ids import new_id
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.pins import MAX_LENGTH, is_pin, is_typable
from sipctl.telephony.plan import Action, Item, Reason
from sipctl.webhooks.delivery import NO_ANSWER, deliver
from sipctl.webhooks.events import RoomEvent, room_event

_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class _State:
    """What an observation found: owned rules by their room, live rooms with their sids."""

    rules: dict[str, list[DispatchRule]]
    sids: dict[str, str]


_Holds = Callable[[Item, _State], bool]
"""Whether what an event asks for came true in this state."""


@dataclass(slots=True)
class ByWebhook:
    """Sends events to a backend. `settle_s` is how long it may take to write the rule, `timeout_s` to answer."""

    context: RunContext
    url: str
    timeout_s: float
    settle_s: float
    clock: Callable[[], float]

    async def delete(self, items: Sequence[Item]) -> list[Done]:
        """Report rooms that ended; a room that became live in between is reported as started."""
        return [done for batch in batches(items) for done in await self._delete_batch(batch)]

    async def update(self, items: Sequence[Item]) -> list[Done]:
        """Nothing: a backend that gets the webhook again keeps a rule that is there (Meet compares names alone)."""
        reason = UncheckedError(
            "a backend does not change a rule that exists", code="by-webhook", hint="`--via livekit` does"
        )
        return [Done(item, Result.FAILED, error=reason) for item in items]

    async def create(self, items: Sequence[Item]) -> list[Done]:
        """Tell of rooms that started."""
        return [done for batch in batches(items) for done in await self._create_batch(batch)]

    async def put_back(self, rule: DispatchRule) -> str:
        """Tell of a room as started whose rule a killed run took away; "" for the backend gives the id."""
        item = Item(action=Action.CREATE, reason=Reason.MISSING, room=rule.room_name)
        (done,) = await self._create_batch([item])
        if done.error:
            raise done.error
        return ""

    async def _observe(self) -> _State:
        writer = self.context.writer
        rules, rooms = await rules_then_rooms(writer.client)
        by_room: dict[str, list[DispatchRule]] = {}
        for rule in filter(writer.settings.mark.owns, rules):
            by_room.setdefault(rule.room_name, []).append(rule)
        return _State(by_room, {room.name: room.sid for room in rooms})

    async def _delete_batch(self, items: Sequence[Item]) -> list[Done]:
        if self.context.switch.ask_lock():
            return [Done(item, Result.NOT_BEGUN) for item in items]
        try:
            state = await self._observe()
            if not state.sids and self.context.state.live:
                raise UncheckedError("LiveKit lists no room any more, which cannot be", code="empty-list")
        except SipctlError as error:
            return self._none_done(items, error)
        left = {item.rule_id: self._why_not(item, state) for item in items}
        ready = [item for item in items if left[item.rule_id] is None]
        done = await self._send(
            ready, "room_finished", state, lambda item, after: item.before not in after.rules.get(item.room, [])
        )
        done = await self._restart_live_rooms(done)
        return [*(Done(item, result) for item in items if (result := left[item.rule_id]) is not None), *done]

    def _none_done(self, items: Sequence[Item], error: SipctlError) -> list[Done]:
        """What failed before the backend was sent anything."""
        self.context.switch.note(failed=True)
        return [Done(item, Result.FAILED, error=error) for item in items]

    def _why_not(self, item: Item, state: _State) -> Result | None:
        rules = state.rules.get(item.room, [])
        if item.room in state.sids:
            return Result.ALIVE
        if item.before not in rules:
            ids = {rule.sip_dispatch_rule_id for rule in rules}
            return Result.CHANGED if item.rule_id in ids else Result.GONE
        return None

    async def _restart_live_rooms(self, done: Sequence[Done]) -> list[Done]:
        lost = [one for one in done if one.result is not Result.NOT_BEGUN]
        if not lost:
            return list(done)
        try:
            state = await self._observe()
        except SipctlError as error:
            return [
                replace(one, result=Result.NOT_CHECKED, error=error) if one.result is Result.DONE else one
                for one in done
            ]
        alive = [one for one in lost if one.item.room in state.sids]
        again = await self._start([one.item for one in alive], state, StopSwitch())  # whatever stopped the run
        put_back = {one.item.rule_id: replace(one, result=_put_back_as(one)) for one in again}
        return [put_back.get(one.item.rule_id, one) for one in done]

    async def _create_batch(self, items: Sequence[Item]) -> list[Done]:
        if self.context.switch.ask_lock():
            return [Done(item, Result.NOT_BEGUN) for item in items]
        try:
            state = await self._observe()
            ready, spared = await self.context.still_needed(items, state.rules.keys(), state.sids.keys())
        except SipctlError as error:
            return self._none_done(items, error)
        return [*spared, *await self._start(ready, state)]

    async def _start(self, items: Sequence[Item], state: _State, switch: StopSwitch | None = None) -> list[Done]:
        """Say that these rooms started, and judge the rules that come. Rooms without a PIN to type are left out."""
        left_out = self._without_pin(items)
        came: dict[str, DispatchRule] = {}

        def has_come(item: Item, after: _State) -> bool:
            came.update((item.room, rule) for rule in after.rules.get(item.room, [])[:1])
            return item.room in came

        ready = [item for item in items if item.room not in left_out]
        done = await self._send(ready, "room_started", state, has_come, switch)
        return [*left_out.values(), *(self._judged(one, came) for one in done)]

    def _without_pin(self, items: Sequence[Item]) -> dict[str, Done]:
        """What becomes of the rooms for which Meet has no PIN to type today, as far as its table can be asked.

        Its rule of a room with a blank PIN is open; that of one without a PIN has the word None.
        """
        registry = self.context.writer.settings.registry
        if not registry.is_backends:
            return {}
        try:
            today = self.context.writer.pins_today([DispatchRule(room_name=item.room) for item in items])
        except SipctlError as error:
            return {item.room: Done(item, Result.FAILED, error=error) for item in items}
        pins = today.of_rooms if today else {}
        without = [item for item in items if not is_pin(pins.get(item.room, ""))]
        return {item.room: Done(item, Result.FAILED, error=_no_pin(item.room)) for item in without}

    def _judged(self, done: Done, came: Mapping[str, DispatchRule]) -> Done:
        """The same with the rule that came; one that is open, or that no caller can reach, is a fault of the run."""
        rule = came.get(done.item.room)
        if done.result is not Result.DONE or rule is None:
            return done
        fault = _fault(rule)
        if not fault:
            return replace(done, rule_id=rule.sip_dispatch_rule_id)
        hint = _closing(rule, in_meet=self.context.writer.settings.registry.is_backends)
        error = SafeguardError(f"the backend made {describe_rule(rule)}, which {fault}", code="unfit", hint=hint)
        return Done(done.item, Result.UNFIT, rule_id=rule.sip_dispatch_rule_id, error=error)

    async def _send(
        self, items: Sequence[Item], event: RoomEvent, state: _State, holds: _Holds, switch: StopSwitch | None = None
    ) -> list[Done]:
        """Send one event for each item, and read in LiveKit what came of it; the audit has both.

        With a `switch` of their own they are sent at once, whatever the run's pace is.
        """
        journal = self.context.writer.journal
        if not items:
            return []
        try:
            intents = journal.intend(*(_write(event, item) for item in items))
        except SipctlError as error:
            return self._none_done(items, error)
        done = await self._came_true(await self._posted(items, event, state, switch), holds)
        try:
            journal.conclude(*(_outcome(journal, *pair) for pair in zip(intents, done, strict=True)))
        except PartialError as error:
            return [replace(one, error=one.error or error) for one in done]
        return done

    async def _posted(
        self, items: Sequence[Item], event: RoomEvent, state: _State, switch: StopSwitch | None
    ) -> list[Done]:
        connection = self.context.writer.settings.connection

        async def post(item: Item) -> Done:
            body = room_event(
                event, item.room, state.sids.get(item.room, ""), new_id("EV_", secrets.choice), self.clock()
            )
            key, secret = connection.api_key, connection.api_secret
            await deliver(session, self.url, body, key, secret, self.clock(), self.timeout_s)
            return Done(item, Result.DONE)

        async with aiohttp.ClientSession(trust_env=True) as session:
            pace = Pace() if switch else self.context.pace
            attempts = await attempt_each(items, post, switch or self.context.switch, pace, self.context.on_end)
        return list(map(result_of, attempts))

    async def _came_true(self, done: Sequence[Done], holds: _Holds) -> list[Done]:
        """Ask LiveKit until all that was sent came true, or the backend had its time.

        A backend that fails at an event may have done what it asks for, and one without an answer may do it still.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self.settle_s
        waiting = [one for one in done if one.result in {Result.DONE, Result.UNKNOWN}]
        came: set[str] = set()
        while waiting:
            try:
                state = await self._observe()
            except SipctlError as error:
                return _unseen(done, waiting, error)
            came |= {_key(one) for one in waiting if holds(one.item, state)}
            waiting = [one for one in waiting if _key(one) not in came]
            if not any(map(_may_come, waiting)) or loop.time() >= until:
                break
            if self.context.switch.signal_number:
                return _unseen(done, waiting, _STOPPED)
            await asyncio.sleep(_PAUSE_S)
        ignored = UncheckedError(
            f"the backend took the event, but did nothing within {self.settle_s:g} s",
            code="backend",
            hint="is telephony on, and does its room filter let this room through?",
        )
        left = {_key(one): _left_undone(one, ignored) for one in waiting}
        return [Done(one.item, Result.DONE) if _key(one) in came else left.get(_key(one), one) for one in done]


def _key(done: Done) -> str:
    return done.item.rule_id or done.item.room


def _may_come(done: Done) -> bool:
    """Whether what was sent may still come true: the backend took it, or gave no answer."""
    return done.result is Result.DONE or (done.error is not None and done.error.code == NO_ANSWER)


def _left_undone(done: Done, ignored: SipctlError) -> Done:
    """What became of an event of which nothing came."""
    if done.result is Result.DONE:
        return Done(done.item, Result.FAILED, error=ignored)
    return done if _may_come(done) else replace(done, result=Result.FAILED)


def _write(event: RoomEvent, item: Item) -> Write:
    before = rule_to_json(item.before) if item.before and event == "room_finished" else None
    return Write(event, f"room {item.room}", before)


def _outcome(journal: Journal, intent: Entry, done: Done) -> Entry:
    """What the audit says of an event, by what LiveKit showed."""
    is_undone = done.result in {Result.FAILED, Result.NOT_BEGUN}
    if is_undone or done.error is None:
        error = done.error or (SipctlError(done.result.value) if is_undone else None)
        return journal.outcome_of(intent, error=error, is_undone=is_undone)
    return journal.outcome_of(intent, error=UncheckedError(done.error.message, code=NO_ANSWER))


def _put_back_as(started: Done) -> Result:
    """What became of a rule that was deleted, by what became of the event that its room started."""
    if isinstance(started.error, RetiredPinError):
        return Result.LEFT_OUT
    known = {Result.DONE: Result.PUT_BACK, Result.UNFIT: Result.UNFIT, Result.NOT_SEEN: Result.NOT_SEEN}
    return known.get(started.result, Result.NOT_PUT_BACK)


def _no_pin(room: str) -> SipctlError:
    return RetiredPinError(
        "Meet has no PIN for it that a caller can type",
        code="no-pin",
        hint=(CommandLine.of("pin", "assign").on(room), " gives it one"),
    )


def _fault(rule: DispatchRule) -> str:
    """What is wrong with the PIN of a rule; "" if a caller can type it."""
    if not rule.pin:
        return "is open to every caller"
    is_reachable = is_typable(rule.pin) and len(rule.pin) <= MAX_LENGTH
    return "" if is_reachable else "has a PIN that no caller can type"


def _closing(rule: DispatchRule, *, in_meet: bool) -> Prose:
    """What gives an unfit rule a PIN: through Meet's table, or by Meet itself once the rule is gone."""
    if in_meet:
        assign = CommandLine.of("pin", "assign").on(rule.room_name)
        sync = CommandLine.of("rules", "sync", "--room", rule.room_name, "--via", "livekit", "--apply")
        return (assign, " gives the room a PIN, then ", sync, " gives it to the rule")
    delete = CommandLine.of("rules", "delete").on(rule.sip_dispatch_rule_id).having("--allow", "live-room")
    return (delete, " closes it; give the room a PIN in Meet, and run this again")


_STOPPED: Final = UncheckedError("a signal stopped the run", code="stopped", hint="run it again: it checks first")


def _unseen(done: Sequence[Done], waiting: Sequence[Done], error: SipctlError) -> list[Done]:
    """What was done, with those that LiveKit could not be asked about any more."""
    unseen = {
        _key(one): Done(one.item, Result.NOT_SEEN, error=error)
        if _may_come(one)
        else replace(one, result=Result.FAILED)
        for one in waiting
    }
    return [unseen.get(_key(one), one) for one in done]
