"""Random worlds, random weather, and a process that may be killed at any await: what purge and sync must survive.

`python tests/campaign/storm.py --runs 10000 --seed 1` runs a campaign and prints its figures.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import Message
from livekit.protocol.sip import (
    DeleteSIPDispatchRuleRequest,
    SIPDispatchRule,
    SIPDispatchRuleDirect,
    SIPDispatchRuleInfo,
)

from sipctl.config.model import Connection, Settings
from sipctl.errors import PoisonPairError, SipctlError
from sipctl.lkapi.client import LiveKitClient
from sipctl.lkapi.convert import rule_from_message
from sipctl.operations.by_livekit import ByLiveKit
from sipctl.operations.carrying import Result, Way, Work
from sipctl.operations.executing import Brake
from sipctl.operations.journal import Entry, Journal, read_audit
from sipctl.operations.restoring import Deed, entries_of, plan_undo
from sipctl.operations.survey import Surveyor
from sipctl.operations.sync import Orders, Outcome, Synchroniser
from sipctl.operations.writing import Permit, Writer
from sipctl.registry.database import open_engine
from sipctl.registry.looks import Looks
from sipctl.registry.store import Registry
from sipctl.registry.tables import OURS, schema
from sipctl.sandbox.api import Api
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.livekit_json import rule_from_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin
from sipctl.telephony.plan import Part, Policy, World
from sipctl.telephony.ruleset import rule_conflicts

T = TypeVar("T")

ROOMS = [f"room-{at}" for at in range(7)]
PINS = {room: f"48219305{at:02}" for at, room in enumerate(ROOMS)}
MARK = Ownership(room_pattern="room-.*")
WEATHER = (
    "status=503", "status=429", "cut", "hang", "flaky=20", "empty-list@ListRooms", "lagging-list@ListRooms",
    "lagging-list@ListSIPDispatchRule", "comes-alive@DeleteSIPDispatchRule", "edited@ListSIPDispatchRule",
    "edited@DeleteSIPDispatchRule", "cut@CreateSIPDispatchRule", "cut@DeleteSIPDispatchRule",
)  # fmt: skip
MEANWHILE = ("room starts", "room ends", "backend creates", "backend deletes", "rule edited")


class KilledError(BaseException):
    """The process is dead: nothing that it meant to do happens any more."""


@dataclass
class Deletion:
    """One rule that a run deleted: what it was, and whether its room was in the last list that the run had read."""

    rule: SIPDispatchRuleInfo
    seen_live: bool
    keeper_stood: bool


class WatchedApi(Api):
    """The sandbox's API, noting each list of rooms that was read and each rule that was deleted."""

    def __init__(self, store: Any, key: str, secret: Any) -> None:
        super().__init__(store, key, secret)
        self.read_rooms: set[str] = set()
        self.deletions: list[Deletion] = []
        self.ever_open: set[str] = set()

    def _answer(self, *args: Any, **kwargs: Any) -> Message:
        name, body = args[2], args[3]
        if name == "DeleteSIPDispatchRule":
            identifier = DeleteSIPDispatchRuleRequest.FromString(body).sip_dispatch_rule_id
            if identifier in self.store.rules:
                self._note_deletion(self.store.rules[identifier])
        answer: Message = super()._answer(*args, **kwargs)
        self.ever_open |= {rule.name for rule in self.store.rules.values() if not rule.rule.dispatch_rule_direct.pin}
        return answer

    def _note_deletion(self, rule: SIPDispatchRuleInfo) -> None:
        room = rule.rule.dispatch_rule_direct.room_name
        copy = SIPDispatchRuleInfo()
        copy.CopyFrom(rule)
        others = [one for one in self.store.rules.values() if one is not rule and one.name == rule.name]
        keeper = any(
            one.rule.dispatch_rule_direct.pin in {PINS[room], copy.rule.dispatch_rule_direct.pin} for one in others
        )
        self.deletions.append(Deletion(copy, room in self.read_rooms, keeper))

    def _as_struck(self, method: str, answer: Message, struck: Any) -> Message:
        seen: Any = super()._as_struck(method, answer, struck)
        if method == "ListRooms":
            self.read_rooms = {room.name for room in seen.rooms}
        return seen  # type: ignore[no-any-return]


