"""Planting states in either server, those included that the API refuses, and running the doctor on them."""

import asyncio
from typing import Any

from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.config.model import Connection, Settings, Telephony
from sipctl.doctor.live import Sources, examine
from sipctl.doctor.report import Report
from sipctl.doctor.runner import Plan
from sipctl.findings.record import Finding, Level
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit

Server = Sandbox | RealLiveKit

PROVIDER: dict[str, Any] = {"name": "provider", "numbers": ["+33170189900"], "allowed_addresses": ["192.0.2.0/24"]}


def plant_rule(server: Server, identifier: str, room: str = "", pin: str = "", **fields: Any) -> None:
    """Store a direct rule; without a room a rule without a type."""
    rule = SIPDispatchRuleInfo(sip_dispatch_rule_id=identifier, **({"name": f"SIP_{room}"} | fields))
    if room:
        rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name=room, pin=pin)))
    if isinstance(server, Sandbox):
        server.store.rules[identifier] = rule
    else:
        server.plant("sip_dispatch_rule", {identifier: rule.SerializeToString()})


def plant_trunk(server: Server, identifier: str, **fields: Any) -> None:
    """Store an inbound trunk."""
    trunk = SIPInboundTrunkInfo(sip_trunk_id=identifier, **fields)
    if isinstance(server, Sandbox):
        server.store.inbound[identifier] = trunk
    else:
        server.plant("sip_inbound_trunk", {identifier: trunk.SerializeToString()})


def settings_for(server: Server, **fields: Any) -> Settings:
    """A profile that leads to this server and knows the number that people dial."""
    connection = Connection(url=server.url, api_key=server.api_key, api_secret=server.api_secret)
    given = frozenset({"ROOM_TELEPHONY_ENABLED", "ROOM_TELEPHONY_PHONE_NUMBER", "ROOM_TELEPHONY_DEFAULT_COUNTRY"})
    telephony = Telephony(enabled=True, phone_number="01 70 18 99 00", default_country="FR", given=given)
    own: dict[str, Any] = {"connection_or_none": connection, "telephony": telephony}
    return Settings(**(own | fields))


def diagnose(settings: Settings, **plan: Any) -> Report:
    """One run, without a second observation unless asked for."""
    return asyncio.run(examine(Sources(settings=settings), (), Plan(**({"settle_s": 0.0} | plan))))


def problems(report: Report) -> list[Finding]:
    """What a person is shown."""
    return [one for one in report.findings if one.level in {Level.ERROR, Level.WARN, Level.UNKNOWN, Level.INFO}]


def codes(report: Report) -> set[str]:
    """The codes of what a person is shown."""
    return {finding.code for finding in problems(report)}


PIN, OTHER_PIN = "4821930571", "7703158264"


def healthy(server: Server) -> None:
    """A provider's trunk, and a meeting that callers can join."""
    plant_trunk(server, "ST_provider", **PROVIDER)
    server.join("standup", "alice")
    plant_rule(server, "SDR_standup", "standup", PIN, trunk_ids=["ST_provider"])
