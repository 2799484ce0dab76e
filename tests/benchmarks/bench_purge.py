"""Purge with every safeguard on against a raw loop of deletions, on the real server, near and far; its memory."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from livekit import api
from livekit.protocol.sip import SIPDispatchRule, SIPDispatchRuleDirect, SIPDispatchRuleInfo

from sipctl.lkapi.client import LiveKitClient
from sipctl.telephony.plan import Part
from sipctl.telephony.secret import Secret
from tests.benchmarks.ratios import show
from tests.support.desk import Desk
from tests.support.peers.livekit import RealLiveKit, missing, running_livekit
from tests.support.yard import Yard, yard_of


@dataclass
class Line:
    """The server as it is seen over some line."""

    url: str
    api_key: str
    api_secret: Secret

    def desk(self, folder: Path) -> Desk:
        return Desk(server=cast("Any", self), folder=folder)

    @contextlib.contextmanager
    def yard(self) -> Iterator[Yard]:
        """What a purge works with, new."""
        with tempfile.TemporaryDirectory() as name, yard_of(self.desk(Path(name)), Path(name)) as yard:
            yield yard


@contextlib.contextmanager
def line_to(server: RealLiveKit, round_trip_ms: float) -> Iterator[Line]:
    """A line of so many milliseconds there and back; of none it is the server itself."""
    secret = server.api_secret
    if not round_trip_ms:
        yield Line(server.url, server.api_key, secret)
        return
    words = [sys.executable, str(Path(__file__).with_name("slow_line.py")), str(urlsplit(server.url).port)]
    with subprocess.Popen([*words, str(round_trip_ms)], stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout
        yield Line(f"http://127.0.0.1:{relay.stdout.readline().strip()}", server.api_key, secret)
        relay.terminate()


def plant(server: RealLiveKit, stale: int, live: int) -> list[str]:
    """So many rules of rooms that are not live, and of one that is; the ids of the stale ones."""
    server.clear()
    server.join("live", "somebody")
    messages = {}
    for at in range(stale + live):
        room = f"stale-{at}" if at < stale else "live"
        direct = SIPDispatchRuleDirect(room_name=room, pin=f"{at:010}")
        rule = SIPDispatchRule(dispatch_rule_direct=direct)
        identifier = f"SDR_{at:012}"
        info = SIPDispatchRuleInfo(sip_dispatch_rule_id=identifier, rule=rule, name=f"SIP_{room}")
        messages[identifier] = info.SerializeToString()
    server.plant("sip_dispatch_rule", messages)
    return sorted(messages)[:stale]


def ours(line: Line, stale: int) -> float:
    """A purge that applies, its earlier observation made before: seconds."""
    with line.yard() as yard:
        yard.run(Part.PURGE, apply=False)
        yard.wait()
        started = time.perf_counter()
        outcome = yard.run(Part.PURGE, max_delete=stale, max_delete_percent=100)
        taken = time.perf_counter() - started
        assert len(outcome.done) == stale
        assert not any(one.failed for one in outcome.done)
    return taken


def raw(line: Line, identifiers: list[str]) -> float:
    """One deletion after the other: seconds."""

    async def delete() -> None:
        async with api.LiveKitAPI(line.url, line.api_key, line.api_secret.reveal()) as livekit:
            for identifier in identifiers:
                request = api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=identifier)
                await livekit.sip.delete_dispatch_rule(request)

    started = time.perf_counter()
    asyncio.run(delete())
    return time.perf_counter() - started


def measure(server: RealLiveKit, round_trip_ms: float, stale: int, live: int, target: float) -> None:
    with line_to(server, round_trip_ms) as line:
        floor = raw(line, plant(server, stale, live))
        plant(server, stale, live)
        name = f"purge of {stale} of {stale + live} rules over {round_trip_ms:.0f} ms"
        show(name, ours(line, stale), floor, target)


def measure_memory(server: RealLiveKit, stale: int, live: int) -> None:
    """The most that a purge holds at once, in copies of its list of rules."""
    plant(server, stale, live)
    line = Line(server.url, server.api_key, server.api_secret)
    desk = line.desk(Path())
    tracemalloc.start()
    kept = list(desk.ask(LiveKitClient.list_rules))
    one_list, peak_of_list = tracemalloc.get_traced_memory()
    del kept
    tracemalloc.reset_peak()
    with line.yard() as yard:
        yard.run(Part.PURGE, apply=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    described = (
        f"{peak / 2**20:.0f} MiB; listing them alone {peak_of_list / 2**20:.0f}, the list {one_list / 2**20:.0f}"
    )
    sys.stdout.write(f"purge of {stale} of {stale + live} rules, memory: {described}\n")


def main() -> None:
    reason = missing()
    if reason:
        sys.stdout.write(f"purge: skipped, {reason}\n")
        return
    with tempfile.TemporaryDirectory() as folder, running_livekit(Path(folder)) as server:
        measure(server, 20, 500, 500, 0.125)
        measure(server, 0, 2000, 8000, 2)
        measure_memory(server, 2000, 8000)


if __name__ == "__main__":
    main()
