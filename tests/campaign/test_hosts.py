"""A short campaign of two hosts on every run of the tests; `python tests/campaign/two_hosts.py` is the long one."""

import asyncio
import random

from tests.campaign.two_hosts import campaign
from tests.support.peers.postgres import Postgres


def test_what_two_hosts_survive(postgres: Postgres) -> None:
    figures = asyncio.run(campaign(10_000, random.randrange(10**6), postgres, seconds=8))
    assert figures["states"] > 2
    assert figures["job sync"] > 10
