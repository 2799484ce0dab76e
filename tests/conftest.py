"""Servers and folders that tests share."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.support.desk import Desk
from tests.support.meet import Meet, meet_of
from tests.support.needs import need, need_real_server
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.peers.postgres import Postgres, running_postgres
from tests.support.peers.postgres import missing as missing_postgres
from tests.support.yard import Yard, yard_of

if TYPE_CHECKING:
    from tests.support.peers.certificates import Authority
    from tests.support.peers.kamailio import Kamailio

hypothesis.settings.register_profile("sipctl", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("sipctl")
"""How long one example takes says more about the machine than about the code. CI judges a change by the same examples
each time; new ones are drawn wherever else the tests run."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Commands under test inherit it. A shell's background job ignores SIGINT, and so would they."""


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


@pytest.fixture
def meet(sandbox: Sandbox, postgres: Postgres, tmp_path: Path) -> Iterator[Meet]:
    """An installation of Meet, with the sandbox for its LiveKit."""
    with meet_of(sandbox, postgres, tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> "Authority":
    """Who signs the certificates of the run."""
    from tests.support.peers.certificates import Authority

    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A dnsmasq that knows the zone of the tests; its address and port."""
    from tests.support.peers.dnsmasq import missing, running_dnsmasq
    from tests.support.zone import ZONE

    need(missing())
    with running_dnsmasq(tmp_path_factory.mktemp("dnsmasq"), ZONE) as address:
        yield address


@pytest.fixture(scope="session")
def kamailio(tmp_path_factory: pytest.TempPathFactory, authority: "Authority") -> Iterator["Kamailio"]:
    """A kamailio that asks for MD5 without qop, and has a certificate of each kind."""
    from tests.support.peers.certificates import EXPIRED_ON
    from tests.support.peers.kamailio import missing, running_kamailio

    need(missing())
    certificates = {
        "good": authority.issue("good", "sip.test", "127.0.0.1"),
        "uri": authority.issue("uri", "sip:sip.test", "other.test"),
        "wildcard": authority.issue("wildcard", "*.sip.test"),
        "wrong": authority.issue("wrong", "other.test"),
        "expired": authority.issue("expired", "sip.test", ended=EXPIRED_ON),
        "self-signed": authority.issue("self-signed", "sip.test", self_signed=True),
    }
    with running_kamailio(tmp_path_factory.mktemp("kamailio"), certificates) as running:
        yield running


@pytest.fixture(scope="session")
def kamailio_sha(tmp_path_factory: pytest.TempPathFactory, authority: "Authority") -> Iterator["Kamailio"]:
    """Another one, that asks for SHA-256 with qop."""
    from tests.support.peers.kamailio import missing, running_kamailio

    need(missing())
    certificates = {"good": authority.issue("sha", "sip.test", "127.0.0.1")}
    folder = tmp_path_factory.mktemp("kamailio-sha")
    with running_kamailio(folder, certificates, algorithm="SHA-256", qop=True) as running:
        yield running


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes datagrams and never answers, as one behind a firewall."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]
