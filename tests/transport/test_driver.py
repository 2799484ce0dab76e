"""What one link makes of answers, silence, refusals and nonsense; every node is a real socket on loopback."""

import asyncio
import errno
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sipctl.sip.digest import Credentials
from sipctl.sip.errors import Unframed
from sipctl.sip.message import Request, Response
from sipctl.transport.asking import Asked, ask, new_branch, new_dialog
from sipctl.transport.driver import MAX_STRAYS, Broken, Stray, connected
from sipctl.transport.link import LinkError, Trouble, link_error
from sipctl.transport.targets import Transport
from sipctl.transport.tls import TlsError
from sipctl.transport.udp import UdpLink
from tests.support.loopback import (
    CALLER,
    PROBED,
    Answers,
    answered,
    next_request,
    probe,
    target_of,
    tcp_node,
    udp_node,
)
from tests.support.peers.livekit import free_ports


def probed(answers: Answers, *, from_elsewhere: bool = False, within_s: float = 5.0, method: str = "OPTIONS") -> Asked:
    async def run() -> Asked:
        async with udp_node(answers, from_elsewhere=from_elsewhere) as (target, _):
            return await probe(target, within_s=within_s, method=method)

    return asyncio.run(run())


def code_of(asked: Asked) -> int:
    assert asked.final
    return asked.final.response.code


def test_an_answer_has_its_delay_and_its_source() -> None:
    asked = probed(lambda request: [answered(request, 200, "OK")])
    assert code_of(asked) == 200
    assert asked.final
    assert (asked.final.sends, asked.final.faults, asked.strays) == (1, (), [])
    assert 0 < asked.final.delay_s < 5
    assert asked.final.source.ip == "127.0.0.1"


def test_a_closed_port_refuses_at_once() -> None:
    for transport in (Transport.UDP, Transport.TCP):
        started = time.monotonic()
        try:
            error = asyncio.run(probe(target_of(transport, free_ports(1)))).error
        except LinkError as refused:
            error = refused
        assert error
        assert error.trouble is Trouble.REFUSED
        assert time.monotonic() - started < 2


def test_a_refusal_leaves_nothing_that_wakes_the_loop_again() -> None:
    async def pending() -> list[tuple[int, int]]:
        async with connected(target_of(Transport.UDP, free_ports(1))) as driver:
            driver.start(new_dialog(driver, PROBED, caller=CALLER).request("OPTIONS", number=1, branch="z9hG4bKx"))
            assert isinstance(await driver.next(5.0), Broken)
            assert isinstance(driver.link, UdpLink)
            waiting = select.poll()
            waiting.register(driver.link._socket, select.POLLIN)
            return waiting.poll(0)

    assert asyncio.run(pending()) == []


def test_an_answer_from_another_port_is_heard_and_named() -> None:
    async def run() -> tuple[Asked, int]:
        async with udp_node(lambda request: [answered(request, 200)], from_elsewhere=True) as (target, _):
            return await probe(target), target.address.port

    asked, port = asyncio.run(run())
    assert asked.final
    assert asked.final.source.port != port


def test_silence_is_no_answer_and_no_error() -> None:
    asked = probed(lambda _: [], within_s=0.8)
    assert (asked.final, asked.error, asked.strays, asked.provisional) == (None, None, [], [])


def test_provisional_answers_and_then_silence() -> None:
    asked = probed(lambda request: [answered(request, 100), answered(request, 180)], within_s=0.3, method="INVITE")
    assert asked.final is None
    assert [answer.response.code for answer in asked.provisional] == [100, 180]


def test_two_of_three_packets_lost_is_an_answer_to_a_retransmission() -> None:
    seen: list[Request] = []

    def third(request: Request) -> Iterator[bytes]:
        seen.append(request)
        if len(seen) == 3:
            yield answered(request, 200)

    asked = probed(third)
    assert asked.final
    assert asked.final.sends == 3
    assert asked.final.delay_s > 1.4
    assert len({bytes(request) for request in seen}) == 1


def test_answers_to_other_questions_are_ignored_and_noted() -> None:
    def wrong_then_right(request: Request) -> Iterator[bytes]:
        right = answered(request, 200, "OK")
        assert request.via
        yield right.replace(request.via.branch.encode(), b"z9hG4bKother")
        yield right.replace(request.call_id.encode(), b"other@call")
        yield right.replace(b" 200 ", b" 403 ").replace(b"OPTIONS", b"INVITE")
        yield b"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n"
        yield b"\x16\x03\x01nonsense"
        yield b"\r\n\r\n"
        yield right

    asked = probed(wrong_then_right)
    assert code_of(asked) == 200
    kinds = [type(stray.message) if stray.message else stray.unframed for stray in asked.strays]
    assert kinds == [Response, Response, Response, Request, Unframed.NOT_SIP]


def test_an_odd_answer_is_an_answer_with_faults() -> None:
    asked = probed(lambda request: [answered(request, 200, "OK").replace(b"\r\n", b"\n")])
    assert asked.final
    assert [str(fault) for fault in asked.final.faults] == ["line-end"]


