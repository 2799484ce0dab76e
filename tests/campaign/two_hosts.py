"""Two hosts that share a PostgreSQL work at one server at the same time: purges, syncs, rotations and releases.

`python tests/campaign/two_hosts.py --runs 2000 --seed 1` runs a campaign and prints its figures. Around the runs the
server fails, others write, a process dies at any await, and PostgreSQL ends the sessions that hold the lock, or all.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

from sipctl.config.model import Connection, Settings
from sipctl.config.urls import server_name
from sipctl.errors import SipctlError
from sipctl.operations.batch import StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.lock import run_lock
from sipctl.operations.rotate import Rotator
from sipctl.operations.safeguards import Permit
from sipctl.operations.sync.executor import Executor, RunContext
from sipctl.operations.sync.livekit import ByLiveKit
from sipctl.operations.sync.result import Outcome, Result
from sipctl.operations.sync.survey import Surveyor
from sipctl.operations.sync.synchroniser import Limits, Synchroniser
from sipctl.registry.database import open_engine, sharing_host
from sipctl.registry.store import Registry
from sipctl.registry.tables import OURS, schema
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Part, Policy, State
from tests.campaign import state
from tests.campaign.faults import KilledError, MortalJournal, MortalLooks, StormyClient, Surroundings
from tests.campaign.promises import Promises
from tests.campaign.running import repeat, run_from_command_line
from tests.campaign.watching import WatchedApi
from tests.support.peers.postgres import Postgres, running_postgres

JOBS: Final = ("purge", "sync", "sync", "rotate", "recover", "release", "assign")
LOCKED: Final = frozenset({"purge", "sync", "rotate", "recover"})
LOSSES: Final = {
    "lock lost": "application_name LIKE 'sipctl %'",
    "sessions ended": "datname = '{database}' AND pid <> pg_backend_pid()",
}
EXPECTED: Final = (
    *(f"job {job}" for job in set(JOBS)), *LOSSES, "refused: locked", "refused: registry", "stopped: lock-lost",
    "not begun", "kill before the request", "kill after the answer", "deletions", "released", "assigned", "put back",
    "rotation rotated", "rotation conflict", "rotation half-way", "rotation lock-lost",
)  # fmt: skip
"""What a long campaign has to have seen, else it proves nothing."""


@dataclass
class Host:
    """One host: its state folder, the spelling of the server's address in its settings, its own connections."""

    name: str
    folder: Path
    connection: Connection
    database: str
    now: Callable[[], datetime]
    holds_lock: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.engine = open_engine(self.database)
        self.registry = Registry(self.engine, self.engine, in_meet=False)
        server = server_name(self.connection.url, sharing_host(self.engine))
        self.observations = MortalLooks(self.engine, f"{server} SIP_{{room}}", self.now)

    def close(self) -> None:
        self.registry.close()


class HostsClient(StormyClient):
    """A client that says which host writes, for only one may at a time."""

    host: Host
    hosts: "TwoHosts"

    async def create_rule(self, rule: DispatchRule) -> DispatchRule:
        self.hosts.note_write(self.host)
        return await super().create_rule(rule)

    async def replace_rule(self, before: DispatchRule, after: DispatchRule) -> DispatchRule:
        self.hosts.note_write(self.host)
        return await super().replace_rule(before, after)

    async def delete_rule(self, identifier: str) -> None:
        self.hosts.note_write(self.host)
        await super().delete_rule(identifier)


@dataclass
class Neighbourhood(Surroundings):
    """What happens between two awaits of a run, with the sessions of PostgreSQL among it."""

    lose: Callable[[str], None] = lambda _what: None

    def passes(self, *, after: bool) -> None:
        super().passes(after=after)
        if self.rate and self.entropy.random() < 0.03:
            self.lose(self.entropy.choice(sorted(LOSSES)))


