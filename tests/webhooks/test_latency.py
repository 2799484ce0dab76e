"""Percentiles out of counted classes, against the sorted times."""

import math
import random

import pytest

from sipctl.webhooks.latency import Latencies


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_right_to_two_percent(seed: int) -> None:
    draw = random.Random(seed)
    times = [draw.lognormvariate(-4, 1.5) for _ in range(2000)]
    counted = Latencies()
    for one in times:
        counted.add(one)
    ordered = sorted(times)
    for percent in (1, 50, 95, 100):
        exact = ordered[math.ceil(len(times) * percent / 100) - 1]
        assert exact <= counted.percentile(percent) * 1.0001 <= exact * 1.021
    assert counted.longest_s == max(times)
    assert len(counted._classes) < 1000


def test_no_time_at_all_and_no_time_passed() -> None:
    counted = Latencies()
    assert counted.percentile(50) == 0
    counted.add(0)
    assert counted.percentile(50) == 0
