"""How likely it is that somebody guesses into a meeting. LiveKit allows one PIN a call, and calls without end."""

from dataclasses import dataclass
from math import ceil, expm1, log1p, log2, log10

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A guesser with `lines` calls at a time of `seconds_per_call` each, against `live` PINs of a space of `space`."""

    space: int
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
        if self.live >= self.space:
            return 1.0
        return -expm1(self.guesses(days) * log1p(-self.live / self.space))

    @property
    def bits(self) -> float:
        """The strength of the whole set: log2(space/live)."""
        return log2(self.space / max(self.live, 1))

    def minimum_length(self, days: float, target: float) -> int:
        """The fewest digits (of all ten, anywhere) that keep the chance within `target` for that time."""
        return max(4, ceil(log10(max(self.guesses(days) * max(self.live, 1) / target, 1))))
