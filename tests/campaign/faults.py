"""What happens around a run: faults of the server, what others do meanwhile, and the end of the process."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from livekit.protocol.sip import SIPDispatchRuleInfo

from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.audit import AUDIT_FILE, Entry, Journal
from sipctl.registry.observations import Observations
from sipctl.sandbox.server import Sandbox
from tests.campaign.state import ROOMS, plant

T = TypeVar("T")

FAULTS: Final = (
    "status=503", "status=429", "cut", "hang", "flaky=20", "empty-list@ListRooms", "lagging-list@ListRooms",
    "lagging-list@ListSIPDispatchRule", "comes-alive@DeleteSIPDispatchRule", "edited@ListSIPDispatchRule",
    "edited@DeleteSIPDispatchRule", "cut@CreateSIPDispatchRule", "cut@DeleteSIPDispatchRule",
)  # fmt: skip
OTHERS: Final = ("room starts", "room ends", "backend creates", "backend deletes", "rule edited")
"""What others do while a run waits for an answer."""
ROBBERS: Final = ("rule deleted",)
"""What others do that no run can make good: they delete a rule that a live room needs."""


_DAMAGE: Final = (b"", b"\0" * 64, b"nonsense", b"{}", b"\xff\xfe", b'{"phase":"intent","run":"')
"""What a full disk, a crash or another program may leave in the audit."""


class KilledError(BaseException):
    """The process is dead: nothing that it meant to do happens any more."""


@dataclass
class Surroundings:
    """What happens between two awaits of a run. `rate` is how likely, from 0 to 1; `kill_at` the call that ends it.

    `pins` are those that the backend knows; `others` is what other writers do, () = only faults strike. `robbed` are
    the rooms of which others deleted a rule.
    """

    sandbox: Sandbox
    entropy: random.Random
    figures: Counter[str]
    rate: float
    pins: Mapping[str, str]
    kill_at: int = -1
    others: Sequence[str] = OTHERS
    robbed: set[str] = field(default_factory=set)
    calls: int = 0
    dead: bool = False

    def passes(self, *, after: bool) -> None:
        """One await: the process may end here, or something may happen."""
        if self.dead or self.ends_in("after the answer" if after else "before the request"):
            raise KilledError
        if not after and self.entropy.random() < self.rate:
            if not self.others or self.entropy.random() < 0.5:
                self.strike(self.entropy.choice(FAULTS))
            else:
                self.happen(self.entropy.choice(self.others))

    def ends_in(self, moment: str) -> bool:
        """Whether the process ends at this step; its moment is counted."""
        self.calls += 1
        self.dead = self.calls == self.kill_at
        self.figures[f"kill {moment}"] += self.dead
        return self.dead

    def strike(self, fault: str) -> None:
        self.figures[f"fault {fault}"] += 1
        self.sandbox.fault(fault, times=1)

    def happen(self, action: str) -> None:
        """Something that others do at this moment."""
        store, room = self.sandbox.store, self.entropy.choice(ROOMS)
        mine = [rule for rule in store.rules.values() if rule.name == f"SIP_{room}"]
        self.figures[f"meanwhile {action}"] += 1
        if action == "room starts":
            store.join(room, "alice")
            if not mine:  # the backend gets the event, and looks for a rule by its name as Meet does
                self._create(room)
        elif action == "room ends":
            store.rooms.pop(room, None)
        else:
            self._rules_change(action, room, mine)

    def _rules_change(self, action: str, room: str, mine: Sequence[SIPDispatchRuleInfo]) -> None:
        store = self.sandbox.store
        if action == "backend creates" and not mine and room in store.rooms:
            self._create(room)
        elif action == "backend deletes" and room not in store.rooms:
            for rule in mine:
                del store.rules[rule.sip_dispatch_rule_id]
        elif action == "rule edited" and mine:
            mine[0].metadata += "edited "
        elif action == "rule deleted":
            self._rob()

    def _rob(self) -> None:
        """Delete the rule that takes most calls, of a room that has several."""
        rules = self.sandbox.store.rules
        names = Counter(rule.name for rule in rules.values() if rule.name.startswith("SIP_room"))
        several = [rule for rule in rules.values() if names[rule.name] > 1]
        widest = min(several, default=None, key=lambda one: (*one.trunk_ids, *one.numbers, *one.inbound_numbers))
        if widest:
            del rules[widest.sip_dispatch_rule_id]
            self.robbed.add(widest.rule.dispatch_rule_direct.room_name)

    def _create(self, room: str) -> None:
        """As a backend does through LiveKit, which refuses a PIN that a stored rule has."""
        taken = {rule.rule.dispatch_rule_direct.pin for rule in self.sandbox.store.rules.values()}
        pin = self.pins.get(room)
        if pin and pin not in taken:
            plant(self.sandbox, room, pin)


class StormyClient(LiveKitClient):
    """A client around whose every call something may happen, before the request and after the answer."""

    around: Surroundings

    async def _call(self, call: Callable[[], Awaitable[T]], *, attempts: int = 1) -> T:
        self.around.passes(after=False)
        result = await super()._call(call, attempts=attempts)
        self.around.passes(after=True)
        return result


class MortalJournal(Journal):
    """An audit that a dead process writes no more; it may die in an append, when a part of a line is on the disk."""

    around: Surroundings

    def _append(self, entries: Sequence[Entry]) -> None:
        if self.around.dead:
            raise KilledError
        super()._append(entries)
        if self.around.ends_in("in the middle of a line of the audit"):
            text = self.path.read_bytes()
            last_line = text.rstrip(b"\n").rfind(b"\n") + 1
            self.path.write_bytes(text[: self.around.entropy.randint(last_line, len(text) - 1)])
            raise KilledError


def damage_audit(folder: Path, entropy: random.Random) -> None:
    """Put what is no record of ours between the lines of the audit, and a part of one behind them."""
    path = folder / AUDIT_FILE
    if path.exists():
        lines = path.read_bytes().split(b"\n")
        for _ in range(entropy.randint(0, 3)):
            lines.insert(entropy.randint(0, len(lines)), entropy.choice(_DAMAGE))
        path.write_bytes(b"\n".join(lines))


class MortalLooks(Observations):
    """A memory that a dead process writes no more."""

    around: Surroundings

    def end_run(self, run: str, skew_s: float = 0.0) -> None:
        if self.around.dead:
            raise KilledError
        super().end_run(run, skew_s)

    def settle(self, settled: Iterable[str]) -> None:
        if self.around.dead:
            raise KilledError
        super().settle(settled)
