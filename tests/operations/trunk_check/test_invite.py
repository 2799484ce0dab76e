"""What is made of a call without an offer, by what a node does with it; nothing of the call stays."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from sipctl.operations.trunk_check.invite import Dialled, Measured, Placed, place_call
from sipctl.sip.message import Request
from sipctl.sip.uri import parse_uri
from sipctl.transport.targets import Transport
from tests.support.loopback import Answers, answered, target_of, udp_node
from tests.support.peers.livekit import free_ports

CALL = Dialled(uri=parse_uri("sip:+33199000001@sip.test"), from_user="sipctl")


def placed(answers: Answers, last: str = "") -> tuple[Placed, list[Request]]:
    """What was measured, and what the node got; `last` is the method of a request that is waited for."""

    async def run() -> tuple[Placed, list[Request]]:
        async with udp_node(answers) as (target, node):
            found = await place_call(target, CALL)
            if last:
                await node.last_is(last)
            return found, node.requests

    return asyncio.run(run())


def to_invite(*codes: int, reason: str = "") -> Callable[[Request], Iterator[bytes]]:
    def answers(request: Request) -> Iterator[bytes]:
        if request.method == "INVITE":
            yield from (answered(request, code, reason) for code in codes)

    return answers


@pytest.mark.parametrize(
    ("codes", "measured"),
    [
        ((100, 180, 400), Measured.ROUTED), ((100, 180, 500), Measured.NO_MEDIA_PORT),
        ((100, 407), Measured.AUTH_REQUIRED), ((100, 401), Measured.AUTH_FAILED), ((100, 503), Measured.TRUNK_CONFLICT),
        ((100, 180, 503), Measured.RULE_CONFLICT), ((100, 180, 180, 180, 503), Measured.SERVER_DIED),
        ((100, 486), Measured.REFUSED), ((603,), Measured.REFUSED),
    ],
)  # fmt: skip
def test_final_answers(codes: tuple[int, ...], measured: Measured) -> None:
    found, requests = placed(to_invite(*codes), last="ACK")
    assert (found.measured, found.code, found.ringing) == (measured, codes[-1], codes.count(180))
    assert [request.method for request in requests] == ["INVITE", "ACK"]
    assert requests[0].body == b""


def test_a_400_that_says_why_is_a_refusal() -> None:
    assert placed(to_invite(400, reason="Bad request"))[0].measured is Measured.REFUSED


def test_silence_after_ringing_and_after_the_cancel() -> None:
    found, requests = placed(to_invite(100, 180))
    assert (found.measured, found.ringing) == (Measured.DROPPED, 1)
    assert [request.method for request in requests][:2] == ["INVITE", "CANCEL"]
    invite, cancel = requests[:2]
    assert invite.via
    assert cancel.via
    assert (invite.via.branch, invite.call_id) == (cancel.via.branch, cancel.call_id)


def test_a_telephone_that_rings_is_made_to_stop() -> None:
    invites: list[Request] = []

    def phone(request: Request) -> Iterator[bytes]:
        if request.method == "INVITE":
            invites.append(request)
            yield answered(request, 180)
        elif request.method == "CANCEL":
            yield answered(request, 200)
            yield answered(invites[0], 487)

    found, requests = placed(phone, last="ACK")
    assert found.measured is Measured.RINGING
    assert [request.method for request in requests] == ["INVITE", "CANCEL", "ACK"]


def test_one_that_is_answered_while_it_is_cancelled_is_ended() -> None:
    invites: list[Request] = []

    def phone(request: Request) -> Iterator[bytes]:
        if request.method == "INVITE":
            invites.append(request)
            yield answered(request, 180)
        elif request.method == "CANCEL":
            yield answered(invites[0], 200, "OK", ("Contact", "<sip:phone@127.0.0.1>"))
        elif request.method == "BYE":
            yield answered(request, 200)

    found, requests = placed(phone)
    assert found.measured is Measured.ANSWERED
    assert [request.method for request in requests] == ["INVITE", "CANCEL", "ACK", "BYE"]


def test_no_answer_at_all() -> None:
    found = asyncio.run(place_call(target_of(Transport.UDP, free_ports(1)), CALL))
    assert found.measured is Measured.SILENT
    found = asyncio.run(place_call(target_of(Transport.TCP, free_ports(1)), CALL))
    assert (found.measured, found.detail) == (Measured.SILENT, "refused: Connection refused")


def test_each_call_is_a_new_one() -> None:
    """A refused Call-ID is answered from memory for a minute."""
    calls = [placed(to_invite(503))[1][0] for _ in range(2)]
    assert len({request.call_id for request in calls}) == 2
    assert len({request.from_.tag for request in calls if request.from_}) == 2
