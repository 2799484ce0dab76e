"""Calls of SIPp to the real livekit-sip: what the caller saw is what explain says, and the log tells the same."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from livekit.protocol.sip import SIPDispatchRuleInfo

from sipctl.config.model import Connection, Settings, Telephony
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.site import site_of
from sipctl.operations.snapshot import take_snapshot
from sipctl.telephony.explaining.explanation import Explanation, explain
from sipctl.telephony.explaining.logged import explain_logged
from sipctl.telephony.explaining.wire import WireStep, wire
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome, Result, Stage
from sipctl.telephony.siplog.calls import LoggedCall, gather_calls
from sipctl.telephony.siplog.ending import describe_ending, happened, reason_of
from sipctl.telephony.siplog.line import read_line
from sipctl.telephony.site import Site
from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode, sipp
from tests.support.peers.livekit import RealLiveKit, running_livekit
from tests.support.peers.sipnode import SipNode, running_sip_node
from tests.support.planting import plant_rule, plant_trunk

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

NUMBER, CALLER = "+33199000001", "+33612345678"
TRUNK: dict[str, Any] = {"name": "provider", "numbers": [NUMBER]}
PIN = "482193057"


@pytest.fixture(scope="module", autouse=True)
def _caller() -> None:
    need(sipp.missing())


def trunk(identifier: str = "ST_a", **fields: Any) -> Callable[[RealLiveKit], None]:
    return lambda server: plant_trunk(server, identifier, **(TRUNK | fields))


def rule(identifier: str = "SDR_a", room: str = "standup", pin: str = PIN, **fields: Any) -> Callable[..., None]:
    return lambda server: plant_rule(server, identifier, room, pin, **({"trunk_ids": ["ST_a"]} | fields))


def untyped(server: RealLiveKit) -> None:
    server.plant("sip_dispatch_rule", {"SDR_z": SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_z").SerializeToString()})


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is stored, how the call differs from an ordinary one, and what becomes of it."""

    stored: tuple[Callable[[RealLiveKit], None], ...]
    result: Result
    call: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 0.8


DROP, ERROR, PROMPT = Result.DROP, Result.ERROR, Result.REQUEST_PIN
CAUSES = {
    "nothing-configured": Cause(stored=(), result=DROP),
    "no-trunk": Cause(stored=(rule(),), result=DROP),
    "no-rule": Cause(stored=(trunk(),), result=DROP),
    "right": Cause(stored=(trunk(), rule()), result=PROMPT),
    "national-number": Cause(stored=(trunk(), rule()), result=DROP, call={"to": "0199000001"}),
    "international-prefix": Cause(stored=(trunk(), rule()), result=DROP, call={"to": "0033199000001"}),
    "escaped-plus": Cause(stored=(trunk(), rule()), result=DROP, call={"to": "%2B33199000001"}),
    "without-plus": Cause(stored=(trunk(), rule()), result=PROMPT, call={"to": "33199000001"}),
    "another-number": Cause(stored=(trunk(), rule()), result=DROP, call={"to": "+33199000009"}),
    "forwarded": Cause(stored=(trunk(), rule()), result=DROP, call={"to": "+33199000009", "request_uri": NUMBER}),
    "own-number-as-caller": Cause(stored=(trunk(), rule(inbound_numbers=[NUMBER])), result=DROP),
    "caller-listed": Cause(stored=(trunk(), rule(inbound_numbers=[CALLER])), result=PROMPT),
    "caller-in-another-spelling": Cause(stored=(trunk(), rule(inbound_numbers=["33612345678"])), result=DROP),
    "caller-not-on-the-trunk": Cause(stored=(trunk(allowed_numbers=["+33687654321"]), rule()), result=DROP),
    "rule-number-in-another-spelling": Cause(stored=(trunk(), rule(numbers=["33199000001"])), result=DROP),
    "dangling-trunk": Cause(stored=(trunk(), rule(trunk_ids=["ST_gone"])), result=DROP),
    "source-not-allowed": Cause(stored=(trunk(allowed_addresses=["192.0.2.0/24"]), rule()), result=DROP),
    "source-allowed": Cause(
        stored=(trunk(allowed_addresses=["127.0.0.2/32"]), rule()), result=PROMPT, call={"source": "127.0.0.2"}
    ),
    "address-with-port": Cause(stored=(trunk(allowed_addresses=["127.0.0.1:5060"]), rule()), result=DROP),
    "addresses-all-ignored": Cause(stored=(trunk(allowed_addresses=["192.0.2.7, 192.0.2.8"]), rule()), result=PROMPT),
    "host-name": Cause(stored=(trunk(allowed_addresses=["sip.example.com"]), rule()), result=DROP),
    "forged-host-name": Cause(
        stored=(trunk(allowed_addresses=["sip.example.com"]), rule()),
        result=PROMPT,
        call={"from_host": "sip.example.com"},
    ),
    "past-the-trunk": Cause(stored=(trunk(allowed_addresses=["192.0.2.0/24"]), rule(trunk_ids=[])), result=PROMPT),
    "digest": Cause(
        stored=(trunk(auth_username="provider", auth_password="secret"), rule()), result=Result.AUTH_REQUIRED
    ),
    "two-trunks": Cause(stored=(trunk(), trunk("ST_b"), rule()), result=ERROR),
    "two-rules": Cause(stored=(trunk(), rule(), rule("SDR_b", "retro")), result=ERROR),
    "two-rules-of-another-trunk": Cause(
        stored=(trunk(), rule(), rule("SDR_b", trunk_ids=["ST_b"]), rule("SDR_c", trunk_ids=["ST_b"])), result=PROMPT
    ),
    "no-type": Cause(stored=(trunk(), rule(), untyped), result=ERROR),
    "open-before-pin": Cause(
        stored=(trunk(), rule(), rule("SDR_o", "lobby", "", numbers=[NUMBER])), result=Result.ACCEPT
    ),
    "ringing-until-the-time-is-over": Cause(
        stored=(trunk(ringing_timeout=Duration(seconds=2)), rule(pin="")), result=Result.ACCEPT, patience_s=4.0
    ),
}


