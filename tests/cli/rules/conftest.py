"""Servers with a stale and a live rule, and what offline commands need."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sipctl.cli import app
from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import Room
from tests.support.cron import LIVE, STALE, Cron
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit
from tests.support.running import Result, env_of


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


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Writes a file, as JSON unless it is text or bytes already, and gives its path."""

    def write(content: object, name: str = "snapshot.json") -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command line in this process: the interpreter's start is most of what a command costs."""

    def run_here(*words: str) -> Result:
        code = app.run(words)
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run_here
