"""`python -m sipctl` as a process of its own, in an environment that holds nothing but what a test put there."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peers.livekit import RealLiveKit
from sipctl.sandbox.server import Sandbox

_SOURCE = Path(__file__).parents[2] / "src"
_OWN_FOLDERS = (
    "XDG_CONFIG_HOME",
    "SIPCTL_STATE_DIR",
    "SIPCTL_DATA_DIR",
)  # conftest puts all into the test's own folder


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


def run(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Result:
    ended = subprocess.run(
        command(*words), env=env or clean_env(), input=stdin, capture_output=True, timeout=40, check=False
    )
    return Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def assert_error(result: Result, code: int, *told: str) -> None:
    """One `error:` line, the exit code, nothing on stdout, no traceback."""
    assert (result.code, result.stdout) == (code, ""), result
    lines = result.stderr.splitlines()
    assert [line.startswith("error: ") for line in lines].count(True) == 1, result
    assert "Traceback" not in result.stderr
    assert all(words in result.stderr for words in told), result
