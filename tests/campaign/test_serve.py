"""Meetings come and go at random, their events get lost, late, doubled and out of order, and `serve` is killed.

When the events end, rules are what `rules sync` wants; no rule of a live meeting was deleted, and none was ever open.
"""

import random
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.support.peers.livekit import free_ports
from tests.support.running import env_of, run, until
from tests.support.serving import serving

ROOMS = [f"room-{number}" for number in range(8)]
STEPS = 60
FAULTS = ("webhook-lost", "webhook-doubled", "webhook-reordered", "webhook-late=400")
_SETTLED_S = 1.0
"""A meeting that began a moment before a deletion gets its rule back; one that was on for so long never loses it."""


class WatchedRules(dict[str, Any]):
    """The rules of a store, and every promise that was broken on them."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.broken: list[str] = []
        self.made = 0
        self.deleted = 0

    def __setitem__(self, key: str, rule: Any) -> None:
        direct = rule.rule.dispatch_rule_direct
        self.made += key not in self
        if not direct.pin:
            self.broken.append(f"{direct.room_name} was open")
        super().__setitem__(key, rule)

    def __delitem__(self, key: str) -> None:
        self._judge(self[key])
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            self._judge(self[key])
        return super().pop(key, *default)

    def _judge(self, rule: Any) -> None:
        name = rule.rule.dispatch_rule_direct.room_name
        room = self.sandbox.store.rooms.get(name)
        self.deleted += 1
        if room and time.time() - room.info.creation_time_ms / 1000 > _SETTLED_S:
            self.broken.append(f"the rule of {name} was deleted while it was live")


def step(sandbox: Sandbox, draw: random.Random) -> None:
    """A meeting begins or ends, or someone comes or goes; now and then its events meet a fault."""
    if draw.random() < 0.3:
        sandbox.fault(draw.choice(FAULTS), times=draw.randrange(1, 3))
    room = draw.choice(ROOMS)
    if room not in sandbox.store.rooms:
        sandbox.join(room, "alice")
    elif draw.random() < 0.6:
        sandbox.store.end_room(room)
    else:
        sandbox.join(room, f"guest-{draw.randrange(3)}", kind=draw.choice(["STANDARD", "SIP"]))
    time.sleep(draw.random() * 0.25)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_random_meetings(seed: int, tmp_path: Path) -> None:
    draw, bind = random.Random(seed), f"127.0.0.1:{free_ports(1)}"
    sandbox = Sandbox(webhooks=[f"http://{bind}/"])
    sandbox.store.rules = rules = WatchedRules(sandbox)
    words = ("webhook", "serve", "--bind", bind, "--assign", "--grace", "0", "--every", "2")
    with running_sandbox(sandbox), ExitStack() as stack:
        sandbox.join("always", "carol")
        serve = stack.enter_context(serving(*words, env=env_of(sandbox)))
        for number in range(STEPS):
            if number in {STEPS // 3, 2 * STEPS // 3}:
                serve.end(signal.SIGKILL)
                serve = stack.enter_context(serving(*words, env=env_of(sandbox)))
            step(sandbox, draw)
        sandbox.lift_faults()
        live = set(sandbox.store.rooms)

        def is_in_order() -> bool:
            found = sorted(rule.rule.dispatch_rule_direct.room_name for rule in list(rules.values()))
            return found == sorted(live)

        until(is_in_order)
        assert serve.end(signal.SIGTERM) == 0
        plan = run("rules", "sync", "--grace", "0", "--detailed-exitcode", env=env_of(sandbox))
        assert plan.code == 0, plan  # nothing is left to be done
    assert rules.broken == []
    assert rules.made > 5
    assert rules.deleted > 2
