"""A short campaign on every run of the tests; the long one is `python tests/campaign/one_write.py` (docs/safety.md)."""

import asyncio
import random

from tests.campaign.one_write import campaign


def test_what_one_command_says_is_what_happened() -> None:
    figures = asyncio.run(campaign(10_000, seed=random.randrange(10**6), seconds=8))
    assert figures["states"] > 10
    assert figures["undone"] > 3