def test_what_a_peer_can_make_us_keep_is_limited() -> None:
    def flood(request: Request) -> Iterator[bytes]:
        yield from [b"nonsense"] * 200
        yield answered(request, 200)

    asked = probed(flood)
    assert code_of(asked) == 200
    assert len(asked.strays) == MAX_STRAYS


def test_an_answer_as_large_as_a_datagram_can_be_is_read() -> None:
    asked = probed(lambda request: [answered(request, 200, "OK", ("X", "a" * 64_000))])
    assert asked.final
    assert len(asked.final.response.headers.first("X")) == 64_000


def test_nothing_is_sent_again_before_its_time() -> None:
    async def run() -> list[float]:
        async with udp_node(lambda _: []) as (target, node), connected(target) as driver:
            loop, at = asyncio.get_running_loop(), []
            driver.start(new_dialog(driver, PROBED, caller=CALLER).request("OPTIONS", number=1, branch="z9hG4bKx"))
            started = loop.time()
            while len(node.requests) < 3:
                seen = len(node.requests)
                assert await driver.next(0.01) is None
                at += [loop.time() - started] * (len(node.requests) - seen)
            return at

    first, second, third = asyncio.run(run())
    assert first < second
    assert second >= 0.5
    assert third >= 1.5


def test_a_stream_that_answers_in_pieces_is_read() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = answered(await next_request(reader), 200, "OK")
        for at in range(0, len(answer), 40):
            writer.write(b"\r\n\r\n"[: 4 * (at == 0)] + answer[at : at + 40])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async def run() -> Asked:
        async with tcp_node(serve) as target:
            return await probe(target)

    asked = asyncio.run(run())
    assert code_of(asked) == 200
    assert asked.final
    assert asked.final.faults == ()


def streamed(*chunks: bytes, ends: bool) -> Asked:
    """What becomes of a request to a TCP port that sends these bytes, whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(chunks)
        await writer.drain()
        if ends:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    async def run() -> Asked:
        async with tcp_node(serve) as target:
            return await probe(target, within_s=0.5)

    return asyncio.run(run())


def trouble_of(asked: Asked) -> Trouble | None:
    return asked.error.trouble if asked.error else None


def test_streams_that_are_no_sip_are_distinguished() -> None:
    half = b"SIP/2.0 200 OK\r\nVia: "
    assert trouble_of(streamed(b"SSH-2.0-OpenSSH_9.2\r\n", ends=False)) is Trouble.NOT_SIP
    assert trouble_of(streamed(b"HTTP/1.1 400 Bad Request\r\n", b"\r\n", ends=True)) is Trouble.NOT_SIP
    assert trouble_of(streamed(b"x" * 70_000, ends=False)) is Trouble.NOT_SIP
    assert trouble_of(streamed(b"\x15\x03\x01\x00\x02\x02\x46", ends=True)) is Trouble.NOT_SIP
    assert str(streamed(half, ends=True).error) == "closed: within a message"
    assert trouble_of(streamed(ends=True)) is Trouble.CLOSED
    assert trouble_of(streamed(half, ends=False)) is None
    assert trouble_of(streamed(ends=False)) is None


def test_a_connection_that_is_never_accepted_is_silent() -> None:
    """A queue of one that is full: the system drops what comes after, as a firewall does."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(address)

        async def run() -> None:
            async with connected(target_of(Transport.TCP, address[1]), within_s=0.3):
                pass

        with pytest.raises(LinkError) as refused:
            asyncio.run(run())
    assert refused.value.trouble is Trouble.SILENT


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("source_ip", ["192.0.2.1", "::1"])
def test_a_source_address_that_is_not_ours_is_named(transport: Transport, source_ip: str) -> None:
    with pytest.raises(LinkError) as refused:
        asyncio.run(probe(target_of(transport, free_ports(1)), source_ip=source_ip))
    assert refused.value.trouble is Trouble.SOURCE


def test_a_source_address_of_ours_is_used() -> None:
    async def run() -> tuple[str, str]:
        async with udp_node(lambda request: [answered(request, 200)]) as (target, node):
            asked = await probe(target, source_ip="127.0.0.2")
            [request] = node.requests
            assert request.via
            assert code_of(asked) == 200
            return request.via.host, asked.request.headers.first("Contact")

    host, contact = asyncio.run(run())
    assert host == "127.0.0.2"
    assert contact.startswith("<sip:127.0.0.2:")


@pytest.mark.parametrize(
    ("number", "trouble"),
    [
        (errno.ECONNREFUSED, Trouble.REFUSED), (errno.EHOSTUNREACH, Trouble.NO_ROUTE), (errno.EACCES, Trouble.NO_ROUTE),
        (errno.ETIMEDOUT, Trouble.SILENT), (errno.ECONNRESET, Trouble.CLOSED), (0, Trouble.CLOSED),
    ],
)  # fmt: skip
def test_errors_of_the_system_have_one_meaning(number: int, trouble: Trouble) -> None:
    assert link_error(OSError(number, "as the system says")).trouble is trouble


