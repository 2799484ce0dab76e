"""A short campaign on every run of the tests; the long one is `python tests/campaign/storm.py` (docs/safety.md)."""

import asyncio
import random

from tests.campaign.storm import campaign


def test_what_purge_and_sync_survive() -> None:
    figures = asyncio.run(campaign(10_000, seed=random.randrange(10**6), seconds=8))
    assert figures["states"] > 10
    assert figures["deletions"] > 10
