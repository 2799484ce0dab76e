"""The command line in an environment that holds nothing but what a test put there."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sipctl.cli import app
from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit
from tests.support.schemas import validate

_SOURCE = Path(__file__).parents[2] / "src"
_OWN_FOLDERS = (
    "XDG_CONFIG_HOME",
    "SIPCTL_STATE_DIR",
    "SIPCTL_DATA_DIR",
)  # conftest puts all into the test's own folder

_LONG = 1_000_000
"""A list of so many bytes is one of equal items, and holding it against its schema takes seconds."""


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "sipctl", *words]


def clean_env(**extra: str) -> dict[str, str]:
    """No variable of the person who runs the tests, but the test's own folders."""
    folders = {name: os.environ[name] for name in _OWN_FOLDERS}
    return {"PATH": os.defpath, "HOME": folders["XDG_CONFIG_HOME"], "PYTHONPATH": str(_SOURCE), **folders, **extra}


def env_of(server: Sandbox | RealLiveKit, **extra: str) -> dict[str, str]:
    return server_env(server.url, server.api_secret.reveal()) | extra


def server_env(url: str, secret: str, **extra: str) -> dict[str, str]:
    return clean_env(LIVEKIT_URL=url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET=secret, **extra)


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", terminal: bool = False) -> Result:
    """One command line in this process, which saves the second that a Python takes to start.

    `terminal` = stdout says that it is one. What the interpreter itself reads from the environment needs a process of
    its own, and so does a thread.
    """
    given = env or clean_env()
    in_thread = threading.current_thread() is not threading.main_thread()
    if in_thread or any(name.startswith(("LC_", "PYTHONUTF8", "SSL_")) for name in given):
        return run_process(*words, env=given, stdin=stdin)
    out, err = io.BytesIO(), io.BytesIO()
    with _streams(io.BytesIO(stdin), out, err, terminal=terminal), _environment(given):
        code = app.run(words)
    return _checked(Result(code, out.getvalue().decode(), err.getvalue().decode()))


@contextlib.contextmanager
def _streams(*files: io.BytesIO, terminal: bool) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    kinds = (io.TextIOWrapper, Terminal if terminal else io.TextIOWrapper, io.TextIOWrapper)
    streams = [kind(file, encoding="utf-8") for kind, file in zip(kinds, files, strict=True)]
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams[1:]:
            stream.flush()
            stream.detach()  # or its end would close the file
        sys.stdin, sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    os.environ.clear()
    os.environ.update({"COLUMNS": "80", **env})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run_process(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Result:
    """One command line as `python -m sipctl`."""
    ended = subprocess.run(
        command(*words), env=env or clean_env(), input=stdin, capture_output=True, timeout=40, check=False
    )
    return _checked(Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode()))


def _checked(result: Result) -> Result:
    """The same; a JSON document that it printed, or its error, is what the schema promises."""
    for text in (result.stdout, result.stderr):
        if text.startswith("{") and len(text) < _LONG:
            with contextlib.suppress(json.JSONDecodeError):
                validate(json.loads(text))
    return result


def assert_error(result: Result, code: int, *described: str) -> None:
    """One `error:` line, the exit code, nothing on stdout, no traceback."""
    assert (result.code, result.stdout) == (code, ""), result
    lines = result.stderr.splitlines()
    assert [line.startswith("error: ") for line in lines].count(True) == 1, result
    assert "Traceback" not in result.stderr
    assert all(words in result.stderr for words in described), result


def until(happened: Callable[[], bool]) -> None:
    """Wait for another process; however slow the machine is, it happens within a minute."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)
