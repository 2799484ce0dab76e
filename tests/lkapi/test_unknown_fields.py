"""Fields of newer servers, which this version has no name for: nothing is lost, and they count in comparisons."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo

from sipctl.errors import UsageError
from sipctl.lkapi.convert import (
    outbound_from_message,
    rule_from_message,
    rule_to_message,
    trunk_from_message,
    trunk_to_message,
)
from sipctl.operations.rules.create import create_rule
from sipctl.operations.rules.update import update_rule
from sipctl.operations.trunks import create_trunk, list_trunks, update_trunk
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.livekit_json import rule_to_json, trunk_to_json
from sipctl.telephony.livekit_reading import rule_from_json
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.snapshot import read_snapshot
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import env_of, run

PIN = "4821930571"
NEW = b"\x9a\x9c\x3a\x05later"
"""Field 119,443 of a message, the text "later"."""
UNKNOWN = base64.b64encode(NEW).decode()
RULE = DispatchRule(room_name="demo", pin=PIN, name="SIP_demo", unknown_fields=UNKNOWN)
TRUNK = InboundTrunk(
    name="provider", numbers=("+33199000001",), allowed_addresses=("192.0.2.7",),
    ringing_timeout_status="SIP_STATUS_TEMPORARILY_UNAVAILABLE", unknown_fields=UNKNOWN,
)  # fmt: skip


@pytest.fixture
def desk(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Desk:
    return Desk(server=livekit, folder=tmp_path)


def stored_rules(desk: Desk) -> list[DispatchRule]:
    return list(desk.ask(lambda client: client.list_rules()))


# --- in messages and in JSON ---


@pytest.mark.parametrize(
    ("message", "convert"),
    [
        (SIPDispatchRuleInfo, rule_from_message), (SIPInboundTrunkInfo, trunk_from_message),
        (SIPOutboundTrunkInfo, outbound_from_message),
    ],
)  # fmt: skip
def test_they_are_read(message: Any, convert: Any) -> None:
    assert convert(message.FromString(NEW)).unknown_fields == UNKNOWN
    assert convert(message()).unknown_fields == ""


def test_they_are_written_and_read_again() -> None:
    assert replace(rule_from_message(rule_to_message(RULE))) == RULE
    assert trunk_from_message(trunk_to_message(TRUNK)) == TRUNK
    assert rule_from_json(rule_to_json(RULE)) == RULE
    assert "unknown_fields" not in rule_to_json(replace(RULE, unknown_fields=""))
    assert trunk_to_json(TRUNK)["ringing_timeout_status"] == "SIP_STATUS_TEMPORARILY_UNAVAILABLE"


def test_fields_inside_the_type_of_a_rule_and_inside_its_media() -> None:
    message: Any = SIPDispatchRuleInfo()
    message.rule.dispatch_rule_direct.MergeFromString(NEW)
    message.rule.dispatch_rule_direct.room_name, message.rule.dispatch_rule_direct.pin = "demo", PIN
    message.media.MergeFromString(NEW)
    message.media.only_listed_codecs = True
    rule = rule_from_message(message)
    assert rule.unknown_fields
    assert PIN.encode() not in base64.b64decode(rule.unknown_fields)
    again = rule_to_message(rule)
    assert again == message
    assert rule_to_message(replace(rule, pin="7703551264")).rule.dispatch_rule_direct.pin == "7703551264"


@pytest.mark.parametrize("text", ["no base64", "////", "eA=="])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="unknown_fields is no protobuf"):
        rule_to_message(replace(RULE, unknown_fields=text))


# --- on a server ---


def test_a_rule_keeps_them_through_create_and_update(desk: Desk) -> None:
    made = desk.write(lambda writer: create_rule(writer, RULE))
    assert made.after
    assert made.after["unknown_fields"] == UNKNOWN
    desk.write(lambda writer: update_rule(writer, made.id, {"metadata": "x", "pin": "7703551264"}))
    (stored,) = stored_rules(desk)
    assert (stored.unknown_fields, stored.metadata, stored.pin) == (UNKNOWN, "x", "7703551264")


def test_a_rule_with_others_is_another_rule(desk: Desk) -> None:
    desk.write(lambda writer: create_rule(writer, RULE))
    same = desk.write(lambda writer: create_rule(writer, RULE))
    assert same.action == "none"
    (stored,) = stored_rules(desk)
    changed = desk.write(lambda writer: update_rule(writer, stored.sip_dispatch_rule_id, {"unknown_fields": ""}))
    assert changed.action == "update"
    assert stored_rules(desk)[0].unknown_fields == ""


def test_a_trunk_keeps_them_through_create_and_update(desk: Desk) -> None:
    made = desk.write(lambda writer: create_trunk(writer, TRUNK))
    assert desk.write(lambda writer: create_trunk(writer, TRUNK)).action == "none"
    desk.write(lambda writer: update_trunk(writer, made.id, {"name": "other"}))
    (stored,) = desk.ask(list_trunks)
    assert isinstance(stored, InboundTrunk)
    assert (stored.name, stored.unknown_fields) == ("other", UNKNOWN)
    assert stored.ringing_timeout_status == TRUNK.ringing_timeout_status


def test_show_export_restore_and_undo(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> None:
    env = env_of(livekit)
    request = tmp_path / "rule.json"
    request.write_text(json.dumps(rule_to_json(RULE)))
    made = json.loads(run("rules", "create", "--from-file", str(request), "-o", "json", env=env).stdout)["item"]
    shown = json.loads(run("rules", "show", made["id"], "-o", "json", env=env).stdout)["item"]
    assert shown["unknown_fields"] == UNKNOWN
    assert "kept as they are" in run("rules", "show", made["id"], env=env).stdout
    export = tmp_path / "export.json"
    assert run("rules", "export", str(export), env=env).code == 0
    (exported,) = read_snapshot([export.read_text()]).rules or ()
    assert exported.unknown_fields == UNKNOWN
    deleted = json.loads(run("rules", "delete", made["id"], "-o", "json", env=env).stdout)["item"]
    undone = run(*deleted["undo"].split()[1:], env=env)
    assert undone.code == 0, undone
    assert [one.unknown_fields for one in stored_rules(Desk(server=livekit, folder=tmp_path))] == [UNKNOWN]
    assert run("rules", "delete", "SIP_demo", env=env).code == 0
    restored = run("rules", "restore", "--from-export", str(export), "--apply", env=env)
    assert restored.code == 0, restored
    assert [one.unknown_fields for one in stored_rules(Desk(server=livekit, folder=tmp_path))] == [UNKNOWN]


def test_a_trunk_of_a_file_is_shown_with_them(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> None:
    request = tmp_path / "trunk.json"
    value = {"numbers": ["+33199000001"], "ringing_timeout_status": 480, "unknown_fields": UNKNOWN}
    request.write_text(json.dumps({"trunk": value}))
    env = env_of(livekit)
    made = run("trunk", "create", "--from-file", str(request), "-o", "name", env=env)
    assert made.code == 0, made
    assert "kept as they are" in run("trunk", "show", made.stdout.strip(), env=env).stdout
    shown = json.loads(run("trunk", "show", made.stdout.strip(), "-o", "json", env=env).stdout)["item"]
    assert (shown["unknown_fields"], shown["ringing_timeout_status"]) == (
        UNKNOWN, "SIP_STATUS_TEMPORARILY_UNAVAILABLE",
    )  # fmt: skip


def test_the_sandbox_is_planted_with_them(sandbox: Sandbox, tmp_path: Path) -> None:
    seed = {"rules": [rule_to_json(RULE)], "trunks": [trunk_to_json(TRUNK)]}
    plant_snapshot(sandbox.store, json.dumps(seed))
    desk = Desk(server=sandbox, folder=tmp_path)
    assert [one.unknown_fields for one in stored_rules(desk)] == [UNKNOWN]
    assert [one.unknown_fields for one in desk.ask(list_trunks)] == [UNKNOWN]
