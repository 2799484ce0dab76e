"""Two runs at once."""

import os
import subprocess
from pathlib import Path

import pytest

from sipctl.errors import ExitCode
from sipctl.operations.lock import run_lock
from tests.support.cron import LIVE, STALE, Cron, calls, state
from tests.support.peers.postgres import Postgres
from tests.support.running import assert_error, command, run, until


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
