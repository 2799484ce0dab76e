"""Time in a campaign: it passes between runs, and the clock of the host is off now and then.

LiveKit's clock is the sandbox's, which every answer tells. What runs observed is noted here by the true time, so that
it can be judged how long a rule really waited.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.registered import Earlier
from tests.campaign.faults import MortalLooks

GRACE: Final = timedelta(minutes=10)
MAY_PAUSE: Final = timedelta(days=1)
AGREE: Final = timedelta(seconds=10)
"""How far two clocks may be apart before anything is said."""
_OFF_S: Final = (0,) * 8 + (-5, 5, -660, -3600, 20, 660)
"""By how many seconds the host's clock is ahead; LiveKit refuses the tokens of one that is more than a minute ahead."""


@dataclass(frozen=True)
class _Observed:
    """What one run noted. `duplicates` None = it did not judge them."""

    at: datetime
    run: int
    stale: frozenset[str]
    duplicates: frozenset[str] | None


@dataclass
class Clocks:
    """`later` is how much time has passed beside that of the machine, `off` how far the host's clock is ahead."""

    sandbox: Sandbox
    entropy: random.Random
    figures: Counter[str]
    later: timedelta = timedelta()
    off: timedelta = timedelta()
    runs: int = 0
    observed: list[_Observed] = field(default_factory=list)

    @property
    def true_now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def now(self) -> datetime:
        """By the host's clock."""
        return self.true_now + self.off

    def let_pass(self, *minutes: int) -> None:
        """One of these times."""
        self.later += timedelta(minutes=self.entropy.choice(minutes))

    def begin_run(self, *, may_be_off: bool) -> None:
        """A run begins, perhaps with a clock that is off."""
        self.runs += 1
        self.set_off(timedelta(seconds=self.entropy.choice(_OFF_S) if may_be_off else 0))
        self.figures["clock off"] += abs(self.off) > AGREE

    def set_off(self, off: timedelta) -> None:
        """Set the host's clock; LiveKit's is the other one as seen from there."""
        if off != self.off:
            self.sandbox.advance((self.off - off).total_seconds())
            self.off = off

    def begin_anew(self) -> None:
        """Another state, in which nothing was observed yet."""
        self.set_off(timedelta())
        self.observed.clear()

    def note(self, stale: Iterable[DispatchRule], duplicates: Iterable[DispatchRule] | None) -> None:
        """A run remembers what it observed."""
        assert abs(self.off) <= AGREE, "an observation by a clock that is off was noted"
        doubles = None if duplicates is None else _ids(duplicates)
        self.observed.append(_Observed(self.true_now, self.runs, _ids(stale), doubles))

    def check_waited(self, rule_id: str) -> None:
        """The rule was stale, or a duplicate, at every observation for as long as the grace, none too far apart."""
        stale = [(one.at, one.run, rule_id in one.stale) for one in self.observed]
        judged = [one for one in self.observed if one.duplicates is not None]
        double = [(one.at, one.run, rule_id in (one.duplicates or ())) for one in judged]
        waited = max(map(self._waited, (stale, double)))
        assert waited >= GRACE - 2 * AGREE, (rule_id, waited, self.observed)

    def _waited(self, seen: list[tuple[datetime, int, bool]]) -> timedelta:
        """From the first of the last unbroken observations to the one of this run."""
        if not seen or seen[-1][1] != self.runs:
            return timedelta()
        last = since = seen[-1][0]
        for at, _, holds in reversed(seen):
            if not holds or since - at > MAY_PAUSE + 2 * AGREE:
                break
            since = at
        return last - since


def _ids(rules: Iterable[DispatchRule]) -> frozenset[str]:
    return frozenset(rule.sip_dispatch_rule_id for rule in rules)


class TimedLooks(MortalLooks):
    """A memory whose observations are noted by the true time, too."""

    clocks: Clocks

    def observe(
        self, stale: Iterable[DispatchRule], duplicates: Iterable[DispatchRule] | None = None, **known: Any
    ) -> Earlier:
        found = list(stale), None if duplicates is None else list(duplicates)
        self.clocks.note(*found)
        return super().observe(*found, **known)
