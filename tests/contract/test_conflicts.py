"""Which rules and trunks LiveKit stores beside each other: recorded refusals, and what it has to accept."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, given, settings
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.config.model import Connection
from sipctl.lkapi.client import LiveKitClient
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ruleset import rules_refusal
from tests.support.peers.livekit import RealLiveKit
from tests.support.routing import dispatch_rules
from tests.support.twirp import twirp_answer

CASES = Path(__file__).parents[1] / "data" / "matcher" / "conflicts.jsonl.gz"


def cases() -> Iterator[dict[str, Any]]:
    with gzip.open(CASES, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def plant(server: Sandbox | RealLiveKit, snapshot: dict[str, Any]) -> None:
    """Put a snapshot into an empty store, past the API."""
    if isinstance(server, Sandbox):
        server.store.rules.clear()
        server.store.inbound.clear()
        plant_snapshot(server.store, json.dumps(snapshot))
        return
    server.clear()
    for name, key, kind in (
        ("sip_dispatch_rule", "rules", SIPDispatchRuleInfo),
        ("sip_inbound_trunk", "trunks", SIPInboundTrunkInfo),
    ):
        messages = [ParseDict(one, kind()) for one in snapshot[key]]
        identifier = "sip_dispatch_rule_id" if key == "rules" else "sip_trunk_id"
        if messages:
            server.plant(name, {getattr(one, identifier): one.SerializeToString() for one in messages})


@pytest.mark.timeout(120)
def test_recorded_creates_and_updates_are_answered_as_they_were(livekit: Sandbox | RealLiveKit) -> None:
    compared = 0
    for case in cases():
        plant(livekit, case["snapshot"])
        operation, expected = case["operation"], case["expected"]["operation"]
        status, body = twirp_answer(livekit, operation["method"], operation["request"])
        assert status == expected["http"], case["id"]
        if not expected["ok"]:
            assert (body["code"], body["msg"]) == (expected["code"], expected["msg"]), case["id"]
        compared += 1
    assert compared == 200


@pytest.mark.real
@pytest.mark.timeout(240)
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dispatch_rules(kinds=tuple(RuleKind), max_size=6))
def test_the_real_server_stores_every_clean_list(real: RealLiveKit, rules: list[DispatchRule]) -> None:
    real.clear()
    clean: list[DispatchRule] = []
    for rule in rules:
        if rules_refusal([*clean, rule]) is None:
            clean.append(rule)

    async def store() -> int:
        connection = Connection(url=real.url, api_key=real.api_key, api_secret=real.api_secret)
        async with LiveKitClient(connection, timeout_s=20) as client:
            for rule in clean:
                await client.create_rule(replace(rule, sip_dispatch_rule_id=""))
            return len(list(await client.list_rules()))

    assert asyncio.run(store()) == len(clean)
