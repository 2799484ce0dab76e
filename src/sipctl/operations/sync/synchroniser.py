"""Purge and sync: one observation, one plan, and its items carried out behind every safeguard.

LiveKit keeps no time and no owner of a rule, and its list of rooms may lag, or be empty by mistake. What makes a
deletion safe is therefore described here, in `plan`, and in what carries it out (docs/safety.md).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from sipctl.command_line import quoted
from sipctl.config.urls import same_server
from sipctl.config.values import duration_text
from sipctl.errors import (
    ConflictError,
    PartialError,
    PoisonPairError,
    RetiredPinError,
    SafeguardError,
    SipctlError,
)
from sipctl.operations.audit import Entry, Journal
from sipctl.operations.batch import StoppedError, StopSwitch
from sipctl.operations.rules.clash import poison_pair
from sipctl.operations.safeguards import check_sole_issuer
from sipctl.operations.snapshot import Live
from sipctl.operations.sync.executor import Executor
from sipctl.operations.sync.result import Done, Outcome, Result
from sipctl.operations.sync.survey import Surveyor, earlier_from
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Action, Item, Part, Reason, State, pending
from sipctl.telephony.planning import make_plan
from sipctl.telephony.registered import Earlier
from sipctl.telephony.room_rules import replaces
from sipctl.telephony.ruleset import rule_conflicts

if TYPE_CHECKING:
    from sipctl.registry.observations import Observations

_PERCENT_FROM: Final = 10
"""From how many owned rules on the percentage counts: under that, one rule is a tenth of them."""
_MAY_DIFFER: Final = timedelta(minutes=1)
"""How far two clocks may be apart, and how late a deletion without an answer may take effect."""
_TAKEN_AWAY: Final = frozenset({"delete", "room_finished"})
"""Actions in the audit after which a rule may be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run is asked to do beside its policy.

    `look_twice` = observe, wait that long, observe again, and count the first observation as the earlier one; None =
    observations of earlier runs count.
    """

    apply: bool = False
    max_delete: int = 20
    max_delete_percent: int = 30
    look_twice: timedelta | None = None


@dataclass(slots=True)
class Settling:
    """What was put right of earlier runs: the rooms whose rule is back, and what was not put back."""

    rooms: list[str] = field(default_factory=list)
    not_back: list[Done] = field(default_factory=list)


@dataclass(slots=True)
class Synchroniser:
    """Brings rooms, PINs and rules of one server together.

    `observations` None = nothing is remembered from run to run, which needs `look_twice`. `executor_for` makes
    what carries out a plan, for the state that it was made for. A signal turns the `switch`.
    """

    surveyor: Surveyor
    observations: "Observations | None"
    journal: Journal
    limits: Limits
    executor_for: Callable[[State], Executor]
    switch: StopSwitch = field(default_factory=StopSwitch)

    async def run(self) -> Outcome:
        """Observe, plan, and with `apply` carry it out.

        Raises:
            SafeguardError: a safeguard forbids it; nothing was changed.
            SipctlError: LiveKit, or the place where observations are remembered, did not answer.
            PartialError: one of these, after a rule of an earlier run was put back.
        """
        settling = Settling()
        try:
            if self.limits.apply:
                await self._settle_earlier_runs(settling)
            return await self._run(settling)
        except StoppedError:
            return Outcome(items=(), done=settling.not_back, put_back=settling.rooms, is_stopped=True)
        except SipctlError as error:
            if not settling.rooms:
                raise
            rooms = ", ".join(map(repr, settling.rooms))
            described = f"the rule of room {rooms} was put back, for an earlier run took it away; then: {error.message}"
            raise PartialError(described, code=error.code, hint=error.advice) from error

    async def _run(self, settling: Settling) -> Outcome:
        state, earlier = await self.switch.unless_stopped(self._observe())
        self._refuse_other_pins(state)
        items = make_plan(state, self.surveyor.policy)
        self._refuse_empty_list(items, earlier)
        outcome = Outcome(items=items, done=settling.not_back, put_back=settling.rooms, earlier=earlier)
        refusal = refuse_many(items, self._owned(state), self.limits)
        if not self.limits.apply:
            return replace(outcome, would_refuse=refusal)
        if refusal:
            raise refusal
        return await self._carry_out(outcome, state) if pending(items) else outcome

    async def _observe(self) -> tuple[State, Earlier]:
        if self.limits.look_twice is None:
            return await self.surveyor.survey()
        first, _ = await self.surveyor.survey(Earlier(is_first=False))
        await asyncio.sleep(self.limits.look_twice.total_seconds())
        held = self.observations.held() if self.observations else {}
        return await self.surveyor.survey(replace(earlier_from(first, self.surveyor.policy), held_until=held))

    def _refuse_other_pins(self, state: State) -> None:
        registry, policy = self.surveyor.registry, self.surveyor.policy
        writes_pins = not policy.by_backend and policy.parts != {Part.PURGE}
        if registry and writes_pins:
            check_sole_issuer(registry, policy.mark, Live(rules=tuple(state.rules), rooms=state.live))

    def _owned(self, state: State) -> int:
        return sum(map(self.surveyor.policy.mark.owns, state.rules))

    def _refuse_empty_list(self, items: Iterable[Item], earlier: Earlier) -> None:
        waiting = [item for item in items if item.reason is Reason.EMPTY_LIST]
        if waiting:
            grace = duration_text(self.surveyor.policy.grace)
            hint = (
                f"this observation is remembered: run it again in {grace}"
                if self.observations
                else "look at LiveKit's redis"
            )
            raise SafeguardError(
                f"LiveKit lists no room at all, and would leave {len(waiting)} owned rules stale: an empty list counts"
                f" only if an earlier observation, at least {grace} ago, found it empty too",
                code="rail-empty-list",
                hint="set the clock of this host: until then no observation counts" if earlier.skew_s else hint,
            )

    async def _carry_out(self, outcome: Outcome, state: State) -> Outcome:
        """Deletions first, for they free PINs; then updates; then creates."""
        executor = self.executor_for(state)
        changes = pending(outcome.items)
        run = self.journal.run
        if self.observations:
            self.observations.begin_run(run)
        done: list[Done] = []
        unwritten: SipctlError | None = None
        try:
            with self.journal.recorded("run", f"{len(changes)} changes") as record:
                done += await _delete([item for item in changes if item.action is Action.DELETE], state, executor)
                done += await executor.update([item for item in changes if item.action is Action.UPDATE])
                done += await executor.create([item for item in changes if item.action is Action.CREATE])
                record.after = {"results": [[one.item.action.value, one.item.room, one.result.value] for one in done]}
            if self.observations:
                self.observations.end_run(run, self.surveyor.client.skew_s or 0.0)
        except SipctlError as error:
            if not done:
                raise
            unwritten = error
        return replace(outcome, done=[*outcome.done, *done], run=run, unwritten=unwritten)

    async def _settle_earlier_runs(self, settling: Settling) -> None:
        """Put back what an earlier run deleted of a room that was live: killed, or shown a late list, it saw no room.

        A room that began after the run ended is another matter: its rule is the backend's to make. What a run of
        another host deleted is in that host's audit, so it is left to that host.
        """
        runs = self.observations.unsettled_runs() if self.observations else {}
        if not runs or self.observations is None:
            return
        rooms = await self.switch.unless_stopped(self.surveyor.client.list_rooms())
        began = {room.name: room.creation_time for room in rooms}
        written = [entry for entry in self.journal.entries() if entry.run in runs]
        lost = [
            rule
            for rule, run in _taken_away(written, self.journal.url)
            if rule.room_name in began and _is_before(began[rule.room_name], runs[run])
        ]
        if lost:
            await self._put_back(lost, settling)
        if not any(one.failed for one in settling.not_back):
            self.observations.settle({entry.run for entry in written})

    async def _put_back(self, lost: Sequence[DispatchRule], settling: Settling) -> None:
        """Make what live rooms miss again, the rules with the registry's PINs first."""
        state, _ = await self.switch.unless_stopped(self.surveyor.survey(Earlier()))
        pins = state.pins or {}
        standing = list(filter(self.surveyor.policy.mark.owns, state.rules))
        executor = self.executor_for(state)
        for rule in sorted(lost, key=lambda one: (one.room_name, one.pin != pins.get(one.room_name))):
            if rule.room_name not in state.live or any(replaces(one, rule) for one in standing):
                continue
            if self.switch.signal_number:
                raise StoppedError
            done = await _made_again(executor, rule)
            if done.error:
                settling.not_back.append(done)
            elif done.result is Result.DONE:
                standing.append(rule)
                settling.rooms = list(dict.fromkeys([*settling.rooms, rule.room_name]))


