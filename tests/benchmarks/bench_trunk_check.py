"""`trunk check` of one address against one raw exchange, and of fifty targets against the slowest of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter

from sipctl.operations.trunk_check.check import Wanted, check
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.probe import Asking
from sipctl.sip.message import Request
from sipctl.sip.uri import parse_uri
from sipctl.transport.targets import Target
from tests.benchmarks.ratios import best, python, show
from tests.support.loopback import answered, beside, udp_node

RAW = """
import socket, sys
import sipctl.cli.app
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(5)
    asking.sendto(
        b"OPTIONS sip:127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKa\\r\\n"
        b"Max-Forwards: 70\\r\\nFrom: <sip:a@127.0.0.1>;tag=1\\r\\nTo: <sip:127.0.0.1>\\r\\n"
        b"Call-ID: a\\r\\nCSeq: 1 OPTIONS\\r\\n"
        b"Content-Length: 0\\r\\n\\r\\n", ("127.0.0.1", int(sys.argv[1])))
    asking.recv(65535)
"""
TARGETS = 50


def processors_s() -> float:
    """Seconds of processor that the children have used: what else the machine does hardly matters."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def nodes(count: int) -> AsyncIterator[list[Target]]:
    """Nodes of which the last one loses the first request, and so answers half a second later."""
    lost: list[Request] = []

    def late(request: Request) -> Iterator[bytes]:
        lost.append(request)
        if len(lost) > 1:
            yield answered(request, 200)

    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(udp_node(lambda request: [answered(request, 200)]))
            for _ in range(count - 1)
        ]
        slow = await stack.enter_async_context(udp_node(late))
        yield [target for target, _ in (*found, slow)]


async def took(count: int) -> float:
    """Seconds that a check of so many nodes takes."""
    async with nodes(count) as targets:
        places = [Destination(uri=parse_uri(f"sip:{one.address}"), origin="bench") for one in targets]
        started = perf_counter()
        checked = await check(places, Wanted(asking=Asking(count=1)))
        assert all(one.path for one in checked)
        return perf_counter() - started


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        beside(udp_node(lambda request: [answered(request, 200)])) as (target, _),
    ):
        env = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "SIPCTL_STATE_DIR"), folder) | {"PATH": os.defpath}
        port = str(target.address.port)
        command = python("-m", "sipctl", "trunk", "check", "--host", f"sip:127.0.0.1:{port}", env=env)
        floor = best(python("-c", RAW, port, env=env), 15, processors_s)
        ours = best(command, 15, processors_s)
    show("trunk check of an address", ours, floor, 1.5)
    slowest, many = (min(asyncio.run(took(count)) for _ in range(3)) for count in (1, TARGETS))
    show(f"trunk check of {TARGETS} targets, against the slowest alone", many, slowest, 1.3)


if __name__ == "__main__":
    main()