@dataclass
class TwoHosts:
    """One campaign: a sandbox, a PostgreSQL and two hosts, all emptied before each state."""

    sandbox: Sandbox
    postgres: Postgres
    folder: Path
    entropy: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    later: timedelta = timedelta()
    lost: bool = False
    released: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert isinstance(self.sandbox._api, WatchedApi)
        self.api = self.sandbox._api
        self.url = self.postgres.new_database()
        key, secret, plain = self.sandbox.api_key, self.sandbox.api_secret, self.sandbox.url
        spellings = {"a": plain, "b": plain.replace("http://127.0.0.1", "ws://localhost") + "/"}
        self.hosts = [
            Host(name, self.folder / name, Connection(url=url, api_key=key, api_secret=secret), self.url, self.now)
            for name, url in spellings.items()
        ]

    def close(self) -> None:
        for host in self.hosts:
            host.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def note_write(self, host: Host) -> None:
        """Only the host that holds the lock writes, unless PostgreSQL took the lock away."""
        assert self.lost or host.holds_lock, f"host {host.name} writes without the lock"
        assert self.lost or not any(other.holds_lock for other in self.hosts if other is not host)

    def lose(self, what: str) -> None:
        self.figures[what] += 1
        self.lost = True
        database = self.url.split("@/")[1].split("?")[0]
        condition = LOSSES[what].format(database=database)
        self.postgres.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {condition}")

    async def once(self) -> None:
        """Both hosts at work in one random state, then each of them in peace; and all that must hold."""
        self._new_state()
        promises = Promises(self.sandbox.store, self.api, self.hosts[0].registry, self.folder, self.figures)
        if self.entropy.random() < 0.8:
            await self._work(self.entropy.choice(self.hosts), "look", self._around(0.0))
            self.later += timedelta(minutes=self.entropy.choice([5, 11, 60]))
        rate = self.entropy.choice([0.0, 0.1, 0.3])
        jobs = [(host, self.entropy.choice(JOBS)) for host in self.hosts]
        await asyncio.gather(*(self._work(host, job, self._around(rate, mortal=True)) for host, job in jobs))
        for host in self.hosts:
            host.engine.dispose()  # a command that begins now has no session that was ended
        self._note_owners()
        self.sandbox.lift_faults()
        self.api.deletions.clear()
        self.api.made.clear()
        self.lost = False
        last = await self._in_peace()
        promises.check_made()
        self._check(promises, last)
        self.figures["states"] += 1

    def _new_state(self) -> None:
        self.sandbox.lift_faults()
        self.api.deletions.clear()
        self.api.made.clear()
        self.api.ever_open.clear()
        self.released.clear()
        self.owners.clear()
        self.lost = False
        for audit in self.folder.rglob("audit.jsonl"):
            audit.unlink()
        host = self.hosts[0]
        with host.engine.begin() as connection:
            for table in OURS.sorted_tables:
                if table is not schema:
                    connection.execute(table.delete())
        host.registry.give([(room, pin) for room, pin in state.PINS.items() if self.entropy.random() < 0.98])
        self.before = self._note_owners()
        state.fill(self.sandbox, self.entropy)

    def _around(self, rate: float, *, mortal: bool = False) -> Neighbourhood:
        kill_at = self.entropy.randint(1, 25) if mortal and rate and self.entropy.random() < 0.3 else -1
        self.api.pins = self._pins()
        return Neighbourhood(self.sandbox, self.entropy, self.figures, rate, self.api.pins, kill_at, lose=self.lose)

    async def _in_peace(self) -> Outcome | None:
        """Each host ends what it had begun; then, with the grace over, all is put right."""
        last = None
        for host, job in product(self.hosts, ("recover", "sync")):
            await self._work(host, job, self._around(0.0))
        self.later += timedelta(minutes=11)
        for host, job in product(self.hosts, ("sync", "recover", "sync")):
            last = await self._work(host, job, self._around(0.0))
        return last

    async def _work(self, host: Host, job: str, around: Neighbourhood) -> Outcome | None:
        self.figures[f"job {job}"] += 1
        journal = MortalJournal(folder=host.folder, command="sipctl test", profile="test", url=host.connection.url)
        host.observations.around = journal.around = around
        try:
            with self._lock(host, job) as switch:
                async with HostsClient(host.connection, timeout_s=0.3) as client:
                    client.around, client.host, client.hosts = around, host, self
                    return await self._do(host, job, client, journal, switch)
        except KilledError:
            return None
        except BaseExceptionGroup as group:
            if group.split(KilledError)[1]:
                raise
            return None
        except SipctlError as error:
            self.figures[f"refused: {error.code}"] += 1
            return None

    @contextmanager
    def _lock(self, host: Host, job: str) -> Iterator[StopSwitch]:
        if job not in LOCKED:
            yield StopSwitch()
            return
        with run_lock(host.folder, host.connection.url, shared_url=self.url) as check:
            host.holds_lock = True
            switch = StopSwitch(check_lock=check)
            try:
                yield switch
            finally:
                host.holds_lock = False
                self.figures["stopped: lock-lost"] += switch.lost is not None

    async def _do(
        self, host: Host, job: str, client: HostsClient, journal: MortalJournal, switch: StopSwitch
    ) -> Outcome | None:
        registry = host.registry
        if job in {"look", "purge", "sync"}:
            return await self._synchronise(host, job, client, journal, switch)
        if job in {"rotate", "recover"}:
            await self._rotate(host, job, client, journal, switch)
        elif job == "release":
            held = self.entropy.choice([one for one in registry.holdings() if one.pin])
            self.released.add(held.room)
            registry.retire(held)
            self.figures["released"] += 1
        else:
            self.figures["assigned"] += len(registry.give([(room, self._draw()) for room in state.ROOMS]))
        return None

    def _draw(self) -> str:
        return f"{self.entropy.randrange(10**4):04}"  # few enough that two hosts draw the same one day

    async def _synchronise(
        self, host: Host, job: str, client: HostsClient, journal: MortalJournal, switch: StopSwitch
    ) -> Outcome:
        settings = Settings(profile="test", connection_or_none=host.connection, room_pattern="room-.*|lobby")
        writer = Writer(client, settings, Permit(), journal, host.registry.today)
        parts = frozenset({Part.PURGE}) if job == "purge" else frozenset(Part)
        policy = Policy(mark=settings.mark, grace=timedelta(minutes=10), protect=frozenset({"lobby"}), parts=parts)

        def executor_for(found: State) -> Executor:
            return ByLiveKit(RunContext(writer, found, switch))

        surveyor = Surveyor(client, policy, host.registry, host.observations, self.now)
        orders = Limits(apply=job != "look", max_delete=50, max_delete_percent=100)
        outcome = await Synchroniser(surveyor, host.observations, journal, orders, executor_for).run()
        self.figures["deletions"] += sum(one.result is Result.DONE and one.rule_id == "" for one in outcome.done)
        self.figures["not begun"] += sum(one.result is Result.NOT_BEGUN for one in outcome.done)
        self.figures["put back"] += len(outcome.put_back)
        return outcome

    async def _rotate(
        self, host: Host, job: str, client: HostsClient, journal: MortalJournal, switch: StopSwitch
    ) -> None:
        settings = Settings(profile="test", connection_or_none=host.connection, room_pattern="room-.*|lobby")
        rotator = Rotator(host.registry, client, settings, journal, self._draw, switch=switch)
        rotator.taken = frozenset(rule.pin for rule in await client.list_rules())
        held = [one for one in host.registry.holdings() if one.pin]
        done = await (rotator.recover() if job == "recover" else rotator.rotate(held))
        for one in done:
            code = one.error.code if one.error else "rotated"
            self.figures[f"rotation {code}"] += 1
            assert self.lost or code != "lock-lost"

    # --- what must hold ---

    def _note_owners(self) -> dict[str, str]:
        """The PINs in use; none of them was ever another room's."""
        held = self._pins()
        for room, pin in held.items():
            assert self.owners.setdefault(pin, room) == room, (pin, room)
        return held

    def _stored(self) -> list[tuple[str, str]]:
        return [(rule.name, rule.rule.dispatch_rule_direct.pin) for rule in self.sandbox.store.rules.values()]

    def _pins(self) -> dict[str, str]:
        return {one.room: one.pin for one in self.hosts[0].registry.holdings() if one.pin}

    def _check(self, promises: Promises, last: Outcome | None) -> None:
        held = self._note_owners()
        assert set(self.before) - set(held) <= self.released
        unfinished = self.hosts[0].registry.unfinished()
        assert last is None or promises.clashes() or not unfinished, (unfinished, self._stored())
        self._join_audits([host.folder / "audit.jsonl" for host in self.hosts])
        went_well = last is not None and not any(one.failed for one in last.done)
        promises.check_end(last, synced=went_well)

    def _join_audits(self, files: Sequence[Path]) -> None:
        lines = [line for file in files if file.exists() for line in file.read_bytes().splitlines(keepends=True)]
        (self.folder / "audit.jsonl").write_bytes(b"".join(lines))
        self.figures["audit lines"] += len(lines)


async def campaign(runs: int, seed: int, postgres: Postgres, seconds: float = float("inf")) -> Counter[str]:
    """So many states, or as many as fit into the time; what happened and what was done."""
    sandbox = Sandbox()
    sandbox._api = WatchedApi(sandbox.store, sandbox.api_key, sandbox.api_secret)
    await sandbox.start()
    sandbox.store.entropy = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="sipctl-hosts-") as folder:
        hosts = TwoHosts(sandbox, postgres, Path(folder), random.Random(seed))
        try:
            await repeat(hosts.once, runs, seed, seconds)
        finally:
            hosts.close()
            await sandbox.stop()
    return hosts.figures


def main() -> None:
    with running_postgres() as postgres:
        run_from_command_line(__doc__, 2000, EXPECTED, lambda runs, seed: asyncio.run(campaign(runs, seed, postgres)))


if __name__ == "__main__":
    main()
