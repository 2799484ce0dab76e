"""Random states on the real LiveKit, with real people in rooms and callers that type PINs: who gets in is who `reach`
said. `SIPCTL_CALLERS=50 pytest tests/contract/test_real_callers.py` is the long run."""

import asyncio
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sipctl.config.model import Settings
from sipctl.lkapi.client import LiveKitClient
from sipctl.operations.reach import observe, reach_of_rooms
from sipctl.telephony.reach.row import GETS_IN, Attempt, Reach
from tests.support.needs import need
from tests.support.peers import sipp
from tests.support.peers.dialler import dial
from tests.support.peers.livekit import RealLiveKit
from tests.support.peers.sipnode import SipNode
from tests.support.planting import plant_rule, plant_trunk, settings_for

STATES = int(os.environ.get("SIPCTL_CALLERS", "2"))
pytestmark = [pytest.mark.real, pytest.mark.timeout(60 + 30 * STATES)]

NUMBERS = ("+33199000001", "+33199000002")
ROOMS = {"standup": "482193", "retro": "770315", "lobby": "135792"}
STRANGER = "127.0.0.99"
"""On no list; where a trunk lets any source through, an address as good as another."""
PATIENCE_S = 5.0
"""A caller is in the room 1.3 s after `#`; a busy machine takes longer."""


@pytest.fixture(scope="module", autouse=True)
def _caller() -> None:
    need(sipp.missing())


def plant(server: RealLiveKit, chance: random.Random) -> Mapping[str, str] | None:
    """A random state; the registry's PINs, None = no registry."""
    server.clear()
    for at in range(chance.choice([1, 1, 2])):
        plant_trunk(
            server,
            f"ST_{at}",
            numbers=[NUMBERS[at]] if chance.random() < 0.8 else list(NUMBERS),
            allowed_addresses=[f"127.0.0.{at + 2}/32"] if chance.random() < 0.5 else [],
        )
    for room, pin in ROOMS.items():
        if chance.random() < 0.8:
            server.join(room, "alice")
        if chance.random() < 0.8:
            plant_rule(
                server,
                f"SDR_{room}",
                room if chance.random() < 0.9 else "lobby",
                chance.choice([pin] * 6 + ["", "None", "111222"]),
                name=chance.choice([f"SIP_{room}", "theirs"]),
                trunk_ids=chance.choice([[], ["ST_0"], ["ST_1"], ["ST_0", "ST_1"]]),
                numbers=chance.choice([[]] * 5 + [[NUMBERS[0]], ["33199000001"]]),
                inbound_numbers=chance.choice([[]] * 6 + [["+33611111111"], [NUMBERS[0]]]),
            )
    return dict(ROOMS) if chance.random() < 0.6 else None


async def reach_now(settings: Settings, pins: Mapping[str, str] | None) -> dict[str, Reach]:
    async with LiveKitClient(settings.connection, timeout_s=20) as client:
        observed = await observe(client, settings)
    return reach_of_rooms(observed, settings, lambda _rooms: pins)


async def gets_in(settings: Settings, room: str, identity: str, call: "subprocess.Popen[bytes]") -> bool:
    """Whether the caller is seen in the room before the call ends."""
    until = time.monotonic() + 20
    async with LiveKitClient(settings.connection, timeout_s=20) as client:
        while call.poll() is None and time.monotonic() < until:
            if any(person.identity == identity for person in await client.list_participants(room)):
                return True
            await asyncio.sleep(0.1)
    return False


async def try_all(
    settings: Settings, node: SipNode, folder: Path, reaches: Mapping[str, Reach], figures: Counter[str]
) -> None:
    """Place every call that stands for a room's callers, all at once, each by a number of its own."""

    async def tried(room: str, attempt: Attempt, caller: str) -> None:
        call = attempt.call
        listed = call.from_user if not call.from_user.startswith("+999") else caller
        source = call.source_ip if call.source_ip.startswith("127.") else STRANGER
        placed = dial(
            node.port, folder, called=call.to_user, caller=listed, source=source, pin=call.pin, patience_s=PATIENCE_S
        )
        try:
            is_in = await gets_in(settings, room, f"sip_{listed}", placed)
        finally:
            placed.terminate()
            placed.wait()
        assert is_in is (attempt.reached in GETS_IN), (room, attempt)
        figures[attempt.reached.value] += 1

    attempts = [(room, attempt) for room, reach in reaches.items() for attempt in reach.attempts]
    callers = [f"+99912345{at:03}" for at in range(len(attempts))]
    await asyncio.gather(*(tried(room, one, caller) for (room, one), caller in zip(attempts, callers, strict=True)))


def test_who_gets_in_is_who_reach_said(server: RealLiveKit, node: SipNode, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance, figures = random.Random(seed), Counter[str]()
    for state in range(STATES):
        pins = plant(server, chance)
        settings = settings_for(server)
        number = chance.choice([None, NUMBERS[0]])
        settings = settings_for(server, telephony=replace(settings.telephony, phone_number=number))
        reaches = asyncio.run(reach_now(settings, pins))
        try:
            asyncio.run(try_all(settings, node, tmp_path, reaches, figures))
        except AssertionError as error:
            raise AssertionError(f"state {state} of seed {seed}: {error}") from error
    assert figures.total() >= STATES
