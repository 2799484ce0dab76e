"""Generated trunks and rules in the real LiveKit: a call without an offer shows what explain says, and does nothing.

SIPCTL_CONFIGURATIONS says how many are generated; `-m long` does a hundred.
"""

import asyncio
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest

from sipctl.lkapi.convert import rule_to_message, trunk_to_message
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.invite import Measured
from sipctl.operations.trunk_check.probe import Asking
from sipctl.operations.trunk_check.routing import Dialling, Route, dialled, measure
from sipctl.sip.digest import Credentials
from sipctl.sip.uri import parse_uri
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, InboundTrunk, RuleKind
from sipctl.telephony.secret import Secret
from sipctl.telephony.site import Site
from sipctl.transport.targets import Transport
from tests.support.loopback import target_of
from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.peers.sipnode import SipNode, running_sip_node
from tests.support.running import env_of, run

pytestmark = [pytest.mark.real]

FEW: Final = int(os.environ.get("SIPCTL_CONFIGURATIONS", "3"))
MANY: Final = int(os.environ.get("SIPCTL_CONFIGURATIONS", "100"))
NUMBERS: Final = ("+33199000001", "33199000001", "0199000001", "room-42")
CALLERS: Final = ("+33611111111", "0611111111", "anonymous")
MASKS: Final = ("127.0.0.0/8", "127.0.0.2", "192.0.2.0/24", "127.0.0.1:5060")
TRUNKS: Final = ("ST_a", "ST_b")
PORTS: Final = 250
"""A call holds two of them for 30 s."""
CALLS: Final = 6
"""How many calls are placed at once on each configuration."""


class Received(BaseHTTPRequestHandler):
    """Counts webhooks."""

    events: Final[list[str]] = []

    def do_POST(self) -> None:
        self.events.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLiveKit]:
    need_real_server()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Received)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    with running_livekit(tmp_path_factory.mktemp("livekit"), settings={"webhook_url": url}) as running:
        yield running
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture(scope="module")
def node(server: RealLiveKit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipNode]:
    need(sipnode.missing())
    with running_sip_node(server, tmp_path_factory.mktemp("sip"), ports=PORTS) as running:
        yield running


def trunks(chance: random.Random) -> list[InboundTrunk]:
    found = []
    for identifier in chance.sample(TRUNKS, chance.choice((0, 1, 1, 1, 2, 2))):
        has_password = chance.random() < 0.3
        found.append(
            InboundTrunk(
                sip_trunk_id=identifier,
                numbers=tuple(chance.sample(NUMBERS, chance.choice((0, 1, 1, 2)))),
                allowed_numbers=tuple(chance.sample(CALLERS, chance.choice((0, 0, 0, 1, 2)))),
                allowed_addresses=tuple(chance.sample(MASKS, chance.choice((0, 0, 1, 2)))),
                auth_username="alice" if has_password else "",
                auth_password=Secret("secret" if has_password else ""),
            )
        )
    return found


def rules(chance: random.Random) -> list[DispatchRule]:
    return [
        DispatchRule(
            sip_dispatch_rule_id=f"SDR_{at}",
            kind=chance.choice(list(RuleKind)),
            room_name=chance.choice(("a", "b", "c")),
            pin=chance.choice(("", "1234", "98765", "1111")),
            trunk_ids=tuple(chance.sample(TRUNKS, chance.choice((0, 1, 1, 2)))),
            numbers=tuple(chance.sample(NUMBERS, chance.choice((0, 0, 0, 1)))),
            inbound_numbers=tuple(chance.sample(CALLERS, chance.choice((0, 0, 0, 1)))),
            hide_phone_number=chance.random() < 0.3,
        )
        for at in range(chance.choice((0, 1, 1, 2, 2, 3)))
    ]


def store(server: RealLiveKit, site: Site) -> None:
    for key, messages in (
        ("sip_inbound_trunk", {one.sip_trunk_id: trunk_to_message(one) for one in site.lists.trunks}),
        ("sip_dispatch_rule", {one.sip_dispatch_rule_id: rule_to_message(one) for one in site.lists.rules}),
    ):
        if messages:
            server.plant(key, {name: message.SerializeToString() for name, message in messages.items()})


async def place(node: SipNode, site: Site, chance: random.Random) -> list[Route]:
    def one(transport: Transport) -> tuple[Transport, Destination, Dialling]:
        known = Credentials("alice", chance.choice(("secret", "secret", "wrong"))) if chance.random() < 0.5 else None
        uri = parse_uri(f"sip:127.0.0.1:{node.port}")
        place = Destination(uri=uri, origin="sip_host", is_ours=True, credentials=known)
        return transport, place, Dialling(to=chance.choice(NUMBERS), from_=chance.choice(CALLERS))

    chosen = [one(chance.choice((Transport.UDP, Transport.TCP))) for _ in range(CALLS)]
    asking = Asking(within_s=10)
    return await asyncio.gather(
        *(
            measure(target_of(transport, node.port), dialled(place, dialling, asking), site, is_ours=True)
            for transport, place, dialling in chosen
        )
    )


def compare(server: RealLiveKit, node: SipNode, configurations: int, seed: int) -> Counter[Measured]:
    """Every call agrees, and what they came to."""
    chance, seen = random.Random(seed), Counter[Measured]()
    for number in range(configurations):
        site = Site(lists=WholeLists(trunks(chance), rules(chance)))
        server.clear()
        store(server, site)
        for route in asyncio.run(place(node, site, chance)):
            told = (number, route.call, route.placed, site.lists.trunks, site.lists.rules)
            assert route.placed.measured is route.explained, told
            seen[route.placed.measured] += 1
        assert json.loads(run("room", "list", "-o", "json", env=env_of(server)).stdout)["items"] == []
    assert Received.events == []
    return seen


@pytest.mark.timeout(300)
def test_on_some_generated_configurations(server: RealLiveKit, node: SipNode) -> None:
    seen = compare(server, node, FEW, seed=2)
    assert sum(seen.values()) == FEW * CALLS


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_on_a_hundred_generated_configurations(server: RealLiveKit, node: SipNode) -> None:
    seen = compare(server, node, MANY, seed=4)
    assert set(seen) >= {
        Measured.ROUTED, Measured.DROPPED, Measured.AUTH_REQUIRED, Measured.AUTH_FAILED, Measured.TRUNK_CONFLICT,
        Measured.RULE_CONFLICT,
    }  # fmt: skip
