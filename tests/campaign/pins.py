"""PINs that are rotated and released between the runs, as the commands do that wait for the lock of a run."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from livekit.protocol.sip import SIPDispatchRuleInfo

from sipctl.registry.store import Registry
from sipctl.sandbox.store import Store
from sipctl.telephony.registered import Rotation
from tests.campaign.state import PINS

CHANGES: Final = ("rotated", "released")


@dataclass
class Pins:
    """Who has which PIN: in the registry, and by what a backend knows, which hears of every change.

    The backend knows rooms that the registry does not.
    """

    registry: Registry
    store: Store
    entropy: random.Random
    figures: Counter[str]
    of_backend: dict[str, str] = field(default_factory=dict)
    _fresh: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def begin(self) -> None:
        """As it is in a new state: nearly every room has its PIN."""
        self.of_backend.clear()
        self.of_backend |= PINS
        self.registry.give([(room, pin) for room, pin in PINS.items() if self.entropy.random() < 0.97])

    def take_some_away(self) -> None:
        """Rotate some PINs and release others."""
        for holding in list(self.registry.holdings()):
            change = self.entropy.choice((*CHANGES, "kept", "kept"))
            if change == "rotated":
                self._rotate(holding.room, holding.pin)
            elif change == "released" and not self._carriers(holding.pin):
                self.registry.retire(holding)
                self.of_backend.pop(holding.room, None)
            else:
                continue
            self.figures[f"PIN {change} between two runs"] += 1

    def _rotate(self, room: str, old: str) -> None:
        new = f"77{next(self._fresh):06}"
        assert self.registry.begin_rotation(room, old, new)
        for rule in self._carriers(old):
            if rule.name == f"SIP_{room}":
                rule.rule.dispatch_rule_direct.pin = new
        self.registry.finish(Rotation(room, old, new, ""))
        self.of_backend[room] = new

    def _carriers(self, pin: str) -> list[SIPDispatchRuleInfo]:
        return [rule for rule in self.store.rules.values() if rule.rule.dispatch_rule_direct.pin == pin]
