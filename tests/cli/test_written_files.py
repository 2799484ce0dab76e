"""Every file that a command writes: pipes, devices and links are written through, and PINs stay with their owner."""

import os
import pty
import shlex
import stat
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.desk import Desk
from tests.support.running import assert_error, command, env_of, run
from tests.support.yard import owned

PIN = "4821930571"
SECRET = b"a-secret-of-more-than-32-characters\n"
INIT = "config init --url http://127.0.0.1:1 --api-key devkey --api-secret-stdin --config FILE"
PRIVATE = ["rules export FILE", "pin export FILE -o csv", "rules test FILE --init", INIT]
PUBLIC = ["doctor --settle 0 --textfile FILE", "rules purge --textfile FILE"]
WRITERS = [pytest.param(line, id=line.rpartition(" --url")[0] or line.removesuffix(" FILE")) for line in PRIVATE]
EVERY = [*WRITERS, *(pytest.param(line, id=line.partition(" ")[0]) for line in PUBLIC)]


@pytest.fixture
def env(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """A server with one rule and one open room, and a registry that knows its PIN."""
    Desk(server=sandbox, folder=tmp_path).store(owned("demo", PIN))
    sandbox.join("demo", "alice")
    environment = env_of(sandbox)
    assert run("pin", "assign", "demo", "--pin-stdin", "--no-live", env=environment, stdin=PIN.encode()).code == 0
    return environment


def words(line: str, file: Path | str) -> list[str]:
    return [str(file) if word == "FILE" else word for word in line.split()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pipe(path: Path, rights: int = 0o600) -> Path:
    os.mkfifo(path)
    path.chmod(rights)
    return path


class Reader(threading.Thread):
    """One who reads a pipe to its end."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.text = path, ""

    def run(self) -> None:
        self.text = self.path.read_text()


@pytest.mark.parametrize("line", EVERY)
def test_a_pipe_is_written_through(env: dict[str, str], tmp_path: Path, line: str) -> None:
    path = pipe(tmp_path / "pipe")
    reader = Reader(path)
    reader.start()
    ended = run(*words(line, path), env=env, stdin=SECRET)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert ended.code in {0, 1}, ended
    reader.join(30)
    assert len(reader.text) > 30
    assert (PIN in reader.text) == (line in PRIVATE[:3])


@pytest.mark.parametrize("line", EVERY)
def test_a_link_stays_one(env: dict[str, str], tmp_path: Path, line: str) -> None:
    link, file = tmp_path / "link", tmp_path / "elsewhere" / "file"
    file.parent.mkdir()
    link.symlink_to(file)
    ended = run(*words(line, link), env=env, stdin=SECRET)
    assert ended.code in {0, 1}, ended
    assert link.is_symlink()
    assert len(file.read_text()) > 30


@pytest.mark.parametrize("line", [one for one in PRIVATE if "--init" not in one])
def test_an_older_file_that_others_can_read_gives_way_to_a_private_one(
    env: dict[str, str], tmp_path: Path, line: str
) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("older")
    file.chmod(0o644)
    link.symlink_to(file)
    with file.open() as other:
        ended = run(
            *words(line, link), *(["--force"] if "config" in line or "export" in line else []), env=env, stdin=SECRET
        )
        assert ended.code == 0, ended
        assert other.read() == "older"
    assert mode(file) == 0o600
    assert file.read_text() != "older"


@pytest.mark.parametrize("line", WRITERS)
def test_a_pipe_that_others_can_read_gets_no_secret(env: dict[str, str], tmp_path: Path, line: str) -> None:
    path = pipe(tmp_path / "pipe", 0o644)
    ended = run(*words(line, path), env=env, stdin=SECRET)
    assert_error(ended, 5, f"others can read {path}", "name a new file")


@pytest.mark.parametrize("line", WRITERS)
def test_a_terminal_gets_no_secret(env: dict[str, str], line: str) -> None:
    keeper, terminal = pty.openpty()
    try:
        assert_error(run(*words(line, os.ttyname(terminal)), env=env, stdin=SECRET), 5, "is a terminal")
        os.set_blocking(keeper, False)
        with pytest.raises(BlockingIOError):
            os.read(keeper, 1)
    finally:
        os.close(keeper)
        os.close(terminal)


@pytest.mark.parametrize("line", EVERY)
def test_the_null_device_stays_one(env: dict[str, str], line: str) -> None:
    assert run(*words(line, "/dev/null"), env=env, stdin=SECRET).code in {0, 1}
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("line", EVERY)
def test_a_full_device_is_a_full_disk(env: dict[str, str], line: str) -> None:
    ended = run(*words(line, "/dev/full"), env=env, stdin=SECRET)
    assert (ended.code, "No space left" in ended.stderr) == (3, True), ended
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("line", PUBLIC)
def test_metrics_keep_the_mode_that_their_file_has(env: dict[str, str], tmp_path: Path, line: str) -> None:
    file = tmp_path / "sipctl.prom"
    for rights in (0o640, 0o644):
        file.write_text("")
        file.chmod(rights)
        run(*words(line, file), env=env)
        assert mode(file) == rights
        assert "sipctl_" in file.read_text()


def shell(env: dict[str, str], line: Sequence[str], into: str) -> None:
    """Run a command between two others of one shell whose output goes one way."""
    script = f"{{ echo first; {shlex.join(command(*line))}; echo last; }} {into}"
    subprocess.run(script, shell=True, env=env, check=True, timeout=60, executable="/bin/bash")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_stdout_by_another_name_is_stdout(env: dict[str, str], tmp_path: Path, name: str) -> None:
    for file, into in ((tmp_path / "file", f"> {tmp_path / 'file'}"), (tmp_path / "two", f"| cat > {tmp_path}/two")):
        shell(env, ["rules", "purge", "--quiet", "--textfile", name], into)
        lines = file.read_text().splitlines()
        assert (lines[0], lines[-1]) == ("first", "last")
        assert "sipctl_rules_last_run_exit_code 0.0" in lines
    for export in ("rules export", "pin export -o csv"):
        plain, named = (run(*export.split(), *more, env=env) for more in ((), (name,)))
        assert PIN not in named.stdout + named.stderr
        assert len(plain.stdout) == len(named.stdout)


def test_a_pipe_of_the_shell_is_private(env: dict[str, str], tmp_path: Path) -> None:
    script = f"{shlex.join(command('rules', 'export'))} >(cat > {tmp_path / 'copy'}; echo done)"
    ended = subprocess.run(script, shell=True, env=env, check=True, executable="/bin/bash", capture_output=True)
    assert ended.stdout == b"done\n"
    assert PIN in (tmp_path / "copy").read_text()


def test_proposed_tests_never_go_over_a_file(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "cases.toml"
    file.write_text("mine")
    assert_error(run("rules", "test", str(file), "--init", env=env), 5, "exists")
    assert file.read_text() == "mine"
