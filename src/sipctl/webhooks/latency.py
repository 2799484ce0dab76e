"""How long many answers took, in little memory: every time is known to 2 %, the longest exactly."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_STEP: Final = math.log(1.02)
_SHORTEST_S: Final = 1e-6


@dataclass(slots=True)
class Latencies:
    """Times in seconds, counted in classes of 2 %."""

    count: int = 0
    longest_s: float = 0.0
    _classes: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.longest_s = max(self.longest_s, seconds)
        self._classes[int(math.log(max(seconds, _SHORTEST_S)) // _STEP)] += 1

    def percentile(self, percent: float) -> float:
        """The time, in seconds, that so many percent of all did not exceed; 0 without any."""
        wanted, seen = math.ceil(self.count * percent / 100), 0
        for number, count in sorted(self._classes.items()):
            seen += count
            if seen >= wanted:
                return min(math.exp((number + 1) * _STEP), self.longest_s)
        return self.longest_s