@dataclass
class Weather:
    """What happens between two awaits of a run: faults, other people's deeds, and the end of the process."""

    sandbox: Sandbox
    entropy: random.Random
    figures: Counter[str]
    rate: float
    kill_at: int = -1
    calls: int = 0
    dead: bool = False

    def passes(self, *, after: bool) -> None:
        """One await: the process may end here, or something may happen."""
        if self.dead:
            raise KilledError
        self.calls += 1
        if self.calls == self.kill_at:
            self.dead = True
            self.figures["kill after the answer" if after else "kill before the request"] += 1
            raise KilledError
        if not after and self.entropy.random() < self.rate:
            if self.entropy.random() < 0.5:
                self.strike(self.entropy.choice(WEATHER))
            else:
                self.happen(self.entropy.choice(MEANWHILE))

    def strike(self, fault: str) -> None:
        self.figures[f"fault {fault}"] += 1
        self.sandbox.fault(fault, times=1)

    def happen(self, deed: str) -> None:
        """Something that others do at this moment."""
        store, room = self.sandbox.store, self.entropy.choice(ROOMS)
        mine = [rule for rule in store.rules.values() if rule.name == f"SIP_{room}"]
        self.figures[f"meanwhile {deed}"] += 1
        if deed == "room starts":
            store.join(room, "alice")
            if not mine:  # the backend is told, and looks for a rule by its name as Meet does
                self._create(room)
        elif deed == "room ends":
            store.rooms.pop(room, None)
        elif deed == "backend creates" and not mine and room in store.rooms:
            self._create(room)
        elif deed == "backend deletes" and room not in store.rooms:
            for rule in mine:
                del store.rules[rule.sip_dispatch_rule_id]
        elif deed == "rule edited" and mine:
            mine[0].metadata += "edited "

    def _create(self, room: str) -> None:
        """As a backend does through LiveKit, which refuses a PIN that a stored rule has."""
        taken = {rule.rule.dispatch_rule_direct.pin for rule in self.sandbox.store.rules.values()}
        if PINS[room] not in taken:
            plant(self.sandbox, room, PINS[room])


class StormyClient(LiveKitClient):
    """A client whose every call meets the weather, on its way out and on its way back."""

    weather: Weather

    async def _call(self, call: Callable[[], Awaitable[T]], *, attempts: int = 1) -> T:
        self.weather.passes(after=False)
        result = await super()._call(call, attempts=attempts)
        self.weather.passes(after=True)
        return result


class MortalJournal(Journal):
    """An audit that a dead process writes no more."""

    weather: Weather

    def _append(self, entries: Sequence[Entry], *, hint: str) -> None:
        if self.weather.dead:
            raise KilledError
        super()._append(entries, hint=hint)


class MortalLooks(Looks):
    """A memory that a dead process writes no more."""

    weather: Weather

    def end_run(self, run: str) -> None:
        if self.weather.dead:
            raise KilledError
        super().end_run(run)

    def settle(self, settled: Iterable[str]) -> None:
        if self.weather.dead:
            raise KilledError
        super().settle(settled)


def plant(sandbox: Sandbox, room: str, pin: str, *, name: str = "", trunks: Sequence[str] = ()) -> None:
    """Store a rule past the API."""
    rule = SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name=room, pin=pin))
    identifier = sandbox.store.new_id("SDR_")
    sandbox.store.rules[identifier] = SIPDispatchRuleInfo(
        sip_dispatch_rule_id=identifier, rule=rule, name=name or f"SIP_{room}", trunk_ids=trunks
    )


