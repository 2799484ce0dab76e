"""Five targets of one domain, asked side by side: two dead, an expired certificate, one of IPv6, and a good one."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipctl.sip.uri import parse_uri
from sipctl.transport.asking import ask, new_dialog
from sipctl.transport.driver import connected
from sipctl.transport.link import LinkError
from sipctl.transport.resolve import resolve
from sipctl.transport.targets import Target
from tests.support.needs import need
from tests.support.peers.certificates import Authority
from tests.support.peers.dnsmasq import missing, running_dnsmasq
from tests.support.peers.kamailio import Kamailio
from tests.support.peers.livekit import free_ports

URI = parse_uri("sip:five.test")
WITHIN_S = 2.0


@pytest.fixture
def zone(tmp_path: Path, kamailio: Kamailio, silent_port: int) -> Iterator[tuple[str, int]]:
    """A name server for it."""
    need(missing())
    records = (
        "naptr-record=five.test,10,50,s,SIP+D2U,,_sip._udp.five.test",
        "naptr-record=five.test,20,50,s,SIPS+D2T,,_sips._tcp.five.test",
        f"srv-host=_sip._udp.five.test,four.test,{free_ports(1)},10,0",
        f"srv-host=_sip._udp.five.test,four.test,{silent_port},20,0",
        f"srv-host=_sip._udp.five.test,six.test,{kamailio.port},30,0",
        f"srv-host=_sip._udp.five.test,four.test,{kamailio.port},40,0",
        f"srv-host=_sips._tcp.five.test,four.test,{kamailio.tls['expired']},10,0",
        "host-record=four.test,127.0.0.1",
        "host-record=six.test,::1",
        "local=/test/",
    )
    with running_dnsmasq(tmp_path, "\n".join(records) + "\n") as address:
        yield address


async def verdict(target: Target) -> str:
    try:
        async with connected(target, domain=URI.host, within_s=WITHIN_S) as driver:
            asked = await ask(
                driver, new_dialog(driver, URI, caller="sip:probe@five.test"), "OPTIONS", within_s=WITHIN_S
            )
    except LinkError as error:
        return str(error)
    if asked.final:
        return str(asked.final.response.code)
    return str(asked.error or "no answer")


def test_all_five_are_judged_within_the_time_of_one(
    zone: tuple[str, int], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def run() -> list[str]:
        targets = (await resolve(URI, nameservers=[zone])).targets
        return list(await asyncio.gather(*map(verdict, targets)))

    started = time.monotonic()
    assert asyncio.run(run()) == [
        "refused: Connection refused", "no answer", "200", "200", "tls: certificate has expired",
    ]  # fmt: skip
    assert time.monotonic() - started < 2 * WITHIN_S
