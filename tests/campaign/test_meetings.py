"""A hundred scenarios on the real livekit-server: people come and go while purge and sync work."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from sipctl.lkapi.client import LiveKitClient
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.plan import Part, pending
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit
from tests.support.yard import Yard, owned, yard_of

T = TypeVar("T")

ROOMS = ["ada", "bob", "cy", "di"]
PINS = {room: f"48219305{at:02}" for at, room in enumerate(ROOMS)}
RULES: list[list[tuple[str, tuple[str, ...]]]] = [
    [], [("", ())], [("", ()), ("", ("ST_1",))], [("None", ())],
]  # fmt: skip


class Meetings(LiveKitClient):
    """A client at whose every call something may happen in the house."""

    house: "House"

    async def _call(self, call: Callable[[], Awaitable[T]], *, attempts: int = 1) -> T:
        self.house.passes()
        return await super()._call(call, attempts=attempts)


class House:
    """The people, and what they and the backend do meanwhile; LiveKit's webhooks reach no one."""

    def __init__(self, server: RealLiveKit, yard: Yard, entropy: random.Random) -> None:
        self.server, self.yard, self.entropy = server, yard, entropy
        self.inside: set[str] = set()
        self.busy = False
        self.figures: Counter[str] = Counter()

    def passes(self) -> None:
        if not self.busy or self.entropy.random() > 0.15:
            return
        room = self.entropy.choice(ROOMS)
        if room in self.inside:
            self.leave(room)
            self.figures["left"] += 1
        else:
            self.enter(room)
            self.figures["came"] += 1

    def enter(self, room: str) -> None:
        """The backend gets the webhook, and makes a rule unless it finds one by its name, as Meet does."""
        self.server.join(room, "guest", kind=self.entropy.choice(["STANDARD", "STANDARD", "SIP"]))
        self.inside.add(room)
        if self.busy:
            self.elsewhere(self.make_rule, room)

    def make_rule(self, room: str) -> None:
        if not any(rule.room_name == room for rule in self.yard.desk.rules()):
            self.yard.desk.store(owned(room, PINS[room]))

    def leave(self, room: str) -> None:
        """The last one ends the meeting."""
        self.server.leave(room, "guest")
        self.elsewhere(self.yard.end_room, room)
        self.inside.discard(room)

    def elsewhere(self, act: Callable[[str], None], room: str) -> None:
        """Done by another process, so to say, while a run waits for its answer."""
        before, self.yard.desk.client_class = self.yard.desk.client_class, LiveKitClient
        with ThreadPoolExecutor(1) as thread:
            thread.submit(act, room).result()
        self.yard.desk.client_class = before


@pytest.fixture
def yard(real: RealLiveKit, tmp_path: Path) -> Iterator[Yard]:
    with yard_of(Desk(server=real, folder=tmp_path), tmp_path) as one:
        yield one


def set_out(house: House, entropy: random.Random) -> None:
    """Another house: who is inside, and what rules there are."""
    rules = [DispatchRule(name="someone else's", room_name="theirs", pin="55555555")]
    for room in ROOMS:
        if (room in house.inside) != (entropy.random() < 0.5):
            (house.leave if room in house.inside else house.enter)(room)
        choice = RULES if room == ROOMS[0] else RULES[:-1]  # two rules with the word None would clash
        rules += [owned(room, pin or PINS[room], trunk_ids=trunks) for pin, trunks in entropy.choice(choice)]

    async def store(client: LiveKitClient) -> None:
        for rule in await client.list_rules():
            await client.delete_rule(rule.sip_dispatch_rule_id)
        for rule in rules:
            await client.create_rule(rule)

    house.yard.desk.ask(store)


def scenario(house: House, entropy: random.Random) -> None:
    yard, desk = house.yard, house.yard.desk
    set_out(house, entropy)
    parts = [Part.PURGE] if entropy.random() < 0.4 else list(Part)
    yard.run(*parts, apply=False)
    yard.wait()
    done_before = len(desk.audit())
    desk.client_class, house.busy = Meetings, True
    outcome = yard.run(*parts, max_delete_percent=100)
    desk.client_class, house.busy = LiveKitClient, False
    for one in outcome.done:
        assert not one.failed, one
        house.figures[f"{one.item.action.value} {one.result.value}"] += 1
    live = {room.name for room in desk.ask(lambda client: client.list_rooms())}
    served = {rule.room_name for rule in desk.rules()}
    deleted = [entry.before for entry in desk.audit()[done_before:] if entry.action == "delete" and entry.before]
    gone = {rule_from_json(rule).room_name for rule in deleted}
    assert gone & live <= served
    check_peace(yard)


def check_peace(yard: Yard) -> None:
    """Once no one comes or goes, a run puts right what is left, and the next one finds nothing."""
    yard.run(apply=False)
    yard.wait()
    yard.run(max_delete_percent=100)
    assert pending(yard.run(max_delete_percent=100).items) == []
    rules = yard.desk.rules()
    assert [rule.pin for rule in rules if rule.room_name == "theirs"] == ["55555555"]
    assert all(rule.pin == PINS.get(rule.room_name, rule.pin) for rule in rules)


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_hundred_scenarios(real: RealLiveKit, yard: Yard) -> None:
    entropy = random.Random(20261124)
    house = House(real, yard, entropy)
    Meetings.house = house
    assert yard.registry
    yard.registry.give(list(PINS.items()))
    real.join("elsewhere", "somebody")
    for _ in range(100):
        scenario(house, entropy)
    figures = house.figures
    for figure in ("came", "left", "delete done", "create done", "update done", "delete room became live, put back"):
        assert figures[figure], figures