@dataclass
class Storm:
    """One campaign: a sandbox and two databases, emptied before each run."""

    sandbox: Sandbox
    folder: Path
    entropy: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    later: timedelta = timedelta()

    @property
    def api(self) -> WatchedApi:
        assert isinstance(self.sandbox._api, WatchedApi)
        return self.sandbox._api

    def __post_init__(self) -> None:
        self.engine = open_engine(f"sqlite:///{self.folder / 'pins.db'}")
        self.registry = Registry(self.engine, self.engine, in_meet=False)
        self.looks = MortalLooks(self.engine, self.sandbox.url, self.now)
        secret = self.sandbox.api_secret
        self.connection = Connection(url=self.sandbox.url, api_key=self.sandbox.api_key, api_secret=secret)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def once(self) -> None:
        """One random world through a run in bad weather, then through one in good weather; and all that must hold."""
        self._new_world()
        foreign = self._untouchable()
        clean = not self._clashes()
        purge_only = self.entropy.random() < 0.4
        parts = frozenset({Part.PURGE}) if purge_only else frozenset(Part)
        if self.entropy.random() < 0.8:
            await self._run(parts, apply=False, rate=0.0)
            self.later += timedelta(minutes=self.entropy.choice([5, 11, 11, 60]))
        await self._run(parts, apply=True, rate=self.entropy.choice([0.0, 0.1, 0.4]), mortal=True)
        self.sandbox.lift_faults()
        self._check_deletions()
        self.later += timedelta(minutes=self.entropy.choice([1, 11]))
        last = await self._run(parts, apply=True, rate=0.0)
        self._check_deletions()
        went_well = last is not None and not any(one.failed for one in last.done)
        self._check_end(foreign, last, clean=clean, synced=went_well and not purge_only)
        self.figures["worlds"] += 1

    def _new_world(self) -> None:
        entropy, store = self.entropy, self.sandbox.store
        self.sandbox.lift_faults()
        store.rules.clear()
        store.rooms.clear()
        self.api.deletions.clear()
        self.api.ever_open.clear()
        (self.folder / "audit.jsonl").unlink(missing_ok=True)
        with self.engine.begin() as connection:
            for table in OURS.sorted_tables:
                if table is not schema:
                    connection.execute(table.delete())
        self.registry.give([(room, pin) for room, pin in PINS.items() if entropy.random() < 0.97])
        for room in ROOMS:
            self._new_room(room)
        if entropy.random() < 0.9:
            store.join("elsewhere", "bob")
        plant(self.sandbox, "elsewhere", "55555555", name="theirs")
        plant(self.sandbox, "lobby", "66666666")

    def _new_room(self, room: str) -> None:
        entropy = self.entropy
        if entropy.random() < 0.5:
            self.sandbox.store.open_room(room)
            for kind in entropy.choice([(), ("STANDARD",), ("STANDARD", "SIP"), ("SIP",)]):
                self.sandbox.store.join(room, f"guest-{kind}", kind=kind)
        other = PINS[entropy.choice(ROOMS)]
        for pin in entropy.choice(
            [(), (), ("right",), ("right",), ("right", "right"), ("None",), ("other",), ("right", "None")]
        ):
            number = {"right": PINS[room], "other": other}.get(pin, pin)
            plant(self.sandbox, room, number, trunks=entropy.choice([(), (), ("ST_1",)]))

    def _untouchable(self) -> dict[str, bytes]:
        """The rules of others, and what is protected."""
        names = {"theirs", "SIP_lobby"}
        rules = self.sandbox.store.rules.values()
        return {rule.sip_dispatch_rule_id: rule.SerializeToString() for rule in rules if rule.name in names}

    def _clashes(self) -> list[str]:
        rules = sorted(
            map(rule_from_message, self.sandbox.store.rules.values()), key=lambda one: one.sip_dispatch_rule_id
        )
        return [conflict.second.name for conflict in rule_conflicts(rules)]

    async def _run(self, parts: frozenset[Part], *, apply: bool, rate: float, mortal: bool = False) -> Outcome | None:
        kill_at = self.entropy.randint(1, 25) if mortal and self.entropy.random() < 0.3 else -1
        weather = Weather(self.sandbox, self.entropy, self.figures, rate, kill_at)
        self.looks.weather = weather
        journal = MortalJournal(folder=self.folder, command="sipctl test", profile="test", url=self.sandbox.url)
        journal.weather = weather
        self.api.read_rooms = set()
        try:
            async with StormyClient(self.connection, timeout_s=0.3) as client:
                client.weather = weather
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

    def _synchroniser(
        self, client: LiveKitClient, journal: Journal, parts: frozenset[Part], *, apply: bool
    ) -> Synchroniser:
        settings = Settings(profile="test", connection_or_none=self.connection, room_pattern="room-.*|lobby")
        writer = Writer(client, settings, Permit(), journal)
        policy = Policy(mark=settings.mark, grace=timedelta(minutes=10), protect=frozenset({"lobby"}), parts=parts)

        def way_for(world: World) -> Way:
            return ByLiveKit(Work(writer, world, Brake()))

        surveyor = Surveyor(client, policy, self.registry, self.looks, self.now)
        orders = Orders(apply=apply, max_delete=50, max_delete_percent=100)
        return Synchroniser(surveyor, self.looks, journal, orders, way_for)

    def _count(self, outcome: Outcome) -> None:
        self.figures["runs"] += 1
        self.figures["put back for a killed run"] += len(outcome.put_back)
        for one in outcome.done:
            if one.result is Result.DONE:
                self.figures[f"{one.item.action.value} {one.item.reason.value}"] += 1
            else:
                self.figures[one.result.value] += 1

    # --- what must hold ---

    def _check_deletions(self) -> None:
        """Each deletion was of a rule that the run had seen stale, or of a duplicate; and each can be undone."""
        audit = list(read_audit(self.folder))
        intended = {
            entry.before["sip_dispatch_rule_id"]: entry for entry in audit if entry.action == "delete" and entry.before
        }
        for deletion in self.api.deletions:
            identifier = deletion.rule.sip_dispatch_rule_id
            created = any(entry.resource == f"rule {identifier}" and entry.action == "create" for entry in audit)
            if identifier not in intended:  # a twin that a create took back: it was stored for a moment only
                assert created or self._was_twin(deletion), deletion
                continue
            assert not deletion.seen_live or deletion.keeper_stood, deletion
            assert MARK.owns(rule_from_message(deletion.rule)), deletion
            entries = entries_of(audit, items=[intended[identifier].item])
            steps = plan_undo(entries, [], ["ST_1"], {})
            assert [step.deed for step in steps] == [Deed.CREATE], (deletion, steps)
            self.figures["deletions"] += 1
        self.api.deletions.clear()

    def _was_twin(self, deletion: Deletion) -> bool:
        return deletion.keeper_stood and bool(deletion.rule.HasField("created_at"))

    def _refused(self, last: Outcome | None) -> set[str]:
        """Rooms whose rule LiveKit refuses to store again, as the last run said: others made a clash meanwhile."""
        done = last.done if last and self._clashes() else ()
        return {one.item.room for one in done if isinstance(one.error, PoisonPairError)}

    def _check_end(self, untouchable: dict[str, bytes], last: Outcome | None, *, clean: bool, synced: bool) -> None:
        store = self.sandbox.store
        for identifier, content in untouchable.items():
            assert store.rules[identifier].SerializeToString() == content
        assert self.api.ever_open == set()
        if clean:
            assert self._clashes() == []
        owned: dict[str, list[DispatchRule]] = {}
        for message in store.rules.values():
            rule = rule_from_message(message)
            assert rule.pin
            if MARK.owns(rule):
                owned.setdefault(rule.room_name, []).append(rule)
        refused = self._refused(last)
        audit = list(read_audit(self.folder))
        refused |= _rooms_whose_calls_were_taken(audit)
        for entry in audit:
            if entry.action == "delete" and entry.before:
                rule = rule_from_json(entry.before)
                has_one = rule.room_name in owned or self._pin_is_elsewhere(rule.room_name, rule.pin)
                assert rule.room_name not in store.rooms or has_one or rule.room_name in refused, rule
        if synced:
            self._check_synced(owned)

    def _check_synced(self, owned: dict[str, list[DispatchRule]]) -> None:
        """What a sync in good weather leaves: each attended room has a rule with its PIN, if nobody else has that."""
        pins = {one.room: one.pin for one in self.registry.holdings()}
        for room, live in self.sandbox.store.rooms.items():
            attended = any(person.kind == 0 for person in live.people.values())
            if room in pins and attended and not self._pin_is_elsewhere(room, pins[room]):
                carried = [rule.pin for rule in owned.get(room, [])]
                assert pins[room] in carried or not all(map(is_pin, carried)) or len(carried) > 1, (room, carried)

    def _pin_is_elsewhere(self, room: str, pin: str) -> bool:
        rules = map(rule_from_message, self.sandbox.store.rules.values())
        return any(rule.pin == pin and rule.room_name != room for rule in rules)


