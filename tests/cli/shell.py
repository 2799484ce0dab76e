"""Running sipctl as a person does: a process with its own environment and folders."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peers.livekit import RealLiveKit
from sipctl.sandbox.server import Sandbox

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def environment(server: Sandbox | RealLiveKit | None = None, **extra: str) -> dict[str, str]:
    """The environment of a command; with a server, its URL, key and secret."""
    own = {**os.environ, "PYTHONPATH": str(SOURCE), **extra}
    if server:
        own |= {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": server.api_key}
        own["LIVEKIT_API_SECRET"] = server.api_secret.reveal()
    return own | extra


def words(*args: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "sipctl", *args]


def sipctl(*args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", limit_s: float = 30) -> Ended:
    """Run one command line to its end."""
    ended = subprocess.run(
        words(*args), env=env or environment(), input=stdin, capture_output=True, timeout=limit_s, check=False
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def assert_one_error(ended: Ended, code: int) -> None:
    """One clear error, the documented exit code, no traceback."""
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    assert sum(line.startswith("error: ") for line in ended.err.splitlines()) == 1, ended.err
