"""`sipctl doctor --symptom`: what a caller reports, and the planted cause of it."""

import json
from typing import Any

import pytest

from sipctl.findings.symptoms import PICTURES, Symptom
from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox
from tests.support.running import assert_error, env_of, run


def rule(number: int, **fields: Any) -> dict[str, Any]:
    direct = {"roomName": f"room{number}", "pin": fields.pop("pin", f"4821930{number}")}
    return {"sip_dispatch_rule_id": f"SDR_{number}", "name": f"SIP_room{number}",
            "rule": {"dispatchRuleDirect": direct}, **fields}  # fmt: skip


CAUSES = {
    Symptom.RINGING: ([], "RUL410"),
    Symptom.TONE: ([rule(1, pin="1234"), rule(2, pin="1234")], "RUL401"),
    Symptom.BUSY: ([rule(1, pin="1234"), rule(2, pin="1234")], "RUL401"),
    Symptom.NO_PROMPT: ([rule(1), rule(2, pin="", trunk_ids=["ST_a"])], "RUL402"),
    Symptom.WRONG_PIN: ([rule(1, pin="None")], "RUL404"),
    Symptom.SILENCE: ([rule(1)], "RUL405"),
}
TRUNK = {"sip_trunk_id": "ST_a", "name": "provider", "numbers": ["+33123456789"]}


@pytest.mark.parametrize("symptom", CAUSES)
def test_the_cause_of_a_symptom_is_named_and_nothing_else_is_asked(symptom: Symptom, sandbox: Sandbox) -> None:
    rules, code = CAUSES[symptom]
    plant_snapshot(sandbox.store, json.dumps({"trunks": [TRUNK], "rules": rules, "rooms": []}))
    asked = run("doctor", "--symptom", symptom, "--settle", "0", "-o", "json", env=env_of(sandbox))
    report = json.loads(asked.stdout)
    codes = [one["code"] for one in report["findings"] if one["level"] in {"error", "warn", "info"}]
    assert code in codes
    frequent = [one for one in PICTURES[symptom].codes if one in codes]
    assert [one for one in dict.fromkeys(codes) if one in frequent] == frequent
    assert {one["code"] for one in report["findings"]} <= set(PICTURES[symptom].codes)
    assert [step["command"] for step in report["next_steps"]]


def test_a_person_reads_what_to_do_next(sandbox: Sandbox) -> None:
    shown = run("doctor", "--symptom", "ringing", "--settle", "0", env=env_of(sandbox)).stdout
    assert "What doctor cannot see:\n" in shown
    assert "    $ sipctl rules explain --to CALLED --from CALLER\n" in shown


def test_it_excludes_only(sandbox: Sandbox) -> None:
    words = ("doctor", "--symptom", "ringing", "--only", "RUL401")
    assert_error(run(*words, env=env_of(sandbox)), 2, "--symptom and --only exclude each other")


def test_an_unknown_symptom_is_refused() -> None:
    assert_error(run("doctor", "--symptom", "noise"), 2, "'noise' is not one of")
