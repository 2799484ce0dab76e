"""`sipctl rules purge`, `sync`, `restore` and `export` from the command line, as cron and people run them."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sipctl.errors import ExitCode
from sipctl.operations.lock import run_lock
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room
from sipctl.telephony.secret import Secret
from tests.support.desk import Desk
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.livekit import RealLiveKit
from tests.support.peers.postgres import Postgres
from tests.support.running import Result, assert_error, command, env_of, run, until
from tests.support.schemas import validate
from tests.support.yard import owned

STALE, LIVE = owned("stale", "736150928364"), owned("live", "918273645001")
CANARIES = (STALE.pin, LIVE.pin)


@dataclass
class Cron:
    """A machine with a server, a state folder and a crontab line."""

    server: Any
    desk: Desk
    env: dict[str, str]

    def rules(self, *words: str, code: int = 0, stdin: str = "") -> Result:
        ended = run("rules", *words, env=self.env, stdin=stdin.encode())
        assert ended.code == code, ended
        assert "Traceback" not in ended.stderr
        if "--show-pins" not in words:
            assert not any(pin in ended.stdout + ended.stderr for pin in CANARIES)
        return ended

    def document(self, *words: str, code: int = 0) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.rules(*words, "-o", "json", code=code).stdout)
        validate(value)
        return value

    def register(self, rule: DispatchRule) -> None:
        """Let the registry know a room by the PIN of its rule."""
        table = f"room,pin\n{rule.room_name},{rule.pin}\n"
        assert run("pin", "import", "-", "--apply", env=self.env, stdin=table.encode()).code == 0

    def rooms(self) -> list[str]:
        return sorted(rule.room_name for rule in self.desk.rules())

    def observed_long_ago(self, **ago: float) -> None:
        """Look now, and move what is remembered of it into the past."""
        self.rules("purge")
        moment = (datetime.now(UTC) - timedelta(**ago or {"minutes": 11})).isoformat()
        with contextlib.closing(sqlite3.connect(state() / "looks.db")) as observations, observations:
            observations.execute("UPDATE sipctl_sighting SET since = ?", [moment])
            observations.execute("UPDATE sipctl_look SET last_at = ?", [moment])
            observations.execute("UPDATE sipctl_look SET empty_since = ? WHERE empty_since IS NOT NULL", [moment])


def state() -> Path:
    return Path(os.environ["SIPCTL_STATE_DIR"])


@pytest.fixture
def cron(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Cron:
    desk = Desk(server=livekit, folder=tmp_path)
    desk.store(STALE)
    desk.store(LIVE)
    desk.ask(lambda client: client.create_room(Room(name="live")))
    return Cron(livekit, desk, env_of(livekit))


@pytest.fixture
def sandboxed(sandbox: Sandbox, tmp_path: Path) -> Cron:
    desk = Desk(server=sandbox, folder=tmp_path)
    desk.store(STALE)
    desk.store(LIVE)
    desk.ask(lambda client: client.create_room(Room(name="live")))
    return Cron(sandbox, desk, env_of(sandbox))


def test_purge_tells_first_and_then_does(cron: Cron) -> None:
    described = cron.rules("purge")
    assert "Nothing to do. 1 is left as it is." in described.stdout
    assert "this state remembers no earlier look; 1 stale rule can be deleted after 10m" in described.stderr
    cron.observed_long_ago()
    plan = cron.document("purge")
    assert plan["counts"] == {"keep": 1, "skip": 0, "delete": 1, "update": 0, "create": 0}
    assert cron.rooms() == ["live", "stale"]
    described = cron.rules("purge", "--apply")
    assert "1 rule deleted." in described.stdout
    assert cron.rooms() == ["live"]
    assert "Nothing to do." in cron.rules("purge", "--apply").stdout


def test_what_was_purged_comes_back_by_the_command_that_is_printed(cron: Cron) -> None:
    cron.observed_long_ago()
    done = cron.document("purge", "--apply")
    assert [one["result"] for one in done["items"] if one["action"] == "delete"] == ["done"]
    words = done["undo"].split()
    assert words[:2] == ["sipctl", "rules"]
    assert "would" not in cron.rules(*words[2:]).stdout
    assert {rule.room_name: rule.pin for rule in cron.desk.rules()} == {"stale": STALE.pin, "live": LIVE.pin}
    again = cron.document(*words[2:])
    assert [(one["action"], one["why"]) for one in again["items"]] == [("skip", "there already")]


def test_the_headline_counts_what_was_done_and_nothing_has_no_undo(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.fault("comes-alive@DeleteSIPDispatchRule")
    put_back = sandboxed.rules("purge", "--apply")
    assert put_back.stdout.startswith("1 rule came alive and put back, none deleted.")
    assert "undo" not in put_back.stdout


def test_cron_hears_nothing_of_success_and_one_line_of_failure(sandboxed: Cron) -> None:
    first = sandboxed.rules("purge", "--apply", "--quiet")
    assert (first.stdout, first.stderr.count("\n")) == ("", 1)
    assert "remembers no earlier look" in first.stderr
    sandboxed.observed_long_ago()
    assert sandboxed.rules("purge", "--apply", "--quiet") == Result(0, "", "")
    assert sandboxed.rooms() == ["live"]
    sandboxed.server.fault("status=503@ListRooms")
    failed = sandboxed.rules("purge", "--apply", "--quiet", code=ExitCode.UNCHECKED)
    assert (failed.stdout, failed.stderr.count("\n")) == ("", 1)


def test_ten_means_work_to_do(cron: Cron) -> None:
    cron.rules("purge", "--detailed-exitcode")
    cron.observed_long_ago()
    cron.rules("purge", "--detailed-exitcode", code=ExitCode.PENDING)
    cron.rules("purge", "--detailed-exitcode", "--apply")
    cron.rules("purge", "--detailed-exitcode")


def test_a_container_without_a_state_folder_looks_twice(sandboxed: Cron) -> None:
    sandboxed.env["SIPCTL_STATE_DIR"] = "/proc/none"
    assert "this look is not remembered" in sandboxed.rules("purge").stderr
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.RAIL)
    assert "/proc/none" in refused.stderr
    del sandboxed.env["SIPCTL_STATE_DIR"]
    sandboxed.rules("purge", "--apply", "--look-twice", "1s")
    assert sandboxed.rooms() == ["live"]


@pytest.mark.parametrize(
    ("words", "described"),
    [
        (["purge", "--grace", "soon"], "--grace 'soon'"),
        (["purge", "--look-twice", "-1s"], "'--look-twice': '-1s'"),
        (["purge", "--via", "pigeon"], "--via 'pigeon'"),
        (["purge", "--via", "webhook"], "needs the profile's webhook_url"),
        (["purge", "--max-delete", "many"], "--max-delete"),
        (["sync", "--only", "everything"], "choose of purge, repair, create"),
        (["restore"], "nothing to restore"),
        (["restore", "a", "--from-export", "b"], "goes with no change"),
        (["restore", "a", "--trunk", "ST_old"], "OLD=NEW"),
    ],
)
def test_words_that_say_nothing(sandboxed: Cron, words: list[str], described: str) -> None:
    assert_error(run("rules", *words, env=sandboxed.env), ExitCode.USAGE, described)


@pytest.mark.parametrize("words", [["purge"], ["sync"], ["restore", "--from-export", "-"], ["export"]])
def test_a_dead_server(sandboxed: Cron, words: list[str]) -> None:
    sandboxed.env["LIVEKIT_URL"] = "http://127.0.0.1:9"
    assert_error(run("rules", *words, env=sandboxed.env, stdin=b'{"rules": []}'), ExitCode.UNCHECKED, "127.0.0.1:9")


@pytest.mark.parametrize("words", [["purge", "--apply"], ["sync", "--apply", "--allow", "unattended"]])
def test_a_list_that_is_denied_is_no_empty_list(sandboxed: Cron, words: list[str]) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.fault("status=403@ListRooms")
    ended = sandboxed.rules(*words, code=ExitCode.DENIED)
    assert "403" in ended.stderr
    assert sandboxed.rooms() == ["live", "stale"]


def test_redis_lost_and_back_empty(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.fault("redis-lost")
    sandboxed.rules("purge", "--apply", code=ExitCode.UNCHECKED)
    sandboxed.server.lift_faults()
    for rule in (STALE, LIVE):
        with contextlib.suppress(Exception):
            sandboxed.desk.store(rule)
    sandboxed.server.store.rooms.clear()
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.RAIL)
    assert "LiveKit lists no room at all" in refused.stderr
    assert sandboxed.rooms() == ["live", "stale"]


def test_rails_name_the_words_that_lift_them(sandboxed: Cron) -> None:
    for at in range(22):
        sandboxed.desk.store(owned(f"r{at}", f"5000{at:04}"))
    sandboxed.observed_long_ago()
    plan = sandboxed.rules("purge")
    assert "note: --apply would refuse: would delete 23 of 24 owned rules (96 %)" in plan.stderr
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.RAIL)
    assert "add `--max-delete 23 --max-delete-percent 96`" in refused.stderr
    assert len(sandboxed.rooms()) == 24
    sandboxed.rules("purge", "--apply", "--max-delete", "23", "--max-delete-percent", "96")
    assert sandboxed.rooms() == ["live"]


def test_limits_and_grace_of_the_profile(sandboxed: Cron, tmp_path: Path) -> None:
    config = tmp_path / "sipctl.toml"
    config.write_text('[profiles.default.purge]\ngrace = "1h"\nmax_delete = 0\n')
    sandboxed.observed_long_ago()
    assert "stale, but not for long enough" in sandboxed.rules("purge", "--config", str(config)).stdout
    sandboxed.observed_long_ago(minutes=61)
    refused = sandboxed.rules("purge", "--config", str(config), "--apply", code=ExitCode.RAIL)
    assert "more than max_delete 0" in refused.stderr


def test_a_protected_profile_wants_its_name(sandboxed: Cron, tmp_path: Path) -> None:
    config = str(protected_profile(tmp_path))
    sandboxed.observed_long_ago()
    sandboxed.rules("purge", "--config", config)
    refused = sandboxed.rules("purge", "--config", config, "--apply", code=ExitCode.RAIL)
    assert "--confirm default" in refused.stderr
    sandboxed.rules("purge", "--config", config, "--apply", "--confirm", "default")
    assert sandboxed.rooms() == ["live"]


def protected_profile(folder: Path) -> Path:
    config = folder / "sipctl.toml"
    config.write_text("[profiles.default]\nprotected = true\n")
    return config


def test_without_a_memory_nothing_is_deleted(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    (state() / "looks.db").unlink()
    (state() / "looks.db").mkdir()
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.RAIL)
    assert "cannot remember this look" in refused.stderr
    assert "--look-twice" in refused.stderr
    assert sandboxed.rooms() == ["live", "stale"]
    assert "is not remembered" in sandboxed.rules("purge").stderr
    sandboxed.rules("purge", "--apply", "--look-twice", "1s")
    assert sandboxed.rooms() == ["live"]


def test_a_corrupt_memory_is_no_empty_one(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    (state() / "looks.db").write_text("no database" * 999)
    for words in (["purge"], ["purge", "--apply"]):
        refused = sandboxed.rules(*words, code=ExitCode.USAGE)
        assert re.search(r"the state of earlier looks \(.*looks.db\) is corrupt", refused.stderr)
        assert "move looks.db of the state folder away" in refused.stderr
    assert sandboxed.rooms() == ["live", "stale"]


def test_names_are_of_what_would_change(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    stale = next(rule for rule in sandboxed.desk.rules() if rule.room_name == "stale")
    assert sandboxed.rules("purge", "-o", "name").stdout.split() == [stale.sip_dispatch_rule_id]


def test_metrics_for_node_exporter(sandboxed: Cron, tmp_path: Path) -> None:
    file = tmp_path / "sipctl.prom"
    sandboxed.observed_long_ago()
    sandboxed.rules("purge", "--apply", "--textfile", str(file))
    worked = metrics(file)
    assert worked["sipctl_rules_last_run_exit_code"] == 0
    assert worked["sipctl_rules_last_success_timestamp_seconds"] > 1.7e9
    sandboxed.server.fault("status=503@ListRooms")
    sandboxed.rules("purge", "--apply", "--textfile", str(file), code=ExitCode.UNCHECKED)
    failed = metrics(file)
    assert failed["sipctl_rules_last_run_exit_code"] == ExitCode.UNCHECKED
    assert (
        failed["sipctl_rules_last_success_timestamp_seconds"] == worked["sipctl_rules_last_success_timestamp_seconds"]
    )
    assert [path for path in tmp_path.iterdir() if "prom" in path.name] == [file]


def metrics(file: Path) -> dict[str, float]:
    families = text_string_to_metric_families(file.read_text())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_a_reader_that_stops_reading(sandboxed: Cron) -> None:
    line = f"{' '.join(command('rules', 'export', '--quiet'))} | head -c 1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=sandboxed.env, capture_output=True, check=False)
    assert (ended.stdout, ended.stderr) == (b"{", b"")


def test_metrics_that_cannot_be_written_do_not_hide_what_was_done(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    ended = sandboxed.rules("purge", "--apply", "--textfile", "/nowhere/purge.prom", code=ExitCode.UNCHECKED)
    assert "1 rule deleted." in ended.stdout
    assert "undo: sipctl rules restore --run" in ended.stdout
    assert "cannot write /nowhere/purge.prom" in ended.stderr


def test_the_first_look_tells_of_the_grace_in_force(sandboxed: Cron) -> None:
    assert "can be deleted after 2h" in sandboxed.rules("purge", "--grace", "2h").stderr


def test_profiles_that_share_a_server_do_not_forget_each_others_looks(sandboxed: Cron, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles.staging]\nname_template = "STAGING_{room}"\n')
    sandboxed.observed_long_ago()
    assert "Nothing to do." in sandboxed.rules("purge", "--config", str(config), "--profile", "staging").stdout
    assert "1 rule deleted." in sandboxed.rules("purge", "--apply").stdout


class TestTwoAtOnce:
    """One works, the other exits 8 and says who works."""

    def test_on_one_host(self, sandboxed: Cron) -> None:
        sandboxed.observed_long_ago()
        with run_lock(state(), sandboxed.server.url):
            refused = sandboxed.rules("purge", "--apply", code=ExitCode.CHANGED)
            assert f"process {os.getpid()}" in refused.stderr
            assert "--lock-wait SECONDS" in refused.stderr
            sandboxed.rules("purge")
        sandboxed.rules("purge", "--apply", "--lock-wait", "5")

    def test_the_second_one_waits(self, sandboxed: Cron) -> None:
        sandboxed.observed_long_ago()
        with run_lock(state(), sandboxed.server.url):
            waiting = subprocess.Popen(
                command("rules", "purge", "--apply", "--lock-wait", "30"), env=sandboxed.env, stdout=subprocess.PIPE
            )
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.5)
        assert b"1 rule deleted." in waiting.communicate(timeout=30)[0]

    def test_a_dead_holder_holds_nothing(self, sandboxed: Cron) -> None:
        sandboxed.observed_long_ago()
        sandboxed.server.fault("hang@DeleteSIPDispatchRule")
        looked = calls(sandboxed, "ListRooms")
        holder = subprocess.Popen(command("rules", "purge", "--apply"), env=sandboxed.env)
        until(lambda: calls(sandboxed, "ListRooms") > looked + 1)
        sandboxed.rules("purge", "--apply", code=ExitCode.CHANGED)
        holder.kill()
        holder.wait()
        sandboxed.server.lift_faults()
        sandboxed.rules("purge", "--apply")
        assert sandboxed.rooms() == ["live"]

    def test_on_one_postgres(self, sandboxed: Cron, postgres: Postgres, tmp_path: Path) -> None:
        url = postgres.new_database()
        sandboxed.env["SIPCTL_REGISTRY_STATE_URL"] = url
        sandboxed.rules("purge")
        other = sandboxed.env | {"SIPCTL_STATE_DIR": str(tmp_path / "another-host")}
        with run_lock(tmp_path, sandboxed.server.url, shared_url=url):
            for env in (sandboxed.env, other):
                assert_error(
                    run("rules", "purge", "--apply", "--grace", "0s", env=env), ExitCode.CHANGED, "another sipctl run"
                )
        assert run("rules", "purge", "--apply", "--grace", "0s", env=other).code == 0
        assert sandboxed.rooms() == ["live"]

    def test_on_one_postgres_every_write_holds_the_same_lock(
        self, sandboxed: Cron, postgres: Postgres, tmp_path: Path
    ) -> None:
        sandboxed.env["SIPCTL_REGISTRY_STATE_URL"] = url = postgres.new_database()
        sandboxed.register(STALE)
        sandboxed.register(LIVE)
        writes = ("rules delete SIP_stale", "pin rotate stale", "pin rotate stale --no-live", "room create new")
        with run_lock(tmp_path, sandboxed.server.url, shared_url=url):
            for words in writes:
                assert_error(run(*words.split(), env=sandboxed.env), ExitCode.CHANGED, "another sipctl run")


def calls(cron: Cron, method: str) -> int:
    return sum(call.method == method for call in cron.server.calls)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_lets_what_is_in_flight_end(sandboxed: Cron, name: str, code: int) -> None:
    for at in range(60):
        sandboxed.desk.store(owned(f"r{at}", f"5000{at:04}"))
    sandboxed.observed_long_ago()
    words = ("rules", "purge", "--apply", "--max-delete", "99", "--max-delete-percent", "100", "--rate", "20")
    running = subprocess.Popen(
        command(*words), env=sandboxed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: calls(sandboxed, "DeleteSIPDispatchRule") > 1)
    running.send_signal(getattr(signal, name))
    out, err = running.communicate(timeout=30)
    assert (running.returncode, "Traceback" in err) == (code, False)
    assert "not begun" in out
    assert "undo: sipctl rules restore --run" in out
    deleted = 61 - len([room for room in sandboxed.rooms() if room != "live"])
    assert 0 < deleted < 61
    assert out.count("\tdone\n") == deleted


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_wait_for_the_next_write(sandboxed: Cron, name: str) -> None:
    for at in range(3):
        sandboxed.desk.store(owned(f"r{at}", f"5000{at:04}"))
    sandboxed.observed_long_ago()
    words = ("rules", "purge", "--apply", "--max-delete", "99", "--max-delete-percent", "100", "--rate", "0.01")
    running = subprocess.Popen(
        command(*words), env=sandboxed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: calls(sandboxed, "DeleteSIPDispatchRule") > 0)
    running.send_signal(getattr(signal, name))
    out, _ = running.communicate(timeout=40)  # the next write would begin after a hundred seconds
    assert running.returncode == 128 + getattr(signal, name)
    assert out.count("\tdone\n") == 1


def test_a_signal_that_nohup_ignores_is_ignored(sandboxed: Cron) -> None:
    sandboxed.desk.store(owned("gone", "50000001"))
    sandboxed.observed_long_ago()
    sandboxed.server.fault("latency=300@DeleteSIPDispatchRule")
    words = command("rules", "purge", "--apply", "--max-delete-percent", "100")
    running = subprocess.Popen(["nohup", *words], env=sandboxed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: calls(sandboxed, "DeleteSIPDispatchRule") > 0)
    running.send_signal(signal.SIGHUP)
    out, _ = running.communicate(timeout=40)
    assert (running.returncode, out.count(b"\tdone\n")) == (0, 2), out


class TestSync:
    def test_from_the_registry(self, cron: Cron) -> None:
        cron.register(LIVE)
        broken = next(rule for rule in cron.desk.rules() if rule.room_name == "live")
        cron.desk.ask(lambda client: client.replace_rule(broken, replace(broken, pin="None")))
        described = cron.rules("sync", "--only", "repair")
        assert "would update" in described.stdout
        assert "its PIN is the word None" in described.stdout
        cron.rules("sync", "--only", "repair", "--apply")
        assert {rule.room_name: rule.pin for rule in cron.desk.rules()}["live"] == LIVE.pin

    def test_a_registry_that_is_not_the_backends(self, sandboxed: Cron) -> None:
        sandboxed.register(owned("live", "4820571936"))
        refused = sandboxed.rules("sync", code=ExitCode.RAIL)
        assert "carries a PIN that this registry" in refused.stderr

    def test_a_room_without_a_rule(self, cron: Cron) -> None:
        cron.register(LIVE)
        run("pin", "assign", "new", env=cron.env)
        cron.desk.ask(lambda client: client.create_room(Room(name="new")))
        assert "nobody is in it who is no phone caller" in cron.rules("sync").stdout
        cron.rules("sync", "--apply", "--allow", "unattended")
        assert cron.rooms() == ["live", "new", "stale"]

    def test_by_a_backend(self, livekit: Sandbox | RealLiveKit, tmp_path: Path) -> None:
        gone, new = "11111111-2222-4333-8444-555555555555", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
        desk = Desk(server=livekit, folder=tmp_path)
        desk.store(owned(gone, STALE.pin))
        desk.ask(lambda client: client.create_room(Room(name=new)))
        with running_backend(Backend(livekit, {gone: STALE.pin, new: LIVE.pin})) as backend:
            cron = Cron(livekit, desk, env_of(livekit, SIPCTL_WEBHOOK_URL=backend.url))
            cron.rules("sync", "--apply", "--allow", "unattended", "--grace", "0s")
            assert cron.rooms() == [new]
            assert sorted(backend.events) == [("room_finished", gone), ("room_started", new)]
            backend.mood = "refuses"
            cron.desk.ask(lambda client: client.delete_room(new))
            cron.desk.ask(lambda client: client.create_room(Room(name="other")))
            failed = cron.rules("purge", "--apply", "--grace", "0s", code=ExitCode.PARTIAL)
            assert "failed at the event (500)" in failed.stderr

    def test_a_registry_that_was_only_read_is_none(self, sandboxed: Cron) -> None:
        run("pin", "list", env=sandboxed.env)
        sandboxed.rules("sync")

    def test_neither_registry_nor_backend(self, sandboxed: Cron) -> None:
        sandboxed.desk.ask(lambda client: client.create_room(Room(name="new")))
        sandboxed.server.store.join("new", "alice")
        assert "the registry has no PIN for it" in sandboxed.rules("sync", "--apply").stdout


class TestRestore:
    @pytest.fixture
    def purged(self, sandboxed: Cron) -> tuple[Cron, str]:
        sandboxed.observed_long_ago()
        return sandboxed, sandboxed.document("purge", "--apply")["run"]

    def test_by_run_change_or_rule(self, purged: tuple[Cron, str]) -> None:
        cron, run_id = purged
        deletion = next(json.loads(line) for line in audit_lines() if '"delete"' in line)
        for words in (["--run", run_id], [deletion["item"]], ["--id", deletion["resource"].split()[1]]):
            plan = cron.document("restore", *words)
            assert [(one["action"], one["room"]) for one in plan["items"]] == [("create", "stale")]
        assert cron.rooms() == ["live"]

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

    def test_what_nobody_knows(self, purged: tuple[Cron, str]) -> None:
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
        described = cron.rules("restore", "--run", run_id).stderr
        assert (
            described == f"note: 1 line of {state() / 'audit.jsonl'} passed over: damaged, or not written by sipctl\n"
        )
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
        refused = sandboxed.rules(*words, "--max-delete", "0", code=ExitCode.RAIL)
        assert "more than max_delete 0" in refused.stderr
        assert sandboxed.rooms() == ["live", "new", "stale"]
        sandboxed.rules(*words)
        assert sandboxed.rooms() == ["live", "stale"]

    def test_a_protected_profile_wants_its_name(self, purged: tuple[Cron, str], tmp_path: Path) -> None:
        cron, run_id = purged
        words = ("restore", "--run", run_id, "--apply", "--config", str(protected_profile(tmp_path)))
        refused = cron.rules(*words, code=ExitCode.RAIL)
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


def new_trunk(cron: Cron, trunk: InboundTrunk) -> InboundTrunk:
    return cron.desk.ask(lambda client: client.create_inbound_trunk(trunk))


def delete(cron: Cron, rule: DispatchRule) -> None:
    cron.desk.ask(lambda client: client.delete_rule(rule.sip_dispatch_rule_id))


def audit_lines() -> list[str]:
    return (state() / "audit.jsonl").read_text().splitlines()


class TestExport:
    def test_a_file_is_private_and_brings_everything_back(self, cron: Cron, tmp_path: Path) -> None:
        file = tmp_path / "rules.json"
        cron.rules("export", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for rule in cron.desk.rules():
            delete(cron, rule)
        cron.rules("restore", "--from-export", str(file), "--apply")
        assert {rule.room_name: rule.pin for rule in cron.desk.rules()} == {"stale": STALE.pin, "live": LIVE.pin}

    def test_on_stdout_pins_are_others_one_to_one(self, cron: Cron) -> None:
        cron.desk.store(DispatchRule(name="SIP_bug", room_name="bug", pin="None"))
        value = json.loads(cron.rules("export").stdout)
        assert value["sipctl"]["pins"] == "swapped"
        pins = {one["name"]: one["rule"]["dispatch_rule_direct"]["pin"] for one in value["rules"]}
        assert pins["SIP_bug"] == "None"
        assert len(pins["SIP_stale"]) == len(STALE.pin)
        assert len(set(pins.values())) == 3
        assert [room["name"] for room in value["rooms"]] == ["live"]
        real = json.loads(cron.rules("export", "-", "--show-pins").stdout)
        assert real["sipctl"]["pins"] == "real"

    def test_no_password_of_a_trunk(self, sandboxed: Cron) -> None:
        trunk = InboundTrunk(name="t", numbers=("+15550100",), auth_username="u", auth_password=Secret("s3cr3t-canary"))
        new_trunk(sandboxed, trunk)
        described = sandboxed.rules("export", "--show-pins")
        assert "s3cr3t-canary" not in described.stdout
        assert json.loads(described.stdout)["trunks"][0]["numbers"] == ["+15550100"]


def test_a_clock_that_went_back(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago(hours=-5)
    assert "stale, seen for the first time" in sandboxed.rules("purge", "--apply").stdout
    assert sandboxed.rooms() == ["live", "stale"]


def test_an_observation_too_long_ago_counts_for_nothing_and_that_is_said(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago(hours=30)
    described = sandboxed.rules("purge", "--apply", "--quiet")
    assert "the last observation was 30h ago, which is too long for it to count; 1 stale rule can" in described.stderr
    assert sandboxed.rooms() == ["live", "stale"]
    sandboxed.observed_long_ago(hours=30)
    assert "1 rule deleted." in sandboxed.rules("purge", "--apply", "--grace", "11h").stdout


def test_a_clock_that_is_off_deletes_nothing_and_says_so(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.join("elsewhere", "bob")
    sandboxed.server.advance(3600)
    described = sandboxed.rules("purge", "--apply", "--quiet")
    seconds = r"(3599|3600|3601)"  # LiveKit's Date has no fractions
    assert re.search(
        f"the clock of this host is {seconds} s behind LiveKit's, so this obs.* counts for nothing", described.stderr
    )
    assert {one["reason"] for one in sandboxed.document("purge")["items"]} >= {"clock-off"}
    assert "stale" in sandboxed.rooms()
    sandboxed.rules("purge", "--apply", "--look-twice", "1s")
    assert "stale" not in sandboxed.rooms()


def test_state_of_a_newer_version(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    with contextlib.closing(sqlite3.connect(state() / "looks.db")) as observations, observations:
        observations.execute("UPDATE sipctl_schema SET version = 99")
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.USAGE)
    assert "newer" in refused.stderr
    assert sandboxed.rooms() == ["live", "stale"]


def test_rooms_of_a_dead_node_are_no_stale_rules(sandboxed: Cron) -> None:
    sandboxed.server.fault("dead-node")
    sandboxed.observed_long_ago()
    sandboxed.rules("purge", "--apply")
    assert sandboxed.rooms() == ["live"]
