"""A reader that goes away, and a stream that takes nothing: the work is done, and the exit code is what it would be."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipctl.errors import ExitCode
from sipctl.sandbox.server import Sandbox
from tests.support.peers.postgres import Postgres
from tests.support.planting import plant_rule
from tests.support.running import clean_env, command, env_of, run


@contextmanager
def unread() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """A device that takes nothing more."""
    with Path("/dev/full").open("wb") as device:
        yield device.fileno()


def without_reader(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> tuple[int, bytes]:
    """The exit code of a command whose stdout no one reads, and what it says on stderr."""
    with unread() as pipe:
        ended = subprocess.run(
            command(*words), env=env or clean_env(), input=stdin, stdout=pipe, stderr=subprocess.PIPE, check=False,
            timeout=50,
        )  # fmt: skip
    return ended.returncode, ended.stderr


@pytest.fixture
def env(sandbox: Sandbox) -> dict[str, str]:
    return env_of(sandbox)


# --- stdout without a reader ---


def test_findings_stay_findings(sandbox: Sandbox, env: dict[str, str]) -> None:
    sandbox.fault("conflict-pair")
    for words in (("doctor", "--settle", "0"), ("rules", "lint")):
        assert without_reader(*words, env=env) == (ExitCode.FINDINGS, b"")


@pytest.mark.parametrize(("text", "code"), [("port: http\n", ExitCode.FINDINGS), ("region: a\n", ExitCode.DONE)])
@pytest.mark.parametrize("style", ["table", "json", "jsonl", "name", "junit", "prometheus"])
def test_faults_of_a_file_stay_findings(tmp_path: Path, text: str, code: ExitCode, style: str) -> None:
    server = "redis: {address: r}\nkeys: {meet: 0123456789abcdefghijklmnopqrstuvwxyz}\n"
    (tmp_path / "livekit.yaml").write_text(server + text)
    assert without_reader("config", "validate", str(tmp_path / "livekit.yaml"), "-o", style) == (code, b"")


def test_a_failed_expectation_stays_one(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text(json.dumps({"trunks": [], "rules": []}))
    cases = tmp_path / "cases.toml"
    cases.write_text('[[calls]]\nname = "x"\nto = "1"\nfrom = "2"\nexpect = {room = "demo"}\n')
    assert run("rules", "test", str(cases), "--offline", str(snapshot)).code == ExitCode.FINDINGS
    assert without_reader("rules", "test", str(cases), "--offline", str(snapshot)) == (ExitCode.FINDINGS, b"")


def test_pending_work_stays_pending(sandbox: Sandbox, env: dict[str, str]) -> None:
    plant_rule(sandbox, "SDR_gone", "gone", "482193")
    sandbox.store.open_room("other")
    words = ("rules", "purge", "--grace", "0s", "--detailed-exitcode")
    assert without_reader(*words, env=env)[0] == ExitCode.PENDING


def test_work_that_was_not_done_stays_undone(sandbox: Sandbox, env: dict[str, str]) -> None:
    for at in range(3):
        plant_rule(sandbox, f"SDR_{at}", f"gone-{at}", f"48219{at}")
    sandbox.store.open_room("other")
    sandbox.fault("status=403@DeleteSIPDispatchRule")
    code, described = without_reader("rules", "purge", "--grace", "0s", "--apply", env=env)
    assert code == ExitCode.PARTIAL
    assert b"3 of 3 changes did not go well" in described


def test_every_room_gets_its_pin_though_no_one_reads_which(env: dict[str, str]) -> None:
    rooms = "".join(f"room-{at}\n" for at in range(3000)).encode()
    assert without_reader("pin", "assign", "--stdin", env=env, stdin=rooms)[0] == ExitCode.DONE
    assert len(run("pin", "list", "-o", "name", env=env).stdout.splitlines()) == 3000


def test_a_list_of_a_database_that_no_one_reads_leaves_no_word(postgres: Postgres) -> None:
    env = clean_env(SIPCTL_REGISTRY_URL=postgres.new_database())
    rooms = "".join(f"room-{at}\n" for at in range(3000)).encode()
    assert run("pin", "assign", "--stdin", "--no-live", env=env, stdin=rooms).code == ExitCode.DONE
    for words in (("pin", "list"), ("pin", "export", "-o", "csv", "--quiet")):
        assert without_reader(*words, env=env) == (ExitCode.DONE, b"")


def test_a_space_without_a_free_pin_is_reported_though_no_one_reads(env: dict[str, str]) -> None:
    rooms = "".join(f"room-{at}\n" for at in range(12_000)).encode()
    env = env | {"ROOM_TELEPHONY_PIN_LENGTH": "4", "ROOM_TELEPHONY_PIN_MAX_RETRIES": "2"}
    code, described = without_reader("pin", "assign", "--stdin", env=env, stdin=rooms)
    assert (code, b"got a PIN; then: no free PIN" in described) == (ExitCode.PARTIAL, True)


def test_the_lines_that_could_not_be_read_count_though_no_one_reads(tmp_path: Path) -> None:
    snapshot, calls = tmp_path / "snapshot.json", tmp_path / "calls.jsonl"
    snapshot.write_text(json.dumps({"trunks": [], "rules": []}))
    calls.write_text((json.dumps({"to": "+33199000001", "from": "+33612345678"}) + "\n") * 3000 + "{\n")
    words = ("rules", "explain", "--calls", str(calls), "--offline", str(snapshot), "-o", "jsonl")
    code, described = without_reader(*words)
    assert (code, b"line 3001" in described) == (ExitCode.PARTIAL, True)


def test_calls_without_end_are_not_read_for_no_reader(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text(json.dumps({"trunks": [], "rules": []}))
    words = command("rules", "explain", "--calls", "-", "--offline", str(snapshot), "-o", "jsonl")
    line = json.dumps({"to": "+33199000001", "from": "+33612345678"})
    with unread() as pipe, subprocess.Popen(["yes", line], stdout=subprocess.PIPE) as endless:
        ended = subprocess.run(
            words, env=clean_env(), stdin=endless.stdout, stdout=pipe, stderr=subprocess.PIPE, timeout=40, check=False
        )
        endless.kill()
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, b"")


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("rules", "--help"), ("demo",)])
def test_texts_that_no_one_reads(words: tuple[str, ...]) -> None:
    assert without_reader(*words) == (ExitCode.DONE, b"")


# --- stdout that is full ---


@pytest.mark.parametrize("words", [("rules", "delete", "SDR_gone"), ("rules", "purge", "--grace", "0s", "--apply")])
def test_what_was_written_is_not_called_unchecked(
    sandbox: Sandbox, env: dict[str, str], words: tuple[str, ...]
) -> None:
    plant_rule(sandbox, "SDR_gone", "gone", "482193")
    sandbox.store.open_room("other")
    with full() as device:
        ended = subprocess.run(command(*words), env=env, stdout=device, stderr=subprocess.PIPE, check=False, timeout=50)
    assert not sandbox.store.rules
    assert ended.returncode == ExitCode.PARTIAL, ended
    assert b"the writes of run " in ended.stderr
    assert b"audit.jsonl says what was done" in ended.stderr


# --- stderr that takes nothing ---


@pytest.mark.parametrize("stream", [unread, full])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("rules", "show", "none"), ExitCode.NOT_FOUND),
        (("rules", "list", "-v"), ExitCode.DONE),
        (("rules", "purge", "--detailed-exitcode", "--grace", "0s"), ExitCode.PENDING),
        (("rules", "export"), ExitCode.DONE),
        (("nonsense",), ExitCode.USAGE),
        (("--version",), ExitCode.DONE),
    ],
)
def test_what_cannot_be_written_to_stderr_is_lost_alone(
    sandbox: Sandbox, env: dict[str, str], stream: object, words: tuple[str, ...], code: ExitCode
) -> None:
    assert callable(stream)
    plant_rule(sandbox, "SDR_gone", "gone", "482193")
    sandbox.store.open_room("other")
    with stream() as nowhere:
        ended = subprocess.run(
            command(*words), env=env, stdout=subprocess.PIPE, stderr=nowhere, check=False, timeout=40
        )
    assert ended.returncode == code
    assert bool(ended.stdout) == (code in {ExitCode.DONE, ExitCode.PENDING})


def test_neither_stream_takes_anything(env: dict[str, str]) -> None:
    with full() as out, full() as err:
        for words in (("--version",), ("--help",), ("rules", "list")):
            ended = subprocess.run(command(*words), env=env, stdout=out, stderr=err, check=False, timeout=40)
            assert ended.returncode == ExitCode.UNCHECKED, words


def test_a_write_is_made_though_no_one_is_left_to_read_of_it(sandbox: Sandbox, env: dict[str, str]) -> None:
    with unread() as out, unread() as err:
        words = command("room", "create", "demo", "-v")
        assert subprocess.run(words, env=env, stdout=out, stderr=err, check=False, timeout=40).returncode == 0
    assert list(sandbox.store.rooms) == ["demo"]
