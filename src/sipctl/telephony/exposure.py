"""How likely it is that someone guesses into a meeting. LiveKit allows one PIN a call, and calls without end."""

from dataclasses import dataclass, replace
from math import expm1, inf, log1p, log2
from typing import Final

from sipctl.telephony.pins import MAX_LENGTH, MIN_LENGTH, PinPolicy

SECONDS_PER_DAY: Final = 86_400
HOURS_PER_DAY: Final = 24


def odds(chance: float) -> str:
    """A probability in words: "1 chance in 256", from one half on in percent."""
    if chance <= 0:
        return "no chance"
    return f"{chance:.0%} chance" if chance >= 1 / 2 else f"1 chance in {round(1 / chance):,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A guesser with `lines` calls at a time of `seconds_per_call` each, against `live` PINs drawn by a policy."""

    policy: PinPolicy
    live: int
    lines: int
    seconds_per_call: float

    def guesses(self, days: float) -> float:
        """How many PINs are tried in that time."""
        return self.lines * days * SECONDS_PER_DAY / self.seconds_per_call

    def chance(self, days: float) -> float:
        """The probability of at least one hit: 1 - (1 - live/space)^guesses."""
        if not self.live:
            return 0.0
        if self.live >= self.policy.space:
            return 1.0
        return -expm1(self.guesses(days) * log1p(-self.live / self.policy.space))

    def budget_per_hour(self, days: float, target: float) -> float:
        """How many guesses an hour keep the chance within `target` for that time; as many as you like without a PIN."""
        if not self.live or target >= 1:
            return inf
        if self.live >= self.policy.space:
            return 0.0
        return log1p(-target) / log1p(-self.live / self.policy.space) / (days * HOURS_PER_DAY)

    @property
    def bits(self) -> float:
        """The strength of the whole set: log2(space/live)."""
        return log2(self.policy.space / max(self.live, 1))

    def minimum_length(self, days: float, target: float) -> int | None:
        """The fewest digits under the same policy that keep the chance within `target`; None if 16 are too few."""
        lengths = range(MIN_LENGTH, MAX_LENGTH + 1)
        enough = (one for one in lengths if self._with_length(one).chance(days) <= target)
        return next(enough, None)

    def _with_length(self, length: int) -> "Exposure":
        return replace(self, policy=replace(self.policy, length=length))