async def _made_again(executor: Executor, rule: DispatchRule) -> Done:
    item = Item(action=Action.CREATE, reason=Reason.MISSING, room=rule.room_name, after=rule)
    try:
        await executor.put_back(rule)
    except PoisonPairError as error:
        return Done(item, Result.FAILED, error=error)
    except RetiredPinError as error:
        return Done(item, Result.LEFT_OUT, error=error)
    except ConflictError:  # another rule takes these calls by now, and there is nothing to put back
        return Done(item, Result.THERE)
    except SipctlError as error:
        return Done(item, Result.NOT_PUT_BACK, error=error)
    return Done(item, Result.DONE)


async def _delete(items: Sequence[Item], state: State, executor: Executor) -> list[Done]:
    """Rules that clash go first: as long as two clash, LiveKit stores no rule, so no other could be put back."""
    clashing = {
        rule.sip_dispatch_rule_id
        for conflict in rule_conflicts(state.rules)
        for rule in (conflict.first, conflict.second)
    }
    done = await executor.delete([item for item in items if item.rule_id in clashing]) if clashing else []
    others = [item for item in items if item.rule_id not in clashing]
    gone = {one.item.rule_id for one in done if one.result in {Result.DONE, Result.GONE}}
    poison = poison_pair(rule for rule in state.rules if rule.sip_dispatch_rule_id not in gone) if clashing else None
    if poison:
        return [*done, *(Done(item, Result.FAILED, error=poison) for item in others)]
    return [*done, *await executor.delete(others)]


