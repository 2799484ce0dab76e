"""`trunk check` of a profile: its own SIP node, the addresses of outbound trunks, the numbers of inbound ones."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from livekit.protocol.sip import SIPOutboundTrunkInfo, SIPTransport

from sipctl.sandbox.server import Sandbox
from sipctl.transport.targets import Target
from tests.support.loopback import UdpNode, answered, beside, udp_node
from tests.support.peers.kamailio import PASSWORD, Kamailio
from tests.support.peers.livekit import free_ports
from tests.support.planting import plant_trunk
from tests.support.running import assert_error, env_of, run
from tests.support.schemas import validate


def checked(*words: str, env: dict[str, str], code: int = 0) -> dict[str, Any]:
    result = run("trunk", "check", *words, "--deadline", "1", "--count", "1", "-o", "json", env=env)
    assert (result.code, result.stderr) == (code, ""), result
    document = json.loads(result.stdout)
    validate(document)
    item: dict[str, Any] = document["item"]
    return item


def plant_outbound(sandbox: Sandbox, identifier: str, address: str, **fields: Any) -> None:
    sandbox.store.outbound[identifier] = SIPOutboundTrunkInfo(
        sip_trunk_id=identifier, name="provider", address=address, numbers=["+33199000001"], **fields
    )


@pytest.fixture
def node() -> Iterator[tuple[Target, UdpNode]]:
    """A SIP node that says yes."""
    with beside(udp_node(lambda request: [answered(request, 200, "OK")])) as running:
        yield running


def test_our_node_and_every_outbound_trunk(sandbox: Sandbox, kamailio: Kamailio, node: tuple[Target, UdpNode]) -> None:
    plant_outbound(sandbox, "ST_a", f"127.0.0.1:{kamailio.port}", transport=SIPTransport.SIP_TRANSPORT_TCP)
    plant_outbound(sandbox, "ST_b", f"127.0.0.1:{kamailio.port}")
    own = f"sip:{node[0].address}"
    item = checked(env=env_of(sandbox, SIPCTL_SIP_HOST=own))
    assert [(one["origin"], one["uri"], one["transport"], one["verdict"]) for one in item["targets"]] == [
        ("sip_host", own, "udp", "ok"),
        ("trunk ST_a (provider)", f"sip:127.0.0.1:{kamailio.port};transport=tcp", "tcp", "ok"),
        ("trunk ST_b (provider)", f"sip:127.0.0.1:{kamailio.port}", "udp", "ok"),
    ]


def test_an_outbound_trunk_is_authenticated_if_it_is_asked(sandbox: Sandbox, kamailio: Kamailio) -> None:
    login = {"auth_username": "alice", "auth_password": PASSWORD}
    plant_outbound(sandbox, "ST_a", f"secret@127.0.0.1:{kamailio.port}", **login)
    plant_outbound(sandbox, "ST_b", f"127.0.0.1:{kamailio.port}", **login)
    plant_outbound(sandbox, "ST_c", f"secret@127.0.0.1:{kamailio.port}", auth_username="alice", auth_password="canary")
    env = env_of(sandbox)
    item = checked(env=env, code=1)
    assert [one["digest"] for one in item["targets"]] == ["accepted", "not-asked", "refused"]
    assert item["verdict"] == "partly-up"
    assert "canary" not in run("trunk", "check", "-o", "json", env=env).stdout
    [one] = checked("ST_a", env=env)["targets"]
    assert (one["origin"], one["digest"]) == ("trunk ST_a (provider)", "accepted")


def test_credentials_of_the_command_line_are_shown_to_no_provider(sandbox: Sandbox, kamailio: Kamailio) -> None:
    plant_outbound(sandbox, "ST_a", f"secret@127.0.0.1:{kamailio.port}")
    env = env_of(sandbox, SIPCTL_SIP_HOST=f"sip:secret@127.0.0.1:{kamailio.port}")
    words = ("trunk", "check", "--auth-user", "alice", "--count", "1", "-o", "json")
    item = json.loads(run(*words, env=env, stdin=PASSWORD.encode()).stdout)["item"]
    assert [(one["origin"], one["code"], one["digest"]) for one in item["targets"]] == [
        ("sip_host", 200, "accepted"), ("trunk ST_a (provider)", 401, None),
    ]  # fmt: skip


def test_the_silence_of_a_provider_is_not_known_and_ours_is_a_fault(sandbox: Sandbox) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        plant_outbound(sandbox, "ST_a", place)
        assert checked(env=env_of(sandbox), code=3)["verdict"] == "unknown"
        item = checked(env=env_of(sandbox, SIPCTL_SIP_HOST=f"sip:{place}"), code=1)
    assert [one["state"] for one in item["targets"]] == ["down", "down"]


def test_an_inbound_trunk_is_its_number_at_our_node(sandbox: Sandbox, node: tuple[Target, UdpNode]) -> None:
    plant_trunk(sandbox, "ST_in", name="inbound", numbers=["+33 199 00 00 01"])
    env = env_of(sandbox, SIPCTL_SIP_HOST=f"sip:{node[0].address};transport=udp")
    [target] = checked("inbound", env=env)["targets"]
    assert target["uri"] == f"sip:+33199000001@{node[0].address};transport=udp"
    assert node[1].requests[0].uri == target["uri"]
    assert_error(run("trunk", "check", "inbound", env=env_of(sandbox)), 2, "brings calls to our own node")


def test_a_trunk_whose_address_cannot_be_used_hides_no_other(sandbox: Sandbox, node: tuple[Target, UdpNode]) -> None:
    plant_outbound(sandbox, "ST_a", "a b")
    plant_outbound(sandbox, "ST_b", str(node[0].address))
    item = checked(env=env_of(sandbox), code=1)
    bad, good = item["targets"]
    assert (bad["verdict"], bad["address"], good["verdict"]) == ("dns-failed", None, "ok")
    assert "is no address of a SIP node" in bad["detail"]


def test_without_livekit_our_node_is_checked_all_the_same(sandbox: Sandbox, node: tuple[Target, UdpNode]) -> None:
    env = env_of(sandbox, SIPCTL_SIP_HOST=f"sip:{node[0].address}") | {
        "LIVEKIT_URL": f"http://127.0.0.1:{free_ports(1)}"
    }
    item = checked(env=env, code=3)
    assert item["targets"][0]["verdict"] == "ok"
    assert "outbound trunks were not checked" in item["unchecked"][0]
    del env["LIVEKIT_URL"], env["LIVEKIT_API_KEY"], env["LIVEKIT_API_SECRET"]
    assert checked(env=env)["unchecked"] == []


def test_nothing_to_check_is_an_error(sandbox: Sandbox) -> None:
    assert_error(run("trunk", "check", env=env_of(sandbox)), 2, "there is nothing to check", "--host sip:HOST")


def test_a_call_to_a_node_that_is_not_ours_needs_a_word(sandbox: Sandbox, node: tuple[Target, UdpNode]) -> None:
    """It may ring a telephone, so not even OPTIONS is sent before the word is there."""
    plant_outbound(sandbox, "ST_out", str(node[0].address))
    words = ("--depth", "invite", "--to", "+33199000001")
    place = f"sip:{node[0].address}"
    for more in (("ST_out",), ("--host", place), ("--host", f"{place};maddr=127.0.0.1")):
        env = env_of(sandbox, SIPCTL_SIP_HOST="sip:127.0.0.1:1")
        assert_error(run("trunk", "check", *more, *words, env=env), 5, "may ring a telephone", "--allow call")
    own = env_of(sandbox, SIPCTL_SIP_HOST=place)
    moved = run("trunk", "check", "--host", f"{place};maddr=127.0.0.1", *words, env=own)
    assert_error(moved, 5, "may ring a telephone")
    assert node[1].requests == []
    assert_error(run("trunk", "check", *words, env=env_of(sandbox)), 2)
    assert node[1].requests == []
    run("trunk", "check", "ST_out", *words, "--allow", "call", "--count", "1", "--deadline", "1", env=env_of(sandbox))
    assert [request.method for request in node[1].requests] == ["OPTIONS", "INVITE", "ACK", "BYE"]
    invite = node[1].requests[1]
    assert (invite.uri, invite.body) == (f"sip:+33199000001@{node[0].address}", b"")


def test_a_call_needs_a_number_and_a_caller(sandbox: Sandbox, node: tuple[Target, UdpNode]) -> None:
    env = env_of(sandbox, SIPCTL_SIP_HOST=f"sip:{node[0].address}")
    assert_error(run("trunk", "check", "--depth", "invite", env=env), 2, "which number is dialled?")
    nobody = run("trunk", "check", "--depth", "invite", "--to", "+33199000001", "--from", "", env=env)
    assert_error(nobody, 2, "--from has no user part")
    assert_error(run("trunk", "check", "--depth", "invite", "--to", "1", "--allow", "cal", env=env), 2, "'cal'")
    assert node[1].requests == []
