"""The real LiveKit and its SIP node, as tests of one module share them."""

from collections.abc import Iterator

import pytest

from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.peers.sipnode import SipNode, running_sip_node


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLiveKit]:
    need_real_server()
    with running_livekit(tmp_path_factory.mktemp("livekit")) as running:
        yield running


@pytest.fixture(scope="module")
def node(server: RealLiveKit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipNode]:
    need(sipnode.missing())
    with running_sip_node(server, tmp_path_factory.mktemp("sip")) as running:
        yield running
