"""Purge and sync without their command line: a server, a registry, remembered looks, a clock that a test moves."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import Journal
from sipctl.operations.batch import StopSwitch
from sipctl.operations.change import Writer
from sipctl.operations.safeguards import Permit
from sipctl.operations.sync.executor import Executor, RunContext
from sipctl.operations.sync.livekit import ByLiveKit
from sipctl.operations.sync.result import Outcome, Result
from sipctl.operations.sync.survey import Surveyor
from sipctl.operations.sync.synchroniser import Limits, Synchroniser
from sipctl.registry.database import open_engine
from sipctl.registry.observations import Observations
from sipctl.registry.store import Registry
from sipctl.telephony.model import DispatchRule, Room
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.plan import Part, Policy, State
from tests.support.desk import Desk

GRACE = timedelta(minutes=10)
Act = Callable[[LiveKitClient], Awaitable[object]]


def owned(room: str, pin: str, **fields: Any) -> DispatchRule:
    return DispatchRule(name=f"SIP_{room}", room_name=room, pin=pin, **fields)


@dataclass
class Yard:
    """Everything that a run works with; `orders` and `policy` are what the test changes."""

    desk: Desk
    registry: Registry | None
    observations: Observations | None
    moment: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    policy: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Any] = field(default_factory=dict)
    switch: StopSwitch = field(default_factory=StopSwitch)
    executor_for: Callable[[RunContext], Executor] = ByLiveKit

    def now(self) -> datetime:
        return self.moment

    def wait(self, minutes: float = 11) -> None:
        self.moment += timedelta(minutes=minutes)

    def run(self, *parts: Part, **orders: Any) -> Outcome:
        """One run; it applies unless asked not to."""
        return self.desk.ask(lambda client: self._run(client, parts, orders))

    async def _run(self, client: LiveKitClient, parts: tuple[Part, ...], orders: dict[str, Any]) -> Outcome:
        journal = Journal(folder=self.desk.folder, command="sipctl test", profile="test", url=self.desk.server.url)
        writer = Writer(client, self.desk.writer(client, Permit()).settings, Permit(), journal, self.desk.pins_today)
        own: dict[str, Any] = {"mark": Ownership(), "grace": GRACE, "parts": frozenset(parts or Part)}
        policy = Policy(**(own | self.policy))

        def executor_for(found: State) -> Executor:
            return self.executor_for(RunContext(writer, found, self.switch))

        surveyor = Surveyor(client, policy, self.registry, self.observations, self.now)
        asked = Limits(**({"apply": True} | self.orders | orders))
        return await Synchroniser(surveyor, self.observations, journal, asked, executor_for).run()

    def purge(self, **orders: Any) -> Outcome:
        """Two purges with the grace between them; the outcome of the second."""
        self.run(Part.PURGE, apply=False)
        self.wait()
        return self.run(Part.PURGE, **orders)

    def open_room(self, name: str) -> None:
        """A live room with no one in it."""
        self.desk.ask(lambda client: client.create_room(Room(name=name)))

    def end_room(self, name: str) -> None:
        self.desk.ask(lambda client: client.delete_room(name))

    def pins(self) -> dict[str, str]:
        """The PIN of each room's rule."""
        return {rule.room_name: rule.pin for rule in self.desk.rules()}


def plant(yard: Yard, *rooms: str) -> list[DispatchRule]:
    return [yard.desk.store(owned(room, f"{at:06}")) for at, room in enumerate(rooms)]


def intents(yard: Yard) -> list[str]:
    return [entry.action for entry in yard.desk.audit() if entry.phase == "intent"]


def results(outcome: Outcome) -> list[tuple[str, Result]]:
    return sorted((one.item.room, one.result) for one in outcome.done)


def before_the_list(number: int, act: Act) -> type[LiveKitClient]:
    """A client in whose back something happens right before its list of rules of that number; 1 is the plan's."""

    class Later(LiveKitClient):
        lists = 0

        async def list_rules(self, ids: object = ()) -> object:  # type: ignore[override]
            Later.lists += 1
            if Later.lists == number:
                await act(self)
            return await super().list_rules(ids)  # type: ignore[arg-type]

    return Later


@contextlib.contextmanager
def yard_of(desk: Desk, folder: Path, *, registry: bool = True) -> Iterator[Yard]:
    engine = open_engine(f"sqlite:///{folder / 'pins.db'}")
    state = open_engine(f"sqlite:///{folder / 'looks.db'}")
    one = Yard(desk, Registry(engine, engine, in_meet=False) if registry else None, None)
    if one.registry:
        desk.pins_today = one.registry.today
    one.observations = Observations(state, desk.server.url, one.now)
    try:
        yield one
    finally:
        engine.dispose()
        state.dispose()
