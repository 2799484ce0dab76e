"""`rules restore`: what the audit or an export brings back."""

import contextlib
import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import running_sandbox
from sipctl.telephony.model import InboundTrunk
from tests.support.cron import Cron, audit_lines, delete, new_trunk, protected_profile, state
from tests.support.running import assert_error, env_of, run
from tests.support.yard import owned


class TestRestore:
    @pytest.fixture
    def purged(self, sandboxed: Cron) -> tuple[Cron, str]:
        sandboxed.observed_long_ago()
        return sandboxed, sandboxed.document("purge", "--apply")["run"]

    def test_by_run_change_or_rule(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        deletion = next(json.loads(line) for line in audit_lines() if '"delete"' in line)
        for words in (["--run", run_id], [deletion["item"]], ["--id", deletion["resource"].split()[1]]):
            plan = cron.document("restore", *words, "--dry-run")
            assert [(one["action"], one["room"]) for one in plan["items"]] == [("create", "stale")]
        assert cron.rooms() == ["live"]
        cron.rules("restore", deletion["item"])
        assert cron.rooms() == ["live", "stale"]

    def test_what_comes_back_stale_says_so_and_is_spared(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        (planned,) = cron.document("restore", "--run", run_id)["items"]
        assert (planned["stale"], planned["held_until"]) == (True, None)
        assert "its room is not live" in cron.rules("restore", "--run", run_id).stdout
        (done,) = cron.document("restore", "--run", run_id, "--apply")["items"]
        until = datetime.fromisoformat(done["held_until"]) - datetime.now(UTC)
        assert timedelta(hours=23, minutes=59) < until <= timedelta(hours=24)
        for words in (("--grace", "0s"), ("--look-twice", "1s")):
            plan = cron.document("purge", *words)
            (held,) = [item for item in plan["items"] if item["room"] == "stale"]
            assert (held["action"], held["reason"], held["may_go_at"]) == ("skip", "held", done["held_until"])
        cron.rules("purge", "--apply", "--grace", "0s")
        assert cron.rooms() == ["live", "stale"]

    def test_what_is_not_to_be_held_is_not(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        cron.rules("restore", "--run", run_id, "--apply", "--hold", "0")
        cron.rules("purge", "--apply", "--grace", "0s")
        assert cron.rooms() == ["live"]

    def test_a_hold_ends(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        cron.rules("restore", "--run", run_id, "--apply", "--hold", "2h")
        with contextlib.closing(sqlite3.connect(state() / "looks.db")) as observations, observations:
            observations.execute("UPDATE sipctl_hold SET until = ?", [datetime.now(UTC).isoformat()])
        cron.rules("purge", "--apply", "--grace", "0s")
        assert cron.rooms() == ["live"]

    def test_a_hold_is_a_time(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        refused = cron.rules("restore", "--run", run_id, "--hold", "soon", code=ExitCode.USAGE)
        assert "--hold 'soon'" in refused.stderr

    def test_what_was_deleted_though_no_answer_came(self, sandboxed: Cron) -> None:
        sandboxed.observed_long_ago()
        sandboxed.server.fault("cut@DeleteSIPDispatchRule")
        sandboxed.rules("purge", "--apply", code=ExitCode.PARTIAL)
        sandboxed.server.lift_faults()
        assert sandboxed.rooms() == ["live"]
        run_id = json.loads(audit_lines()[-1])["run"]
        assert "no answer came; it was deleted" in sandboxed.rules("restore", "--run", run_id).stdout
        sandboxed.rules("restore", "--run", run_id, "--apply")
        assert sandboxed.rooms() == ["live", "stale"]

    def test_what_was_deleted_and_not_put_back(self, sandboxed: Cron) -> None:
        """The error says what was done and names the command that goes on; that one works."""
        sandboxed.server.fault("comes-alive@DeleteSIPDispatchRule")
        sandboxed.server.fault("status=403@CreateSIPDispatchRule")
        ended = run("rules", "delete", "SIP_stale", env=sandboxed.env)
        assert_error(ended, ExitCode.PARTIAL, "was deleted, and not put back: ")
        words = re.search("`sipctl rules (restore .*)`", ended.stderr)
        assert words
        sandboxed.server.lift_faults()
        sandboxed.rules(*words[1].split())
        assert sandboxed.rooms() == ["live", "stale"]

    def test_a_purge_that_cannot_put_back(self, sandboxed: Cron) -> None:
        sandboxed.observed_long_ago()
        sandboxed.server.fault("comes-alive@DeleteSIPDispatchRule")
        sandboxed.server.fault("status=403@CreateSIPDispatchRule")
        ended = sandboxed.rules("purge", "--apply", code=ExitCode.PARTIAL)
        assert "1 of 1 changes did not go well: room 'stale': deleted, and not put back: " in ended.stderr
        words = re.search("`sipctl rules (restore .*)`", ended.stderr)
        assert words
        sandboxed.server.lift_faults()
        sandboxed.rules(*words[1].split())
        assert sandboxed.rooms() == ["live", "stale"]

    def test_what_no_one_knows(self, purged: tuple[Cron, str]) -> None:
        cron, _ = purged
        for words in (["--run", "none"], ["none"], ["--id", "none"]):
            assert_error(run("rules", "restore", *words, env=cron.env), ExitCode.NOT_FOUND, "'none'")

    def test_another_server(self, purged: tuple[Cron, str], tmp_path: Path) -> None:
        cron, run_id = purged
        with running_sandbox() as other:
            words = ("rules", "restore", "--run", run_id, "--apply")
            assert_error(run(*words, env=env_of(other)), ExitCode.USAGE, f"was made at {cron.server.url}", other.url)
            assert not other.store.rules

    def test_an_audit_with_half_a_line(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        with (state() / "audit.jsonl").open("a") as audit:
            audit.write(audit_lines()[0][:60])
        described = cron.rules("restore", "--run", run_id).stderr.splitlines()[0]
        assert described == f"note: 1 line of {state() / 'audit.jsonl'} passed over: damaged, or not written by sipctl"
        assert cron.rules("restore", "--run", run_id, "--apply", "--quiet").stderr == ""
        assert cron.rooms() == ["live", "stale"]

    def test_what_is_no_change_of_a_rule(self, purged: tuple[Cron, str]) -> None:
        cron, _ = purged
        whole_run = next(json.loads(line) for line in audit_lines() if '"run"' in line)
        for words in ([whole_run["item"]], [whole_run["item"], "--apply"]):
            assert cron.rules("restore", *words).stdout == "Nothing to do.\n"
        assert cron.document("restore", whole_run["item"])["items"] == []

    def test_deletions_have_a_limit(self, sandboxed: Cron) -> None:
        created = run("rules", "create", "--room", "new", "--pin-stdin", env=sandboxed.env, stdin=b"5839201746")
        assert created.code == 0, created
        words = ("restore", json.loads(audit_lines()[-1])["item"], "--apply")
        refused = sandboxed.rules(*words, "--max-delete", "0", code=ExitCode.SAFEGUARD)
        assert "more than max_delete 0" in refused.stderr
        assert sandboxed.rooms() == ["live", "new", "stale"]
        sandboxed.rules(*words)
        assert sandboxed.rooms() == ["live", "stale"]

    def test_a_protected_profile_wants_its_name(self, purged: tuple[Cron, str], tmp_path: Path) -> None:
        cron, run_id = purged
        words = ("restore", "--run", run_id, "--apply", "--config", str(protected_profile(tmp_path)))
        refused = cron.rules(*words, code=ExitCode.SAFEGUARD)
        assert "--confirm default" in refused.stderr
        assert refused.stdout == ""
        assert cron.rooms() == ["live"]
        cron.rules(*words, "--confirm", "default")
        assert cron.rooms() == ["live", "stale"]

    def test_a_trunk_that_was_made_again(self, sandboxed: Cron) -> None:
        old, new = (
            new_trunk(sandboxed, InboundTrunk(name="t", numbers=(number,))) for number in ("+15550100", "+15550199")
        )
        sandboxed.desk.store(owned("bound", "55550000", trunk_ids=(old.sip_trunk_id,)))
        export = sandboxed.rules("export", "--show-pins").stdout
        rule = next(one for one in sandboxed.desk.rules() if one.room_name == "bound")
        delete(sandboxed, rule)
        sandboxed.desk.ask(lambda client: client.delete_trunk(old.sip_trunk_id))
        described = sandboxed.rules("restore", "--from-export", "-", "--apply", stdin=export)
        assert f"names trunk {old.sip_trunk_id}, which is gone" in described.stdout
        assert "bound" not in sandboxed.rooms()
        pair = f"{old.sip_trunk_id}={new.sip_trunk_id}"
        sandboxed.rules("restore", "--from-export", "-", "--trunk", pair, "--apply", stdin=export)
        (bound,) = [one for one in sandboxed.desk.rules() if one.room_name == "bound"]
        assert bound.trunk_ids == (new.sip_trunk_id,)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"rooms": []}', '{"rules": [{"pin": 1}]}', '{"rules": 1}'])
    def test_what_is_no_export(self, sandboxed: Cron, text: str) -> None:
        sandboxed.rules("restore", "--from-export", "-", "--apply", stdin=text, code=ExitCode.USAGE)
        assert sandboxed.rooms() == ["live", "stale"]
