"""A trunk and two rules as a snapshot, and a call to them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema

from sipctl.sandbox.server import Sandbox
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule
from tests.support.peers.livekit import RealLiveKit
from tests.support.planting import plant_rule, plant_trunk

DATA = Path(__file__).parents[1] / "data"


SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


NUMBER, CALLER, PIN, OTHER_PIN = "+33199000001", "+33612345678", "482193057", "770315826"


TRUNK = {"sip_trunk_id": "ST_a", "name": "provider", "numbers": [NUMBER], "allowed_addresses": ["192.0.2.0/24"]}


RULE = DispatchRule(sip_dispatch_rule_id="SDR_a", name="SIP_standup", room_name="standup", pin=PIN, trunk_ids=("ST_a",))


RETRO = replace(RULE, sip_dispatch_rule_id="SDR_b", name="SIP_retro", room_name="retro", pin=OTHER_PIN)


def snapshot(*rules: DispatchRule, **more: Any) -> dict[str, Any]:
    return {"trunks": [TRUNK], "rules": [rule_to_json(rule) for rule in rules], "rooms": ["standup"], **more}


def valid(text: str) -> Any:
    value = json.loads(text)
    schema = json.loads((SCHEMAS / f"{value['schema'].split('/')[1]}.v1.json").read_text())
    jsonschema.validate(value, schema)
    return value


CALL = ("rules", "explain", "--to", NUMBER, "--from", CALLER)


def plant(server: Sandbox | RealLiveKit) -> None:
    plant_trunk(server, "ST_a", name="provider", numbers=[NUMBER], allowed_addresses=["192.0.2.0/24"])
    plant_rule(server, "SDR_a", "standup", PIN, trunk_ids=["ST_a"])
