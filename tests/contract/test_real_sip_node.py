"""Our own requests to the real livekit-sip: OPTIONS, and an INVITE without an offer, which shows what it would do."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipctl.sip.digest import Credentials
from sipctl.sip.transaction import cancel
from sipctl.sip.uri import parse_uri
from sipctl.transport.asking import Asked, ask, new_dialog
from sipctl.transport.driver import connected
from sipctl.transport.targets import Address, Target, Transport
from tests.support.needs import need
from tests.support.peers import sipnode
from tests.support.peers.livekit import RealLiveKit
from tests.support.peers.sipnode import SipNode, running_sip_node
from tests.support.planting import plant_rule, plant_trunk

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

NUMBER, CALLER = "+33199000001", "+33612345678"
SILENCE_S = 2.0
"""How long to listen where nothing is expected; an answer that is expected is waited for, however busy the machine."""
PATIENCE_S = 20.0
Stored = Callable[[RealLiveKit], None]


def trunk(identifier: str = "ST_a", **fields: Any) -> Stored:
    return lambda server: plant_trunk(server, identifier, name="provider", numbers=[NUMBER], **fields)


def rule(identifier: str = "SDR_a", room: str = "standup", pin: str = "482193057") -> Stored:
    return lambda server: plant_rule(server, identifier, room, pin, trunk_ids=["ST_a"])


DIGEST = trunk(auth_username="alice", auth_password="secret")


def call(
    node: SipNode, transport: Transport, method: str, password: str = "", within_s: float = PATIENCE_S
) -> tuple[Asked, bool]:
    """What answers, and whether a CANCEL is answered where the INVITE is not."""

    async def run() -> tuple[Asked, bool]:
        target = Target(transport=transport, address=Address("127.0.0.1", node.port), host="127.0.0.1")
        async with connected(target) as driver:
            uri = parse_uri(f"sip:{NUMBER}@127.0.0.1:{node.port}")
            dialog = new_dialog(driver, uri, caller=f"sip:{CALLER}@127.0.0.1")
            credentials = Credentials("alice", password) if password else None
            asked = await ask(driver, dialog, method, credentials=credentials, within_s=within_s)
            if asked.final or asked.error or method != "INVITE":
                return asked, False
            driver.start(cancel(asked.request))
            return asked, await driver.next(SILENCE_S) is not None

    return asyncio.run(run())


def heard(asked: Asked) -> list[str]:
    """The status lines, in their order."""
    answers = [*asked.provisional, *([asked.final] if asked.final else [])]
    assert not any(answer.faults for answer in answers)
    return [f"{answer.response.code} {answer.response.reason}".strip() for answer in answers]


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_options_are_answered_and_say_nothing_more(node: SipNode, transport: Transport) -> None:
    asked, _ = call(node, transport, "OPTIONS")
    assert heard(asked) == ["200 OK"]
    assert asked.final
    assert sorted(asked.final.response.headers.names()) == ["call-id", "content-length", "cseq", "from", "to", "via"]


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
@pytest.mark.parametrize(
    ("stored", "password", "expected"),
    [
        pytest.param([], "", ["100 Processing", "180 Ringing"], id="nothing"),
        pytest.param([trunk()], "", ["100 Processing", "180 Ringing"], id="no-rule"),
        pytest.param([trunk(), rule()], "", ["100 Processing", "180 Ringing", "400"], id="pin"),
        pytest.param([trunk(), rule(pin="")], "", ["100 Processing", "180 Ringing", "400"], id="open"),
        pytest.param([DIGEST, rule()], "", ["100 Processing", "407 Unauthorized"], id="digest"),
        pytest.param([DIGEST, rule()], "secret", ["100 Processing", "180 Ringing", "400"], id="right-password"),
        pytest.param([DIGEST, rule()], "wrong", ["100 Processing", "401 Unauthorized"], id="wrong-password"),
        pytest.param([trunk(), trunk("ST_b"), rule()], "", ["100 Processing", "503 Try again later"], id="two-trunks"),
        pytest.param(
            [trunk(), rule(), rule("SDR_b", "retro")], "", ["100 Processing", "180 Ringing", "503 Try again later"],
            id="two-rules",
        ),
    ],
)  # fmt: skip
def test_an_invite_without_offer_shows_where_a_call_would_go(
    server: RealLiveKit, node: SipNode, transport: Transport, stored: list[Stored], password: str, expected: list[str]
) -> None:
    server.clear()
    for store in stored:
        store(server)
    is_final = not expected[-1].startswith("1")
    asked, cancel_is_answered = call(
        node, transport, "INVITE", password, within_s=PATIENCE_S if is_final else SILENCE_S
    )
    assert heard(asked) == expected
    assert not cancel_is_answered
    assert asked.strays == []


def test_two_databases_of_one_redis_do_not_part_them(server: RealLiveKit, tmp_path: Path) -> None:
    need(sipnode.missing())
    server.clear()
    trunk()(server)
    rule()(server)
    with running_sip_node(server, tmp_path, redis_db=1) as other:
        assert heard(call(other, Transport.UDP, "INVITE")[0]) == ["100 Processing", "180 Ringing", "400"]
