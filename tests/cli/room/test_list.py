"""`room list`: what becomes of callers, in the doctor's word, which `pin show` has as well."""

import json
from typing import Any

from sipctl.sandbox.server import Sandbox
from tests.support.planting import PIN, PROVIDER, healthy, plant_rule, plant_trunk
from tests.support.running import env_of, run


def as_json(sandbox: Sandbox, *words: str, **extra: str) -> Any:
    return json.loads(run(*words, "-o", "json", env=env_of(sandbox, **extra)).stdout)


def words_for_callers(sandbox: Sandbox, **extra: str) -> dict[str, str | None]:
    listed = as_json(sandbox, "room", "list", **extra)["items"]
    return {room["name"]: room["sipctl"]["reach"] for room in listed}


def test_every_command_has_the_same_word(sandbox: Sandbox) -> None:
    healthy(sandbox)
    run("pin", "assign", "standup", "--pin-stdin", "--no-live", env=env_of(sandbox), stdin=PIN.encode())
    for room, pin, trunk in (("lobby", "", "ST_provider"), ("retro", "5512", "ST_gone")):
        sandbox.join(room, "bob")
        plant_rule(sandbox, f"SDR_{room}", room, pin, trunk_ids=[trunk])
        run("pin", "assign", room, "--no-live", env=env_of(sandbox))
    expected = {"lobby": "open", "retro": "unreachable", "standup": "reachable"}
    assert words_for_callers(sandbox) == expected
    report = as_json(sandbox, "doctor", "--settle", "0")
    assert {row["room"]: row["outcome"] for row in report["reach"]} == expected
    shown = {room: as_json(sandbox, "pin", "show", room)["item"] for room in expected}
    assert {room: card["reach"] for room, card in shown.items()} == expected
    (found,) = (one["detail"] for one in report["findings"] if one["code"] == "RUL422" and one["level"] == "error")
    assert shown["retro"]["caller_hears"] == found
    assert shown["standup"]["caller_hears"] == "callers of 'standup' get in with its PIN"
    table = run("room", "list", env=env_of(sandbox)).stdout
    assert [line.split("\t")[-1] for line in table.splitlines()] == ["callers", "open", "unreachable", "reachable"]


def test_rooms_of_other_backends_have_none(sandbox: Sandbox) -> None:
    healthy(sandbox)
    assert words_for_callers(sandbox, SIPCTL_ROOM_PATTERN="[0-9a-f-]{36}") == {"standup": None}


def test_rooms_are_listed_though_callers_are_unknown(sandbox: Sandbox) -> None:
    healthy(sandbox)
    for fault in ("status=503@ListSIPDispatchRule", "status=503@ListSIPInboundTrunk", "no-redis"):
        sandbox.fault(fault)
        assert words_for_callers(sandbox) == {"standup": "unknown"}
        sandbox.lift_faults()
    assert words_for_callers(sandbox, SIPCTL_REGISTRY_URL="postgresql://nobody@127.0.0.1:1/x") == {"standup": "unknown"}


def test_a_room_that_is_not_live_has_no_word(sandbox: Sandbox) -> None:
    plant_trunk(sandbox, "ST_provider", **PROVIDER)
    run("pin", "assign", "ended", "--no-live", env=env_of(sandbox))
    shown = as_json(sandbox, "pin", "show", "ended")["item"]
    assert (shown["reach"], shown["live"]) == (None, False)
    assert shown["caller_hears"] == (
        "callers of 'ended' hear ringing without end, because no rule leads there; the room is not live"
    )
