"""SIGINT, SIGTERM and SIGHUP end every wait, with their own exit codes and a true word about what was done.

Each wait is of hours; a test waits for the line, or the call, after which the command waits, and sends the signal then.
"""

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipctl.operations.lock import run_lock
from sipctl.sandbox.server import Sandbox
from tests.support.desk import Desk
from tests.support.peers.backend import Backend, running_backend
from tests.support.peers.hostile import hangs, hostile
from tests.support.peers.postgres import Postgres
from tests.support.running import clean_env, command, env_of, run, server_env
from tests.support.yard import owned

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SECRET = "canary-secret-of-more-than-32-characters"
every_signal = pytest.mark.parametrize(("number", "code"), SIGNALS)
interrupted, terminated, hung_up = (pytest.mark.parametrize(("number", "code"), [one]) for one in SIGNALS)
"""Signals end the process, or stop its writes: every one is tried on one wait of both kinds, and one on the others."""
LONG_S = 60
"""How long a command may take to end, on a machine that is busy with other tests."""


class Waiting:
    """A command that runs, and what it has said on stderr so far."""

    def __init__(self, line: str, env: dict[str, str], **more: Any) -> None:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command(*line.split()), env=env, **(streams | more))
        self.said: list[str] = []

    def until(self, holds: Callable[[str], object]) -> None:
        """Read stderr up to the first line of which this holds."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line.decode())
            if holds(self.said[-1]):
                return
        pytest.fail(f"it ended: {self.said}")

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send the signal; the exit code, stdout, and all of stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LONG_S)
        return self.process.returncode, out.decode(), "".join(self.said) + err.decode()


@contextlib.contextmanager
def waiting(line: str, env: dict[str, str], **more: Any) -> Iterator[Waiting]:
    one = Waiting(line, env, **more)
    try:
        yield one
    finally:
        one.process.kill()
        with one.process:  # closes its pipes, and waits
            pass


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Desk:
    """A server with three stale rules and an open room."""
    sandbox.join("open", "alice")
    one = Desk(server=sandbox, folder=tmp_path)
    for at in range(3):
        one.store(owned(f"over-{at}", f"50001234{at}"))
    return one


def lock_is_free(sandbox: Sandbox) -> bool:
    with run_lock(Path(os.environ["SIPCTL_STATE_DIR"]), sandbox.url):
        return True


@every_signal
def test_between_two_observations(
    sandbox: Sandbox, desk: Desk, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    metrics = tmp_path / "sipctl.prom"
    line = f"rules purge --apply --look-twice 12h -v --textfile {metrics}"
    with waiting(line, env_of(sandbox)) as purge:
        purge.until(lambda line: line.startswith("ListRooms: 200"))
        ended, out, err = purge.end(number)
    assert (ended, "Traceback" in err) == (code, False), err
    assert "nothing was changed" in out
    assert len(desk.rules()) == 3
    assert f"sipctl_rules_last_run_exit_code {float(code)}" in metrics.read_text()
    assert lock_is_free(sandbox)


@hung_up
def test_between_two_writes(sandbox: Sandbox, desk: Desk, number: signal.Signals, code: int) -> None:
    line = "rules purge --apply --grace 0 --rate 0.01 -v -o json"
    with waiting(line, env_of(sandbox)) as purge:
        purge.until(lambda line: line.startswith("DeleteSIPDispatchRule: 200"))
        ended, out, err = purge.end(number)
    assert (ended, "Traceback" in err) == (code, False), err
    assert sorted(item["result"] for item in json.loads(out)["items"]) == ["done", "not begun", "not begun"]
    assert len(desk.rules()) == 2
    written = [entry for entry in desk_audit() if entry["action"] == "delete" and entry["phase"] == "outcome"]
    assert sorted(entry["result"] for entry in written) == ["done", "failed", "failed"]
    assert "nothing more was begun" in err


def desk_audit() -> list[dict[str, Any]]:
    text = (Path(os.environ["SIPCTL_STATE_DIR"]) / "audit.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@terminated
def test_while_another_run_holds_the_lock(sandbox: Sandbox, desk: Desk, number: signal.Signals, code: int) -> None:
    line = "rules purge --apply --grace 0 --lock-wait 3600"
    with run_lock(Path(os.environ["SIPCTL_STATE_DIR"]), sandbox.url), waiting(line, env_of(sandbox)) as purge:
        purge.until(lambda line: "waiting up to 3600 s for another sipctl run" in line)
        ended, out, err = purge.end(number)
    assert (ended, out, "Traceback" in err) == (code, "", False), err
    assert "nothing was changed" in err
    assert len(desk.rules()) == 3


@hung_up
def test_while_another_host_holds_the_lock(
    sandbox: Sandbox, desk: Desk, postgres: Postgres, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    env = env_of(sandbox, SIPCTL_REGISTRY_STATE_URL=postgres.new_database())
    shared, line = env["SIPCTL_REGISTRY_STATE_URL"], "rules purge --apply --grace 0 --lock-wait 3600"
    with run_lock(tmp_path / "host", sandbox.url, shared_url=shared), waiting(line, env) as purge:
        purge.until(lambda line: "waiting up to 36" in line)
        ended, out, err = purge.end(number)
    assert (ended, out, "Traceback" in err) == (code, "", False), err
    assert "nothing was changed" in err
    assert len(desk.rules()) == 3


@interrupted
@pytest.mark.parametrize(
    ("options", "described"), [("--settle 0 --wait 3600", "Trying again"), ("--settle 600", "looking again in 600 s")]
)
def test_while_the_doctor_waits(
    sandbox: Sandbox, desk: Desk, options: str, described: str, number: signal.Signals, code: int
) -> None:
    keeper, terminal = pty.openpty()
    line = f"doctor --only RUL405 --fail-on warn {options}"
    with waiting(line, env_of(sandbox), stderr=terminal) as doctor, os.fdopen(keeper, "rb", buffering=0) as screen:
        os.close(terminal)
        said = b""
        while described.encode() not in said:
            said += screen.read(4096)
        doctor.process.send_signal(number)
        out, _ = doctor.process.communicate(timeout=LONG_S)
    assert (doctor.process.returncode, out) == (code, b"")


@terminated
def test_while_a_backend_has_its_time(sandbox: Sandbox, tmp_path: Path, number: signal.Signals, code: int) -> None:
    room = "0b8c2c4e-0000-4000-8000-000000000001"
    sandbox.join(room, "alice")
    with running_backend(Backend(server=sandbox, pins={room: "4821930571"}, mood="ignores")) as backend:
        env = env_of(sandbox, SIPCTL_WEBHOOK_URL=backend.url)
        with waiting("rules sync --apply --via webhook --only create -v", env) as sync:
            sync.until(lambda _line: backend.events)
            ended, out, err = sync.end(number)
    assert (ended, "Traceback" in err) == (code, False), err
    assert "sent to the backend, and not checked again" in out
    assert "did nothing within" not in out


@interrupted
@pytest.mark.parametrize(
    "line", ["rules purge --apply --timeout 3600", "rules sync --timeout 3600", "doctor --timeout 3600"]
)
def test_while_livekit_does_not_answer(line: str, number: signal.Signals, code: int) -> None:
    with hostile(hangs) as server, waiting(line, server_env(server.url, SECRET)) as process:
        assert server.asked.wait(LONG_S)
        ended, out, err = process.end(number)
    assert (ended, "Traceback" in err) == (code, False), err
    assert line.startswith("doctor") or "nothing was changed" in out


@terminated
def test_while_a_database_does_not_answer(sandbox: Sandbox, number: signal.Signals, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/pins"
        env = env_of(sandbox, SIPCTL_REGISTRY_URL=url)
        for line in ("doctor --only PIN --timeout 3600 --deadline 3600", "pin list --timeout 3600"):
            with waiting(line, env) as process:
                connection, _ = silent.accept()
                ended, _, err = process.end(number)
                connection.close()
            assert (ended, "Traceback" in err) == (code, False), err


@every_signal
def test_while_names_are_awaited(sandbox: Sandbox, number: signal.Signals, code: int) -> None:
    with waiting("pin assign --stdin -v", env_of(sandbox), stdin=subprocess.PIPE) as assign:
        assign.until(lambda line: line.startswith("ListRooms: 200"))
        ended, _, err = assign.end(number)
    assert (ended, "Traceback" in err) == (code, False), err


@hung_up
def test_at_a_prompt_whose_terminal_is_as_it_was(number: signal.Signals, code: int) -> None:
    keeper, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    more = {"stdin": terminal, "stderr": terminal, "start_new_session": True}
    with waiting("pin lookup --no-live", clean_env(), **more) as lookup, os.fdopen(keeper, "rb", buffering=0) as screen:
        said = b""
        while b"PIN: " not in said:
            said += screen.read(4096)
        assert not termios.tcgetattr(terminal)[3] & termios.ECHO
        lookup.process.send_signal(number)
        lookup.process.wait(LONG_S)
        assert lookup.process.returncode == code
        assert termios.tcgetattr(terminal) == before
        os.close(terminal)


def test_a_terminal_that_goes_away(sandbox: Sandbox, desk: Desk) -> None:
    """Its shell, and what runs in it, get SIGHUP, and nothing can be written to it any more."""
    child, keeper = pty.fork()
    if child == 0:
        words = command("rules", "purge", "--apply", "--grace", "0", "--rate", "0.01", "-v")
        os.execve(words[0], words, env_of(sandbox))
    said = b""
    while b"DeleteSIPDispatchRule: 200" not in said:
        said += os.read(keeper, 4096)
    os.close(keeper)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert len(desk.rules()) == 2
    assert sorted(entry["result"] for entry in desk_audit() if entry["action"] == "delete" and entry["result"]) == [
        "done", "failed", "failed",
    ]  # fmt: skip


def test_what_nohup_ignores_stays_ignored(sandbox: Sandbox, desk: Desk) -> None:
    keeper, terminal = pty.openpty()
    line = "doctor --only RUL405 --fail-on warn --settle 0 --wait 3600"

    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with (
        waiting(line, env_of(sandbox), stderr=terminal, preexec_fn=nohup) as doctor,
        os.fdopen(keeper, "rb", buffering=0) as screen,
    ):
        os.close(terminal)
        for number in (signal.SIGHUP, signal.SIGTERM):
            said = b""
            while said.count(b"Trying again") < 2:
                said += screen.read(4096)
            doctor.process.send_signal(number)
        doctor.process.wait(LONG_S)
    assert doctor.process.returncode == 143


def test_the_sandbox_ends_with_its_terminal(tmp_path: Path) -> None:
    with waiting("sandbox run", clean_env()) as server:
        assert server.process.stdout
        while not server.process.stdout.readline().startswith(b"export LIVEKIT_API_SECRET"):
            pass
        ended, out, err = server.end(signal.SIGHUP)
    assert (ended, out, err) == (0, "", "")


def test_the_codes_are_reported() -> None:
    assert "129, 130, 143" in Path(__file__).parents[2].joinpath("README.md").read_text()
    assert run("--help").code == 0
