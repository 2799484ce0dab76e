"""`rules purge`, as cron and people run it."""

import contextlib
import re
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sipctl.errors import ExitCode
from tests.support.cron import LIVE, STALE, Cron, calls, protected_profile, state
from tests.support.running import Result, command, until
from tests.support.yard import owned


def test_purge_shows_its_plan_and_then_does_it(cron: Cron) -> None:
    described = cron.rules("purge")
    assert "Nothing to do. 1 is left as it is." in described.stdout
    assert "this state holds no earlier observation; 1 stale rule can be deleted after 10m" in described.stderr
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
    assert put_back.stdout.startswith("1 rule put back for a live room, none deleted.")
    assert "undo" not in put_back.stdout


def test_cron_hears_nothing_of_success_and_one_line_of_failure(sandboxed: Cron) -> None:
    first = sandboxed.rules("purge", "--apply", "--quiet")
    assert (first.stdout, first.stderr.count("\n")) == ("", 1)
    assert "holds no earlier observation" in first.stderr
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


def test_a_container_without_a_state_folder_observes_twice(sandboxed: Cron) -> None:
    sandboxed.env["SIPCTL_STATE_DIR"] = "/proc/none"
    assert "this observation is not remembered" in sandboxed.rules("purge").stderr
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.SAFEGUARD)
    assert "/proc/none" in refused.stderr
    del sandboxed.env["SIPCTL_STATE_DIR"]
    sandboxed.rules("purge", "--apply", "--look-twice", "1s")
    assert sandboxed.rooms() == ["live"]


def test_redis_lost_and_back_empty(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    sandboxed.server.fault("redis-lost")
    sandboxed.rules("purge", "--apply", code=ExitCode.UNCHECKED)
    sandboxed.server.lift_faults()
    for rule in (STALE, LIVE):
        with contextlib.suppress(Exception):
            sandboxed.desk.store(rule)
    sandboxed.server.store.rooms.clear()
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.SAFEGUARD)
    assert "LiveKit lists no room at all" in refused.stderr
    assert sandboxed.rooms() == ["live", "stale"]


def test_safeguards_name_the_words_that_lift_them(sandboxed: Cron) -> None:
    for at in range(22):
        sandboxed.desk.store(owned(f"r{at}", f"5000{at:04}"))
    sandboxed.observed_long_ago()
    plan = sandboxed.rules("purge")
    assert "note: --apply would refuse: would delete 23 of 24 owned rules (95.8 %)" in plan.stderr
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.SAFEGUARD)
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
    refused = sandboxed.rules("purge", "--config", str(config), "--apply", code=ExitCode.SAFEGUARD)
    assert "more than max_delete 0" in refused.stderr


def test_a_protected_profile_wants_its_name(sandboxed: Cron, tmp_path: Path) -> None:
    config = str(protected_profile(tmp_path))
    sandboxed.observed_long_ago()
    sandboxed.rules("purge", "--config", config)
    refused = sandboxed.rules("purge", "--config", config, "--apply", code=ExitCode.SAFEGUARD)
    assert "--confirm default" in refused.stderr
    sandboxed.rules("purge", "--config", config, "--apply", "--confirm", "default")
    assert sandboxed.rooms() == ["live"]


def test_without_a_memory_nothing_is_deleted(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    (state() / "looks.db").unlink()
    (state() / "looks.db").mkdir()
    refused = sandboxed.rules("purge", "--apply", code=ExitCode.SAFEGUARD)
    assert "cannot remember this observation" in refused.stderr
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
        assert re.search(r"the state of earlier observations \(.*looks.db\) is corrupt", refused.stderr)
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


def test_metrics_that_cannot_be_written_do_not_hide_what_was_done(sandboxed: Cron) -> None:
    sandboxed.observed_long_ago()
    ended = sandboxed.rules("purge", "--apply", "--textfile", "/nowhere/purge.prom", code=ExitCode.UNCHECKED)
    assert "1 rule deleted." in ended.stdout
    assert "undo: sipctl rules restore --run" in ended.stdout
    assert "cannot write /nowhere/purge.prom" in ended.stderr


def test_the_first_observation_names_the_grace_in_force(sandboxed: Cron) -> None:
    assert "can be deleted after 2h" in sandboxed.rules("purge", "--grace", "2h").stderr


def test_profiles_that_share_a_server_do_not_forget_each_others_observations(sandboxed: Cron, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles.staging]\nname_template = "STAGING_{room}"\n')
    sandboxed.observed_long_ago()
    assert "Nothing to do." in sandboxed.rules("purge", "--config", str(config), "--profile", "staging").stdout
    assert "1 rule deleted." in sandboxed.rules("purge", "--apply").stdout


def begun(cron: Cron, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(*words), env=cron.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_lets_what_is_in_flight_end(sandboxed: Cron, name: str, code: int) -> None:
    for at in range(60):
        sandboxed.desk.store(owned(f"r{at}", f"5000{at:04}"))
    sandboxed.observed_long_ago()
    words = ("rules", "purge", "--apply", "--max-delete", "99", "--max-delete-percent", "100", "--rate", "20")
    running = begun(sandboxed, *words)
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
    running = begun(sandboxed, *words)
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
