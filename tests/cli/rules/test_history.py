"""`rules history` and `rules restore --last`: what was written, by whom, and the command that undoes it."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

from sipctl.errors import ExitCode
from sipctl.sandbox.server import running_sandbox
from sipctl.telephony.model import InboundTrunk
from tests.support.cron import LIVE, Cron, new_trunk
from tests.support.running import env_of, run


def history(cron: Cron, *words: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cron.document("history", *words)["items"]
    return items


def pasted(cron: Cron, command: str) -> None:
    ended = run(*shlex.split(command)[1:], env=cron.env)
    assert ended.code == 0, ended


def test_each_write_once_with_what_undoes_it(cron: Cron) -> None:
    assert history(cron) == []
    cron.rules("delete", "SIP_stale")
    (deleted,) = history(cron)
    assert deleted["item"].startswith(deleted["run"])
    assert (deleted["command"], deleted["action"], deleted["result"]) == ("sipctl rules delete", "delete", "done")
    assert deleted["resource"].startswith("rule SDR_")
    assert "@" in deleted["who"]
    assert datetime.now(UTC) - datetime.fromisoformat(deleted["when"]) < timedelta(minutes=1)
    pasted(cron, deleted["undo"])
    assert cron.rooms() == ["live", "stale"]


def test_every_undo_of_a_day_works_from_the_last_to_the_first(sandboxed: Cron) -> None:
    cron = sandboxed
    standing = new_trunk(cron, InboundTrunk(name="provider", numbers=("+33199000001",)))
    for words in (
        "room create new", "trunk create --number +33199999999", "pin assign one --no-live",
        "rules update SIP_live --metadata x --allow live-room", "rules delete SIP_stale",
    ):  # fmt: skip
        assert run(*words.split(), env=cron.env).code == 0
    writes = history(cron)
    assert [one["action"] for one in writes] == ["create", "create", "assign", "update", "delete"]
    for one in reversed(writes):
        pasted(cron, f"{one['undo']} --allow live-room" if one["action"] == "update" else one["undo"])
    assert cron.rooms() == ["live", "stale"]
    assert all(rule.metadata == "" for rule in cron.desk.rules())
    assert (list(cron.server.store.rooms), list(cron.server.store.inbound)) == (["live"], [standing.sip_trunk_id])
    assert json.loads(run("pin", "list", "-o", "json", env=cron.env).stdout)["items"] == []


def test_what_failed_has_no_undo_and_what_is_not_known_says_so(sandboxed: Cron) -> None:
    for fault in ("status=403@DeleteSIPDispatchRule", "cut@DeleteSIPDispatchRule"):
        sandboxed.server.fault(fault)
        sandboxed.rules("delete", "SIP_stale", code=ExitCode.DENIED if "403" in fault else ExitCode.UNCHECKED)
        sandboxed.server.lift_faults()
    results = [(one["result"], bool(one["undo"])) for one in history(sandboxed)]
    assert results == [("failed", False), ("unknown", True)]


def test_a_rotation_is_undone_by_its_list(sandboxed: Cron) -> None:
    sandboxed.register(LIVE)
    assert run("pin", "rotate", "live", "--allow", "live-room", env=sandboxed.env).code == 0
    undo = next(one["undo"] for one in history(sandboxed) if one["resource"] == "room live" and one["undo"])
    assert undo.startswith("sipctl pin import")
    pasted(sandboxed, f"{undo} --allow live-room")
    assert {rule.pin for rule in sandboxed.desk.rules() if rule.room_name == "live"} == {LIVE.pin}


def test_since_and_of_this_server_alone(sandboxed: Cron) -> None:
    sandboxed.rules("delete", "SIP_stale")
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert history(sandboxed, "--since", later) == []
    assert len(history(sandboxed, "--since", "1h")) == 1
    assert sandboxed.rules("history", "-o", "name").stdout.strip() == history(sandboxed)[0]["item"]
    with running_sandbox() as other:
        assert json.loads(run("rules", "history", "-o", "json", env=env_of(other)).stdout)["items"] == []


def test_the_last_run_is_undone_once_its_plan_was_seen(cron: Cron) -> None:
    assert "no run at this server" in cron.rules("restore", "--last", code=ExitCode.NOT_FOUND).stderr
    cron.rules("purge", "--apply", "--grace", "0s")
    assert cron.rooms() == ["live"]
    assert [one["action"] for one in cron.document("restore", "--last")["items"]] == ["create"]
    assert cron.rooms() == ["live"]
    cron.rules("restore", "--last", "--apply")
    assert cron.rooms() == ["live", "stale"]


def test_a_last_run_that_changed_no_rule_is_named(sandboxed: Cron) -> None:
    sandboxed.rules("delete", "SIP_stale")
    assert run("pin", "assign", "one", "--no-live", env=sandboxed.env).code == 0
    refused = sandboxed.rules("restore", "--last", code=ExitCode.USAGE)
    assert "'sipctl pin assign'" in refused.stderr
    assert "sipctl rules history" in refused.stderr


def test_last_goes_with_no_other(sandboxed: Cron) -> None:
    for words in (("--last", "--run", "x"), ("--last", "x"), ("--last", "--from-export", "x")):
        sandboxed.rules("restore", *words, code=ExitCode.USAGE)