def site_now(server: RealLiveKit) -> Site:
    """What explain asks the live server for."""

    async def ask() -> Site:
        connection = Connection(url=server.url, api_key=server.api_key, api_secret=server.api_secret)
        async with LiveKitClient(connection, timeout_s=20) as client:
            settings = Settings(telephony=Telephony(default_country="FR"))
            return site_of(settings, await take_snapshot(client))

    return asyncio.run(ask())


@pytest.mark.parametrize("name", CAUSES)
def test_the_wire_and_the_log_agree_with_explain(server: RealLiveKit, node: SipNode, tmp_path: Path, name: str) -> None:
    cause = CAUSES[name]
    server.clear()
    for store in cause.stored:
        store(server)
    dialled = {"to": NUMBER, "from_": CALLER, "source": "127.0.0.1", **cause.call}
    seen = sipp.place_call(node.port, tmp_path, patience_s=cause.patience_s, **dialled)
    host = dialled.get("from_host", dialled["source"])
    call = Call(to_user=dialled["to"], from_user=dialled["from_"], from_host=host, source_ip=dialled["source"])
    site = site_now(server)
    explanation = explain(site, call)
    assert explanation.outcome.result is cause.result
    agree(explanation.outcome, seen)
    log_agrees(site, node, explanation)


def agree(outcome: Outcome, seen: sipp.Call) -> None:
    """The responses are those of the wire, in their order and about their times; silence is silence."""
    steps = [step for step in wire(outcome) if step.kind == "response"]
    sure = [step for step in steps if not step.when]
    if seen.cancelled:
        silent = any(step.kind == "silence" for step in wire(outcome))
        assert seen.cancel_answered is not silent
        steps = sure
    else:
        steps = [step for step in steps if step in sure or step.what == seen.responses[-1].what]
    assert [one.what for one in seen.responses] == [step.what for step in steps]
    for one, step in zip(seen.responses, steps, strict=True):
        assert in_time(one, step), (one, step)


def in_time(seen: sipp.Seen, step: WireStep) -> bool:
    """Within 300 ms; a loaded machine is late, never early."""
    return step.after_ms is None or step.after_ms - 300 <= seen.after_ms <= step.after_ms + 1000


def log_agrees(site: Site, node: SipNode, explanation: Explanation) -> None:
    """The log that this livekit-sip wrote, read back, tells the same story."""
    (one,) = explain_logged(site, [last_logged(node)])
    assert one.now is not None
    assert one.now.outcome.result is explanation.outcome.result
    assert one.agrees, (one.logged, explanation.outcome)


