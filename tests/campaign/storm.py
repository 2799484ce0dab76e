"""Random states, faults, other writers, and a process that may be killed at any await: what purge and sync survive.

`python tests/campaign/storm.py --runs 10000 --seed 1` runs a campaign and prints its figures. `state` makes the states,
`faults` is what happens around a run, `promises` what must hold after it.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sipctl.config.model import Connection, Settings
from sipctl.errors import SipctlError
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import Journal, read_audit
from sipctl.operations.batch import StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.restore import Present, RestoreAction, plan_undo, restore, rules_before
from sipctl.operations.safeguards import Permit
from sipctl.operations.sync.executor import Executor, RunContext
from sipctl.operations.sync.livekit import ByLiveKit
from sipctl.operations.sync.result import Outcome, Result
from sipctl.operations.sync.survey import Surveyor
from sipctl.operations.sync.synchroniser import Limits, Synchroniser
from sipctl.registry.database import open_engine
from sipctl.registry.store import Registry
from sipctl.registry.tables import OURS, schema
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Action, Part, Policy, State
from sipctl.telephony.returning import as_of_today
from tests.campaign import state
from tests.campaign.calls import Reached, reached
from tests.campaign.clocks import GRACE, Clocks, TimedLooks
from tests.campaign.faults import (
    FAULTS,
    OTHERS,
    ROBBERS,
    KilledError,
    MortalJournal,
    StormyClient,
    Surroundings,
    damage_audit,
)
from tests.campaign.pins import CHANGES, Pins
from tests.campaign.promises import Promises
from tests.campaign.running import repeat, run_from_command_line
from tests.campaign.watching import WatchedApi

EXPECTED = (
    *(f"fault {fault}" for fault in FAULTS),
    *(f"meanwhile {action}" for action in (*OTHERS, *ROBBERS)),
    "kill before the request", "kill after the answer", "kill in the middle of a line of the audit",
    "deletions", "delete stale", "delete duplicate",
    "create missing", "update pin-differs", "update pin-none",
    "room became live, put back", "room became live, left alone",
    "changed meanwhile, left alone", "gone already", "there already", "ended meanwhile", "failed",
    *(f"PIN {change} between two runs" for change in CHANGES),
    *(f"restore: {action}" for action in RestoreAction if action is not RestoreAction.UPDATE),
    "room became live, not put back", "rules made",
    "clock off", "run ended with clock-skew", "runs after too long a pause", "skip clock-off", "skip duplicate-waiting",
    "skip ambiguous", "skip prompts", "needed after all, put back", "calls looked at",
    "put back for a killed run", "run ended with rail-empty-list", "run ended with two-truths",
)  # fmt: skip
"""What a long campaign has to have seen, else it proves nothing."""


@dataclass
class Storm:
    """One campaign: a sandbox and two databases, emptied before each state."""

    sandbox: Sandbox
    folder: Path
    entropy: random.Random
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.clocks = Clocks(self.sandbox, self.entropy, self.figures)
        assert isinstance(self.sandbox._api, WatchedApi)
        self.api = self.sandbox._api
        self.engine = open_engine(f"sqlite:///{self.folder / 'pins.db'}")
        self.registry = Registry(self.engine, self.engine, in_meet=False)
        self.pins = Pins(self.registry, self.sandbox.store, self.entropy, self.figures)
        self.api.pins = self.pins.of_backend
        self.observations = TimedLooks(self.engine, self.sandbox.url, self.clocks.now)
        self.observations.clocks = self.clocks
        secret = self.sandbox.api_secret
        self.connection = Connection(url=self.sandbox.url, api_key=self.sandbox.api_key, api_secret=secret)

    async def once(self) -> None:
        """One random state through a run among faults, then through one without; and all that must hold."""
        self._new_state()
        promises = Promises(self.sandbox.store, self.api, self.registry, self.folder, self.figures, self.clocks)
        purge_only = self.entropy.random() < 0.4
        parts = frozenset({Part.PURGE}) if purge_only else frozenset(Part)
        if self.entropy.random() < 0.8:
            await self._run(parts, apply=False, rate=0.0)
            self.clocks.let_pass(5, 11, 11, 60, 25 * 60)
        await self._run(parts, apply=True, rate=self.entropy.choice([0.0, 0.1, 0.4]), mortal=True)
        self.sandbox.lift_faults()
        promises.check_deletions()
        promises.check_made()
        damage_audit(self.folder, self.entropy)
        if self.entropy.random() < 0.4:
            self.pins.take_some_away()
        self.clocks.let_pass(1, 11)
        last = await self._run(parts, apply=True, rate=0.0, may_be_off=False)
        promises.check_deletions()
        promises.check_made()
        went_well = last is not None and not any(one.failed for one in last.done)
        promises.check_end(last, synced=went_well and not purge_only)
        self.pins.take_some_away()
        await self._restore()
        promises.check_made()
        self.figures["states"] += 1

    def _new_state(self) -> None:
        self.sandbox.lift_faults()
        self.api.deletions.clear()
        self.api.made.clear()
        self.api.ever_open.clear()
        self.api.robbed.clear()
        (self.folder / "audit.jsonl").unlink(missing_ok=True)
        with self.engine.begin() as connection:
            for table in OURS.sorted_tables:
                if table is not schema:
                    connection.execute(table.delete())
        self.pins.begin()
        self.clocks.begin_anew()
        state.fill(self.sandbox, self.entropy)

    async def _run(
        self, parts: frozenset[Part], *, apply: bool, rate: float, mortal: bool = False, may_be_off: bool = True
    ) -> Outcome | None:
        self.clocks.begin_run(may_be_off=may_be_off)
        others_act = rate > 0 and self.entropy.random() < 0.5
        before, live = state.sorted_rules(self.sandbox), set(self.sandbox.store.rooms)
        outcome = await self._in_surroundings(parts, apply=apply, rate=rate, mortal=mortal, others_act=others_act)
        if not others_act:
            self._check_reach(before, live)
        self.clocks.set_off(timedelta())
        return outcome

    def _check_reach(self, before: Sequence[DispatchRule], live: set[str]) -> None:
        """Whatever call reached a live room with the registry's PIN still does.

        What was put back for a room that came alive counts as if it had never been away.
        """
        stored, rooms = state.sorted_rules(self.sandbox), live & self.sandbox.store.rooms.keys()
        old = {f"rule {rule.sip_dispatch_rule_id}" for rule in before}
        put_back = {entry.resource for entry in read_audit(self.folder) if entry.action == "put-back"} - old
        back = [rule for rule in stored if f"rule {rule.sip_dispatch_rule_id}" in put_back]
        kept = self._reached(before, rooms) & self._reached([*before, *back], rooms)
        lost = kept - self._reached(stored, rooms)
        assert not lost, sorted(lost, key=str)[:3]
        self.figures["calls looked at"] += len(kept)

    def _reached(self, rules: Iterable[DispatchRule], rooms: Iterable[str]) -> Reached:
        """Which calls reach which of these rooms by the registry's PIN."""
        return reached(rules, {holding.room: holding.pin for holding in self.registry.holdings()}, rooms)

    async def _in_surroundings(
        self, parts: frozenset[Part], *, apply: bool, rate: float, mortal: bool, others_act: bool
    ) -> Outcome | None:
        kill_at = self.entropy.randint(1, 25) if mortal and self.entropy.random() < 0.3 else -1
        pins = self.pins.of_backend
        others = (*OTHERS, *ROBBERS) if others_act else ()
        around = Surroundings(self.sandbox, self.entropy, self.figures, rate, pins, kill_at, others, self.api.robbed)
        self.observations.around = around
        journal = MortalJournal(folder=self.folder, command="sipctl test", profile="test", url=self.sandbox.url)
        journal.around = around
        self.api.read_rooms = set()
        try:
            async with StormyClient(self.connection, timeout_s=0.3) as client:
                client.around = around
                outcome = await self._synchroniser(client, journal, parts, apply=apply).run()
        except KilledError:
            return None
        except BaseExceptionGroup as group:
            _, rest = group.split(KilledError)
            if rest:
                raise
            return None
        except SipctlError as error:
            self.figures[f"run ended with {error.code}"] += 1
            return None
        self._count(outcome)
        return outcome

    async def _restore(self) -> None:
        """Undo all that the runs did."""
        settings = self._settings()
        journal = Journal(folder=self.folder, command="sipctl test", profile="test", url=self.sandbox.url)
        entries = list({entry.item: entry for entry in read_audit(self.folder)}.values())
        today = self.registry.today(rules_before(entries))
        async with LiveKitClient(self.connection, timeout_s=5) as client:
            rules = tuple(await client.list_rules())
            present = Present(rules, state.TRUNKS, {}, lambda rule: as_of_today(rule, today, settings.mark))
            steps = plan_undo(entries, present)
            writer = Writer(client, settings, Permit(), journal, self.registry.today)
            done = await restore(writer, steps, StopSwitch(limit=1000))
        for step in steps:
            self.figures[f"restore: {step.action}"] += 1
        self.figures["restore: failed"] += sum(one.error is not None for one in done)

    def _settings(self) -> Settings:
        return Settings(profile="test", connection_or_none=self.connection, room_pattern="room-.*|lobby")

    def _synchroniser(
        self, client: LiveKitClient, journal: Journal, parts: frozenset[Part], *, apply: bool
    ) -> Synchroniser:
        settings = self._settings()
        writer = Writer(client, settings, Permit(), journal, self.registry.today)
        policy = Policy(mark=settings.mark, grace=GRACE, protect=frozenset({"lobby"}), parts=parts)

        def executor_for(found: State) -> Executor:
            return ByLiveKit(RunContext(writer, found, StopSwitch()))

        surveyor = Surveyor(client, policy, self.registry, self.observations, self.clocks.now)
        limits = Limits(apply=apply, max_delete=50, max_delete_percent=100)
        return Synchroniser(surveyor, self.observations, journal, limits, executor_for)

    def _count(self, outcome: Outcome) -> None:
        self.figures["runs"] += 1
        self.figures["runs after too long a pause"] += outcome.earlier.pause is not None
        self.figures.update(f"skip {item.reason}" for item in outcome.items if item.action is Action.SKIP)
        self.figures["put back for a killed run"] += len(outcome.put_back)
        for one in outcome.done:
            if one.result is Result.DONE:
                self.figures[f"{one.item.action.value} {one.item.reason.value}"] += 1
            else:
                self.figures[one.result.value] += 1


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sipctl-storm-") as name:
        yield Path(name)


async def campaign(runs: int, seed: int, seconds: float = float("inf")) -> Counter[str]:
    """So many states, or as many as fit into the time; what happened and what was done."""
    sandbox = Sandbox()
    sandbox._api = WatchedApi(sandbox.store, sandbox.api_key, sandbox.api_secret)
    await sandbox.start()
    sandbox.store.entropy = random.Random(seed)
    with _folder() as folder:
        storm = Storm(sandbox, folder, random.Random(seed))
        try:
            await repeat(storm.once, runs, seed, seconds)
        finally:
            storm.registry.close()
            await sandbox.stop()
    return storm.figures


def main() -> None:
    run_from_command_line(__doc__, 10_000, EXPECTED, lambda runs, seed: asyncio.run(campaign(runs, seed)))


if __name__ == "__main__":
    main()