def _taken_away(written: Iterable[Entry], url: str) -> Iterable[tuple[DispatchRule, str]]:
    """The rules of this server that these writes meant to delete, each once, and which run it was."""
    rules: dict[str, tuple[DispatchRule, str]] = {}
    for entry in written:
        if entry.action in _TAKEN_AWAY and entry.before is not None and same_server(entry.url, url):
            rule = rule_from_json(entry.before)
            rules[rule.sip_dispatch_rule_id] = rule, entry.run
    return rules.values()


def _is_before(unix_s: int, ended: datetime | None) -> bool:
    return ended is None or unix_s <= (ended + _MAY_DIFFER).timestamp()


def refuse_many(items: Iterable[Item], owned: int, limits: Limits) -> SafeguardError | None:
    """The safeguard against deleting many rules at once; None if the plan keeps within the limits."""
    count = sum(item.action is Action.DELETE for item in items)
    percent = ceil(count * 100 / owned) if owned else 0
    over_count = count > limits.max_delete
    over_percent = owned >= _PERCENT_FROM and count * 100 > limits.max_delete_percent * owned
    if not (over_count or over_percent):
        return None
    passed = [f"max_delete {limits.max_delete}"] if over_count else []
    passed += [f"max_delete_percent {limits.max_delete_percent}"] if over_percent else []
    words = ["--max-delete", str(count)] if over_count else []
    words += ["--max-delete-percent", str(percent)] if over_percent else []
    return SafeguardError(
        f"would delete {count} of {owned} owned rules ({count * 100 / owned:.3g} %), more than {' and '.join(passed)}",
        code="rail-many",
        hint=f"look at the plan; if it is right, add `{quoted(*words)}`",
    )