CHALLENGE = 'Digest realm="r", nonce="{nonce}", algorithm=MD5'


def nodes_of_a_password(*answers: str) -> Answers:
    """A node that answers one request after the other with a challenge, or accepts it ("")."""
    left = list(answers)

    def answer(request: Request) -> Iterator[bytes]:
        challenge = left.pop(0)
        yield answered(request, 401, "", ("WWW-Authenticate", challenge)) if challenge else answered(request, 200)

    return answer


def authenticated(*answers: str) -> tuple[Asked, list[Request]]:
    async def run() -> tuple[Asked, list[Request]]:
        async with udp_node(nodes_of_a_password(*answers)) as (target, node), connected(target) as driver:
            dialog, alice = new_dialog(driver, PROBED, caller=CALLER), Credentials("alice", "secret")
            return await ask(driver, dialog, "OPTIONS", credentials=alice, within_s=5), node.requests

    return asyncio.run(run())


def test_a_challenge_is_answered_once() -> None:
    asked, requests = authenticated(CHALLENGE.format(nonce="1"), CHALLENGE.format(nonce="2"), "")
    assert (code_of(asked), asked.was_challenged, len(requests)) == (401, True, 2)
    first, second = requests
    assert (first.headers.has("Authorization"), second.headers.has("Authorization")) == (False, True)
    assert (first.call_id, first.headers.first("From")) == (second.call_id, second.headers.first("From"))
    assert (first.cseq, second.cseq) == ((1, "OPTIONS"), (2, "OPTIONS"))
    assert first.via
    assert second.via
    assert first.via.branch != second.via.branch


def test_a_stale_nonce_alone_gives_another_try() -> None:
    stale = CHALLENGE.format(nonce="2") + ", stale=true"
    asked, requests = authenticated(CHALLENGE.format(nonce="1"), stale, "")
    assert (code_of(asked), len(requests)) == (200, 3)
    asked, requests = authenticated(CHALLENGE.format(nonce="1"), stale, stale, "")
    assert (code_of(asked), len(requests)) == (401, 3)


def test_a_challenge_that_we_cannot_answer_is_left_alone() -> None:
    asked, requests = authenticated('Digest realm="r", nonce="n", algorithm=SHA3-512', "")
    assert (code_of(asked), asked.was_challenged, len(requests)) == (401, False, 1)


def test_without_credentials_a_challenge_is_the_answer() -> None:
    assert code_of(probed(nodes_of_a_password(CHALLENGE.format(nonce="1")))) == 401


def test_an_invite_that_is_refused_is_acknowledged() -> None:
    async def run() -> list[str]:
        def refuse(request: Request) -> Iterator[bytes]:
            if request.method == "INVITE":
                yield answered(request, 486, "Busy Here")

        async with udp_node(refuse) as (target, node), connected(target) as driver:
            asked = await ask(driver, new_dialog(driver, PROBED, caller=CALLER), "INVITE", within_s=5)
            assert code_of(asked) == 486
            while len(node.requests) < 2:
                assert not isinstance(await driver.next(0.01), Stray)
            return [request.method for request in node.requests]

    assert asyncio.run(run()) == ["INVITE", "ACK"]


def test_an_invite_that_is_answered_is_acknowledged_and_ended() -> None:
    """The offer that a probe does not make is the peer's to make; whatever it does, the call must not stay up."""

    def answer(request: Request) -> Iterator[bytes]:
        if request.method != "ACK":
            yield answered(request, 200, "OK", ("Contact", f"<{request.uri};seen>"))

    async def run() -> list[Request]:
        async with udp_node(answer) as (target, node), connected(target) as driver:
            dialog = new_dialog(driver, PROBED, caller=CALLER)
            asked = await ask(driver, dialog, "INVITE", within_s=5)
            assert asked.final
            confirmed = dialog.confirmed_by(asked.final.response)
            driver.send(confirmed.request("ACK", number=1, branch=new_branch()))
            ended = await ask(driver, confirmed, "BYE", number=2, within_s=5)
            assert code_of(ended) == 200
            return node.requests

    invite, ack, bye = asyncio.run(run())
    assert [one.cseq for one in (invite, ack, bye)] == [(1, "INVITE"), (1, "ACK"), (2, "BYE")]
    assert ack.uri == bye.uri == "sip:probed@sip.test;seen"
    assert ack.to == bye.to
    assert bye.to
    assert bye.to.tag == "t"


@pytest.mark.parametrize(
    ("said", "detail"), [(b"SIP/2.0 400 Bad Request\r\n\r\n", "tls: wrong version number"), (b"", "tls: ")]
)
def test_what_speaks_no_tls_gets_no_sip(said: bytes, detail: str) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    async def run() -> None:
        async with tcp_node(serve) as target:
            with pytest.raises(TlsError) as refused:
                await probe(replace(target, transport=Transport.TLS))
            assert str(refused.value).startswith(detail)
            assert refused.value.facts.certificate is None

    asyncio.run(run())
    assert [data[:1] for data in heard] == [b"\x16"], "a TLS handshake and nothing else"