def _rooms_whose_calls_were_taken(audit: Sequence[Entry]) -> set[str]:
    """Rooms whose rule could not be put back, for a rule of others had its PIN by then."""
    taken = {entry.item for entry in audit if entry.action == "create" and "already takes calls" in entry.error}
    wanted = (entry.after for entry in audit if entry.phase == "intent" and entry.item in taken)
    return {rule_from_json(after).room_name for after in wanted if after}


EXPECTED = (
    *(f"fault {fault}" for fault in WEATHER),
    *(f"meanwhile {deed}" for deed in MEANWHILE),
    "kill before the request", "kill after the answer", "deletions", "delete stale", "delete duplicate",
    "create missing", "update pin-differs", "update pin-none", "came alive, put back", "came alive, left alone",
    "changed meanwhile, left alone", "gone already", "there already", "ended meanwhile", "failed",
    "put back for a killed run", "run ended with rail-empty-list", "run ended with two-truths",
)  # fmt: skip


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sipctl-storm-") as name:
        yield Path(name)


async def campaign(runs: int, seed: int, seconds: float = float("inf")) -> Counter[str]:
    """So many worlds, or as many as fit into the time; what struck and what was done."""
    sandbox = Sandbox()
    sandbox._api = WatchedApi(sandbox.store, sandbox.api_key, sandbox.api_secret)
    await sandbox.start()
    sandbox.store.entropy = random.Random(seed)
    until = time.monotonic() + seconds
    with _folder() as folder:
        storm = Storm(sandbox, folder, random.Random(seed))
        try:
            for at in range(runs):
                if time.monotonic() > until:
                    break
                try:
                    await storm.once()
                except AssertionError as error:
                    raise AssertionError(f"world {at} of seed {seed}: {error}") from error
        finally:
            storm.registry.close()
            await sandbox.stop()
    return storm.figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    figures = asyncio.run(campaign(given.runs, given.seed))
    for name, count in sorted(figures.items()):
        sys.stdout.write(f"{count:8} {name}\n")
    missing = [name for name in EXPECTED if not figures[name]]
    sys.exit(f"never seen: {', '.join(missing)}" if missing else 0)


if __name__ == "__main__":
    main()
