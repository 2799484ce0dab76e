"""Servers and folders that tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from operations.desk import Desk
from operations.yard import Yard, yard_of
from peers.livekit import RealLiveKit, running_livekit
from peers.livekit import missing as missing_server
from peers.postgres import Postgres, running_postgres
from peers.postgres import missing as missing_postgres
from sipctl.sandbox.server import Sandbox, running_sandbox

hypothesis.settings.register_profile("sipctl", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("sipctl")
"""How long one example takes says more about the machine than about the code. CI judges a change by the same examples
each time; new ones are drawn wherever else the tests run."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Commands under test inherit it. A shell's background job ignores SIGINT, and so would they."""


def need(*reasons: str) -> None:
    """Skip with what is missing, or fail where CI promised the real thing; "" is not missing."""
    for reason in filter(None, reasons):
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true, but {reason}")
        pytest.skip(reason)


def need_real_server() -> None:
    """Skip without livekit-server and redis, or fail in CI."""
    need(missing_server())


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes anything of the person who runs it."""
    for name in list(os.environ):
        if name.startswith(("LIVEKIT_", "ROOM_TELEPHONY_")) or (name.startswith("SIPCTL_") and name != "SIPCTL_PEERS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("SIPCTL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SIPCTL_DATA_DIR", str(tmp_path / "data"))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLiveKit]:
    """One real livekit-server for the whole run."""
    need_real_server()
    with running_livekit(tmp_path_factory.mktemp("livekit")) as server:
        yield server


@pytest.fixture
def real(real_server: RealLiveKit) -> RealLiveKit:
    """The real livekit-server, empty."""
    real_server.clear()
    return real_server


@pytest.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
def livekit(request: pytest.FixtureRequest) -> Sandbox | RealLiveKit:
    """The sandbox, then the real server: what one promises, the other must keep."""
    server: Sandbox | RealLiveKit = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def yard(livekit: Sandbox | RealLiveKit, tmp_path: Path) -> Iterator[Yard]:
    """What purge and sync work with; one room is live, so that the list of rooms is not empty."""
    with yard_of(Desk(server=livekit, folder=tmp_path), tmp_path) as one:
        one.open_room("other")
        yield one


@pytest.fixture
def sandboxed(sandbox: Sandbox, tmp_path: Path) -> Iterator[Yard]:
    """The same on the sandbox alone."""
    with yard_of(Desk(server=sandbox, folder=tmp_path), tmp_path) as one:
        one.open_room("other")
        yield one


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run."""
    need(missing_postgres())
    with running_postgres() as server:
        yield server
