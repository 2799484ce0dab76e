"""`trunk check --depth invite` against the real LiveKit and the sandbox: each state that such a call can show."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipctl.sandbox.server import Sandbox, running_sandbox
from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.peers.sipnode import SipNode, running_sip_node
from tests.support.planting import Server, plant_rule, plant_trunk
from tests.support.running import env_of, run, until
from tests.support.schemas import validate

pytestmark = pytest.mark.timeout(180)

NUMBER, CALLER = "+33199000001", "+33612345678"
Stored = Callable[[Server], None]


def trunk(identifier: str = "ST_a", **fields: Any) -> Stored:
    return lambda server: plant_trunk(server, identifier, **({"name": "provider", "numbers": [NUMBER]} | fields))


def rule(identifier: str = "SDR_a", room: str = "standup", pin: str = "482193057", **fields: Any) -> Stored:
    return lambda server: plant_rule(server, identifier, room, pin, **({"trunk_ids": ["ST_a"]} | fields))


@pytest.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Server, int]]:
    """The sandbox, then the real LiveKit, empty, and the port of its SIP node."""
    if request.param == "real":
        server, node = request.getfixturevalue("server"), request.getfixturevalue("node")
        server.clear()
        yield server, node.port
        return
    with running_sandbox(Sandbox(with_sip=True)) as sandbox:
        assert sandbox.sip
        yield sandbox, sandbox.sip.port


def placed(
    server: Server, port: int, *words: str, code: int, stdin: str = "", transport: str = "udp", **env: str
) -> dict[str, Any]:
    """The route of one check."""
    host = f"sip:127.0.0.1:{port};transport={transport}"
    result = run(
        "trunk", "check", "--depth", "invite", "--to", NUMBER, "--from", CALLER, "--count", "1", *words, "-o", "json",
        env=env_of(server, **({"SIPCTL_SIP_HOST": host} | env)), stdin=stdin.encode(),
    )  # fmt: skip
    assert (result.code, result.stderr) == (code, ""), result
    document = json.loads(result.stdout)
    validate(document)
    route: dict[str, Any] = document["item"]["route"]
    return route


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is stored, what more is said, and what both parts say of the call."""

    stored: tuple[Stored, ...]
    measured: str
    code: int = 0
    words: tuple[str, ...] = ()
    stdin: str = ""
    room: str | None = None
    explained: str = field(default="")