def last_logged(node: SipNode) -> LoggedCall:
    """The call that began last, once its end is written."""
    deadline = time.monotonic() + 5
    while True:
        last = gather_calls(map(read_line, node.lines()))[-1]
        if reason_of(last) or time.monotonic() > deadline:
            return last
        threading.Event().wait(0.05)


def test_a_call_that_stops_the_server(tmp_path: Path) -> None:
    need_real_server()
    need(sipnode.missing(), sipp.missing())
    (tmp_path / "livekit").mkdir()
    with running_livekit(tmp_path / "livekit") as server, running_sip_node(server, tmp_path) as node:
        trunk()(server)
        rule(hide_phone_number=True)(server)
        explanation = explain(site_now(server), Call(to_user=NUMBER, from_user="", source_ip="127.0.0.1"))
        assert explanation.outcome.fault
        assert explanation.outcome.fault.code == "panic"
        seen = sipp.place_call(node.port, tmp_path, to=NUMBER, from_="", patience_s=8.0)
        agree(explanation.outcome, seen)
        assert server.has_ended()
        seen = sipp.place_call(node.port, tmp_path, to=NUMBER, from_=CALLER, patience_s=3.0)
        assert [one.what for one in seen.responses] == ["100 Processing", "503 Try again later"]
        assert 900 < seen.responses[-1].after_ms < 2000
        assert describe_ending(last_logged(node)) == "livekit-server did not answer"


PROVIDER = trunk(auth_username="provider", auth_password="secret")


def test_a_challenge_that_is_answered(server: RealLiveKit, node: SipNode, tmp_path: Path) -> None:
    server.clear()
    PROVIDER(server)
    rule()(server)
    site, call = site_now(server), Call(to_user=NUMBER, from_user=CALLER, source_ip="127.0.0.1")
    answered = explain(site, call).outcome.after_auth
    assert answered
    seen = sipp.place_call(node.port, tmp_path, to=NUMBER, from_=CALLER, password="secret")
    agree(answered, seen)
    (one,) = explain_logged(site, [last_logged(node)])
    assert (happened(one.logged), one.agrees) == ((Result.REQUEST_PIN, Stage.RULE), True)
    seen = sipp.place_call(node.port, tmp_path, to=NUMBER, from_=CALLER, password="wrong")
    assert [one.what.partition(" ")[0] for one in seen.responses] == ["100", "401"]
    assert describe_ending(last_logged(node)) == "the provider answered the digest challenge wrongly: 401"


OFFERS = {
    "G.729 alone": (sipp.OFFER.replace("AVP 0 101", "AVP 18").partition("\na=")[0], "no codec in common: 400"),
    "port 0": (sipp.OFFER.replace("$media", "0"), "its SDP could not be used: 400: invalid audio address"),
    "nothing": ("", "INVITE without SDP (a delayed offer): 400"),
}


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_that_livekit_cannot_take(server: RealLiveKit, node: SipNode, tmp_path: Path, name: str) -> None:
    """The rules do not come into it: explain promises the prompt, and the log tells why there was none."""
    server.clear()
    trunk()(server)
    rule()(server)
    offer, described = OFFERS[name]
    seen = sipp.place_call(node.port, tmp_path, to=NUMBER, from_=CALLER, offer=offer)
    assert [one.what for one in seen.responses] == ["100 Processing", "180 Ringing", "400"]
    (one,) = explain_logged(site_now(server), [last_logged(node)])
    assert describe_ending(one.logged).startswith(described)
    assert one.agrees is None


def test_a_room_that_cannot_be_joined(server: RealLiveKit, tmp_path: Path) -> None:
    """An open rule, and a livekit-sip that reaches no room."""
    need(sipnode.missing(), sipp.missing())
    server.clear()
    trunk()(server)
    rule(pin="")(server)
    with running_sip_node(server, tmp_path, ws_port=1) as lost:
        seen = sipp.place_call(lost.port, tmp_path, to=NUMBER, from_=CALLER)
        logged = last_logged(lost)
    outcome = explain(site_now(server), Call(to_user=NUMBER, from_user=CALLER, source_ip="127.0.0.1")).outcome
    last = wire(outcome)[-1]
    assert [one.what for one in seen.responses] == ["100 Processing", "180 Ringing", last.what]
    assert seen.responses[-1].after_ms < 1000
    assert "at once if the room cannot be joined" in last.when
    assert describe_ending(logged) == "the room could not be joined"
