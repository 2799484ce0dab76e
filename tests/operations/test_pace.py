"""How many deletions are in flight at once: as many as the line needs, and no more."""

from math import inf

import pytest

from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.batch import at_once_over
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.plan import Part
from tests.support.yard import Yard, plant


@pytest.mark.parametrize(("round_trip_s", "count"), [(inf, 16), (0.0002, 16), (0.0099, 16), (0.01, 32), (2.0, 32)])
def test_a_long_line_has_twice_as_many(round_trip_s: float, count: int) -> None:
    assert at_once_over(round_trip_s) == count


class Counting(LiveKitClient):
    """Counts the deletions that are in flight."""

    now = most = 0

    async def delete_rule(self, identifier: str) -> None:
        Counting.now += 1
        Counting.most = max(Counting.most, Counting.now)
        await super().delete_rule(identifier)
        Counting.now -= 1


def test_a_purge_over_a_long_line(sandboxed: Yard, sandbox: Sandbox) -> None:
    plant(sandboxed, *(f"room-{at}" for at in range(50)))
    sandboxed.run(Part.PURGE, apply=False)
    sandboxed.wait()
    Counting.now = Counting.most = 0
    sandboxed.desk.client_class = Counting
    sandbox.fault("latency=20")
    outcome = sandboxed.run(Part.PURGE, max_delete=50, max_delete_percent=100)
    assert (len(outcome.done), Counting.most) == (50, 32)
