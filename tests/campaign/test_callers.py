"""A short campaign on every run of the tests; ten thousand states with `-m long` (docs/safety.md has the figures)."""

import asyncio
import random

import pytest

from tests.campaign.callers import EXPECTED, campaign


def test_no_command_contradicts_another_or_the_caller() -> None:
    figures = asyncio.run(campaign(500, seed=random.randrange(10**6), seconds=8))
    assert figures["states"] > 20
    assert figures["unreachable"] > 10


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_states() -> None:
    figures = asyncio.run(campaign(10_000, seed=random.randrange(10**6)))
    assert [name for name in EXPECTED if not figures[name]] == []