LOGIN = {"auth_username": "alice", "auth_password": "secret"}
DIGEST = trunk(**LOGIN)
AS_ALICE = ("--auth-user", "alice")
CASES = {
    "nothing-stored": Case(stored=(), measured="dropped"),
    "no-rule": Case(stored=(trunk(),), measured="dropped"),
    "rule-of-a-trunk-that-is-gone": Case(stored=(trunk("ST_b"), rule()), measured="dropped"),
    "number-of-no-trunk": Case(stored=(trunk(numbers=["+33199000002"]), rule()), measured="dropped"),
    "source-not-allowed": Case(stored=(trunk(allowed_addresses=["192.0.2.0/24"]), rule()), measured="dropped"),
    "caller-not-allowed": Case(stored=(trunk(allowed_numbers=["+33600000000"]), rule()), measured="dropped"),
    "inbound-numbers-mismatch": Case(stored=(trunk(), rule(inbound_numbers=[NUMBER])), measured="dropped"),
    "numbers-mismatch": Case(stored=(trunk(), rule(numbers=["0199000001"])), measured="dropped"),
    "national-number": Case(stored=(trunk(), rule()), measured="dropped", words=("--to", "0199000001")),
    "pin": Case(stored=(trunk(), rule()), measured="routed", room="standup"),
    "open": Case(stored=(trunk(), rule(pin="")), measured="routed", room="standup"),
    "two-pins": Case(stored=(trunk(), rule(), rule("SDR_b", "retro", "77")), measured="routed"),
    "wildcard-rule-and-a-stranger": Case(
        stored=(trunk(), rule(trunk_ids=[])), measured="routed", words=("--to", "+4930000"), room="standup"
    ),
    "digest": Case(stored=(DIGEST, rule()), measured="auth-required"),
    "right-password": Case(
        stored=(DIGEST, rule()), measured="routed", words=AS_ALICE, stdin="secret", room="standup"
    ),
    "wrong-password": Case(stored=(DIGEST, rule()), measured="auth-failed", words=AS_ALICE, stdin="wrong", code=1),
    "two-trunks": Case(stored=(trunk(), trunk("ST_b"), rule()), measured="trunk-conflict", code=1),
    "two-rules": Case(stored=(trunk(), rule(), rule("SDR_b", "retro")), measured="rule-conflict", code=1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_the_call_shows_what_explain_says(both: tuple[Server, int], name: str) -> None:
    case, (server, port) = CASES[name], both
    for store in case.stored:
        store(server)
    route = placed(server, port, *case.words, code=case.code, stdin=case.stdin)
    assert (route["measured"], route["explained"], route["agree"]) == (case.measured, case.measured, True), route
    assert route["room"] == case.room
    assert json.loads(run("room", "list", "-o", "json", env=env_of(server)).stdout)["items"] == []


def test_the_call_goes_over_tcp_too(both: tuple[Server, int]) -> None:
    server, port = both
    trunk()(server)
    rule()(server)
    assert placed(server, port, code=0, transport="tcp")["measured"] == "routed"


def test_an_inbound_trunk_is_called_with_its_own_password(both: tuple[Server, int]) -> None:
    server, port = both
    DIGEST(server)
    rule()(server)
    route = placed(server, port, "ST_a", code=0)
    assert (route["measured"], route["to"], route["room"]) == ("routed", NUMBER, "standup")


@pytest.mark.real
def test_another_store_than_livekits_own_is_a_difference(
    server: RealLiveKit, node: SipNode, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The profile names one LiveKit, and the SIP node belongs to another one with a redis of its own."""
    server.clear()
    trunk()(server)
    rule()(server)
    with running_livekit(tmp_path_factory.mktemp("other")) as other:
        route = placed(other, node.port, code=1)
        people = run(
            "trunk", "check", "--depth", "invite", "--to", NUMBER,
            env=env_of(other, SIPCTL_SIP_HOST=f"sip:127.0.0.1:{node.port}"),
        )  # fmt: skip
    assert (route["measured"], route["explained"], route["agree"]) == ("routed", "dropped", False)
    assert "LiveKit and explain differ" in people.stdout
    assert "another redis" in people.stdout
    assert "ERROR   SIP709" in people.stdout


@pytest.mark.real
def test_people_read_three_parts(server: RealLiveKit, node: SipNode) -> None:
    server.clear()
    trunk()(server)
    rule()(server)
    env = env_of(server, SIPCTL_SIP_HOST=f"sip:127.0.0.1:{node.port}")
    lines = run("trunk", "check", "--depth", "invite", "--to", NUMBER, "--from", CALLER, env=env).stdout.splitlines()
    assert lines[-3] == f"SIP answers: udp 127.0.0.1:{node.port}"
    assert lines[-2].startswith(f"a call to {NUMBER} from {CALLER} is routed into room standup (400 after ")
    assert lines[-1] == "LiveKit and explain agree"


@pytest.mark.real
def test_without_a_server_no_call_is_decided(tmp_path_factory: pytest.TempPathFactory) -> None:
    """OPTIONS stays 200 all the same."""
    need_real_server()
    need(sipnode.missing())
    with (
        running_livekit(tmp_path_factory.mktemp("livekit")) as server,
        running_sip_node(server, tmp_path_factory.mktemp("sip")) as node,
    ):
        server.kill_server()
        route = placed(server, node.port, code=1)
    assert (route["measured"], route["agree"], route["code"]) == ("no-server", None, 503)
    assert route["after_ms"] > 700


@pytest.mark.real
def test_a_node_without_ports_is_named(server: RealLiveKit, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each call holds a port for 30 s, those of a check as well."""
    server.clear()
    trunk()(server)
    rule()(server)
    need(sipnode.missing())
    with running_sip_node(server, tmp_path_factory.mktemp("small"), ports=14) as small:
        seen = [placed(server, small.port, code=code) for code in (0, 0, 1)]
    assert [one["measured"] for one in seen] == ["routed", "routed", "no-media-port"]
    assert [one["agree"] for one in seen] == [True, True, True]


@pytest.mark.real
def test_a_rule_that_hides_a_number_ends_no_server_of_a_check(server: RealLiveKit, node: SipNode) -> None:
    server.clear()
    trunk()(server)
    rule(hide_phone_number=True)(server)
    assert placed(server, node.port, code=0)["measured"] == "routed"
    assert not server.has_ended()


INVITE = (
    "INVITE sip:{to}@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKup;rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:{caller}@127.0.0.1>;tag=up\r\nTo: <sip:{to}@127.0.0.1>\r\nCall-ID: up@127.0.0.1\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:{caller}@127.0.0.1:{own}>\r\nContent-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n{offer}"
)
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {own} RTP/AVP 0\r\n"


@contextmanager
def call_up(port: int) -> Iterator[None]:
    """A caller in the PIN prompt."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.connect(("127.0.0.1", port))
        caller.settimeout(20)
        own = caller.getsockname()[1]
        offer = OFFER.format(own=own)
        invite = INVITE.format(to=NUMBER, port=port, own=own, caller=CALLER, length=len(offer), offer=offer)
        caller.send(invite.encode())
        while not caller.recv(65_535).startswith(b"SIP/2.0 200 "):
            pass
        yield


def says_stopped(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return False
    except urllib.error.HTTPError as error:
        return error.code == 503


@pytest.mark.real
def test_a_node_that_drains_takes_calls_all_the_same(
    server: RealLiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need(sipnode.missing())
    server.clear()
    trunk()(server)
    rule()(server)
    with running_sip_node(server, tmp_path_factory.mktemp("draining")) as draining, call_up(draining.port):
        draining.drain()
        until(lambda: says_stopped(draining.health_url))
        env = env_of(
            server, SIPCTL_SIP_HOST=f"sip:127.0.0.1:{draining.port}", SIPCTL_SIP_HEALTH_URL=draining.health_url
        )
        ended = run("trunk", "check", "--depth", "invite", "--to", NUMBER, "--from", CALLER, "-o", "json", env=env)
    item = json.loads(ended.stdout)["item"]
    assert (item["targets"][0]["code"], item["health"]["status"]) == (200, 503)
    assert item["route"]["measured"] == "routed"
    assert [one["code"] for one in item["findings"]] == ["SIP708"]
