"""Whatever a peer sends: the parser's own exception or a message, soon, and no other one."""

import contextlib
import os
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.sip.digest import challenges_of
from sipctl.sip.errors import BuildError, FramingError
from sipctl.sip.message import Message, Request, Response, build_response
from sipctl.sip.parser import StreamParser, parse
from sipctl.sip.transaction import ClientTransaction
from tests.support.sip_hostile import FAMILIES, family, mutated
from tests.support.sip_recorded import recorded_messages
from tests.support.sip_torture import torture_messages

CORPUS = [*dict.fromkeys(one.data for one in recorded_messages() if len(one.data) < 5000), *torture_messages().values()]
[CALL] = [
    message
    for message in (parse(one.data).message for one in recorded_messages() if one.scenario == "digest-none")
    if isinstance(message, Request) and message.method == "INVITE"
]


def use(message: Message) -> None:
    """Read all that can be read of a message, and do what we do with one."""
    assert [message.vias, message.via, message.cseq, message.from_, message.to, message.tokens("Require")]
    if isinstance(message, Response):
        challenges_of(message)
        assert ClientTransaction(CALL, started=0).matches(message) in {True, False}
    if isinstance(message, Request):
        with contextlib.suppress(BuildError):
            bytes(build_response(message, 400, "Bad Request", to_tag="t"))


def check(data: bytes) -> None:
    """One input as a datagram and as a stream in two pieces."""
    try:
        parsed = parse(data)
    except FramingError:
        pass
    else:
        use(parsed.message)
        if not parsed.faults:
            assert bytes(parsed.message) == data
    stream = StreamParser()
    with contextlib.suppress(FramingError):
        for piece in (data[: len(data) // 3], data[len(data) // 3 :]):
            stream.feed(piece)
            for read in stream.messages():
                use(read.message)


def check_mutated(count: int, seed: int) -> None:
    """Many inputs; none may take long."""
    for data in mutated(CORPUS, count, seed):
        started = time.process_time()
        check(data)
        assert time.process_time() - started < 1, data


def test_twenty_thousand_mutations_of_both_corpora() -> None:
    seed = 4475 if os.environ.get("CI") == "true" else random.randrange(2**32)
    check_mutated(20_000, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(50))
def test_a_million_mutations(seed: int) -> None:
    check_mutated(20_000, seed)


PIECES = st.sampled_from(
    [
        b"INVITE sip:a@b SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n", b"Via: SIP/2.0/UDP h", b";branch=z9hG4bK", b"From: ",
        b"<sip:a@b>", b";tag=1", b"Contact: ", b"WWW-Authenticate: Digest ", b'a="b"', b",", b";", b'"', b"\\", b"<",
        b">", b" ", b"\r\n", b"\n", b"\r\n ", b"Content-Length: ", b"5", b"\0", b"\xff",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=5), max_size=40).map(b"".join))
def test_pieces_of_messages_in_any_order(data: bytes) -> None:
    check(data)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)


def shortest(run: Callable[[bytes], object], data: bytes) -> float:
    """Seconds of our own processor time, which other processes can hardly stretch; the shortest of three runs."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        run(data)
        taken.append(time.process_time() - started)
    return min(taken)


def growth(run: Callable[[bytes], object], name: str) -> float:
    """By which factor the time grows when a family doubles. The lowest of some tries, since noise cannot lower both."""
    factor = float("inf")
    for _ in range(5):
        factor = min(factor, shortest(run, family(name, 32_000)) / shortest(run, family(name, 16_000)))
        if factor < 2.5:
            break
    return factor


def streamed(data: bytes) -> None:
    stream = StreamParser()
    for at in range(0, len(data), 100):
        stream.feed(data[at : at + 100])
        list(stream.messages())


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("run", [parse, streamed])
def test_twice_the_length_takes_twice_the_time(run: Callable[[bytes], object], name: str) -> None:
    assert growth(run, name) < 2.5
