"""Whatever arrives, the SIP node of the sandbox lives on."""

import json
import os
import random
import socket
import time
from contextlib import suppress
from itertools import islice

import pytest

from sipctl.sandbox.seed import plant_snapshot
from sipctl.sandbox.server import Sandbox, running_sandbox
from sipctl.sandbox.sip.answers import Answers
from sipctl.sandbox.store import Store
from sipctl.sip.errors import FramingError
from sipctl.sip.parser import parse
from sipctl.transport.targets import Address, Transport
from tests.support.sip_hostile import FAMILIES, family, mutated
from tests.support.sip_recorded import recorded_messages
from tests.support.sip_torture import torture_messages

SENT = [*dict.fromkeys(one.data for one in recorded_messages() if not one.from_livekit and len(one.data) < 5000)]
SOURCE = Address("127.0.0.1", 5060)
SEED = json.dumps({
    "trunks": [{"sip_trunk_id": "ST_a", "numbers": ["+33199000001"], "auth_username": "a", "auth_password": "b"}],
    "rules": [{"sip_dispatch_rule_id": "SDR_a",
               "rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "1"}}}],
})  # fmt: skip


@pytest.fixture
def answers() -> Answers:
    store = Store()
    plant_snapshot(store, SEED)
    return Answers(store)


def answered(answers: Answers, data: bytes) -> list[bytes]:
    """What is sent for it first."""
    with suppress(FramingError):
        steps = answers.steps(parse(data), SOURCE, Transport.UDP, 5060)
        return [bytes(step.response) for step in islice(steps, 4)]
    return []


def test_mutations_of_what_callers_send_do_no_harm(answers: Answers) -> None:
    seed = 3261 if os.environ.get("CI") == "true" else random.randrange(2**32)
    count = sum(bool(answered(answers, data)) for data in mutated([*SENT, *torture_messages().values()], 5000, seed))
    assert count > 100, "some of them are answered"


@pytest.mark.parametrize("name", FAMILIES)
def test_large_messages_take_no_time(answers: Answers, name: str) -> None:
    data = family(name, 60_000)
    started = time.process_time()
    answered(answers, data)
    assert time.process_time() - started < 2


def test_what_it_sends_is_never_broken_by_what_it_was_sent(answers: Answers) -> None:
    for data in mutated(SENT, 2000, 7):
        for sent in answered(answers, data):
            assert not [fault for fault in parse(sent).faults if fault.kind.value in {"line-end", "no-empty-line"}]


def test_the_sockets_live_on() -> None:
    with running_sandbox(Sandbox(with_sip=True)) as node:
        assert node.sip
        place = ("127.0.0.1", node.sip.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.settimeout(20)
            for data in (*mutated(SENT, 300, 11), *torture_messages().values()):
                with suppress(OSError):
                    caller.sendto(data[:60_000], place)
            with socket.create_connection(place) as broken:
                for data in mutated(SENT, 50, 13):
                    broken.sendall(data)
            asked = next(one.data for one in recorded_messages() if one.scenario == "options-udp")
            assert answered_among_the_rest(caller, asked.replace(b"Call-ID: ", b"Call-ID: the-last-one-"), place)


def answered_among_the_rest(caller: socket.socket, data: bytes, place: tuple[str, int]) -> bool:
    """Whether a request is answered, sent again as often as the full buffers of a busy machine lose it."""
    caller.settimeout(1)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        caller.sendto(data, place)
        with suppress(TimeoutError):
            while True:
                if b"the-last-one-" in caller.recv(65_535):
                    return True
    return False
