"""RFC 3263 against a real dnsmasq: which targets, in which order, and what was asked on the way."""

import asyncio
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sipctl.errors import UsageError
from sipctl.sip.uri import parse_uri
from sipctl.transport.queries import Dns
from sipctl.transport.resolve import Resolution, hosts_file_addresses, resolve
from sipctl.transport.targets import Failure, Transport

Server = tuple[str, int]


def resolved(uri: str, *nameservers: Server, within_s: float = 6.0) -> Resolution:
    return asyncio.run(resolve(parse_uri(uri), nameservers=nameservers, within_s=within_s))


def targets(resolution: Resolution) -> list[str]:
    return [f"{target.transport} {target.address}" for target in resolution.targets]


def asked(resolution: Resolution) -> list[str]:
    return [f"{query.kind} {query.name}" for query in resolution.queries]


def test_naptr_leads_over_srv_to_every_address_in_order(nameserver: Server) -> None:
    resolution = resolved("sip:full.test", nameserver)
    assert targets(resolution) == [
        "tls 127.0.0.1:5061", "tcp [::1]:5062", "udp 127.0.0.1:15060", "udp 127.0.0.1:5060", "udp [::1]:5060",
    ]  # fmt: skip
    assert [(target.host, target.priority, target.weight) for target in resolution.targets[2:4]] == [
        ("a.test", 10, 40), ("b.test", 20, 60),
    ]  # fmt: skip
    naptr = resolution.queries[0]
    assert (naptr.kind, naptr.ttl, naptr.server, naptr.failure) == ("NAPTR", 60, f"127.0.0.1:{nameserver[1]}", None)
    assert naptr.records[2] == '10 50 "s" "SIPS+D2T" "" _sips._tcp.full.test.'
    assert all(query.duration_ms > 0 for query in resolution.queries)
    assert "SRV _sip._sctp.full.test" not in asked(resolution)


def test_without_naptr_each_transport_is_asked_for(nameserver: Server) -> None:
    resolution = resolved("sip:plain.test", nameserver)
    assert targets(resolution) == ["udp 127.0.0.1:5071", "tcp 127.0.0.1:5070"]
    assert asked(resolution)[0] == "NAPTR plain.test"
    assert {"SRV _sip._udp.plain.test", "SRV _sip._tcp.plain.test", "SRV _sips._tcp.plain.test"} < set(
        asked(resolution)
    )
    assert resolution.failure is None


def test_a_named_transport_is_the_only_one_and_skips_naptr(nameserver: Server) -> None:
    resolution = resolved("sip:full.test;transport=TCP", nameserver)
    assert targets(resolution) == ["tcp [::1]:5062"]
    assert asked(resolution)[0] == "SRV _sip._tcp.full.test"


def test_an_explicit_port_asks_for_addresses_alone(nameserver: Server) -> None:
    resolution = resolved("sip:bare.test:5080", nameserver)
    assert targets(resolution) == ["udp 127.0.0.1:5080", "udp [::1]:5080"]
    assert sorted(asked(resolution)) == ["A bare.test", "AAAA bare.test"]
    assert targets(resolved("sips:bare.test:5080", nameserver))[0] == "tls 127.0.0.1:5080"
    assert targets(resolved("sip:bare.test:5080;transport=tcp", nameserver))[0] == "tcp 127.0.0.1:5080"


def test_sips_takes_secure_services_alone(nameserver: Server) -> None:
    resolution = resolved("sips:full.test", nameserver)
    assert targets(resolution) == ["tls 127.0.0.1:5061"]
    assert asked(resolution)[:2] == ["NAPTR full.test", "SRV _sips._tcp.full.test"]
    assert targets(resolved("sips:bare.test", nameserver))[0] == "tls 127.0.0.1:5061"
    assert targets(resolved("sips:full.test;transport=tcp", nameserver)) == ["tls 127.0.0.1:5061"]


def test_without_services_the_host_itself_is_asked_on_the_default_port(nameserver: Server) -> None:
    assert targets(resolved("sip:bare.test", nameserver)) == ["udp 127.0.0.1:5060", "udp [::1]:5060"]
    assert targets(resolved("sip:bare.test;transport=tls", nameserver))[0] == "tls 127.0.0.1:5061"


def test_a_service_that_is_refused_has_no_fallback(nameserver: Server) -> None:
    none, half = resolved("sip:none.test", nameserver), resolved("sip:half.test", nameserver)
    assert (targets(none), set(none.refused)) == ([], set(Transport))
    assert (targets(half), half.refused) == (["tcp 127.0.0.1:5060"], (Transport.UDP,))


def test_an_alias_behind_srv_is_followed_and_named(nameserver: Server) -> None:
    resolution = resolved("sip:aliased.test", nameserver)
    assert targets(resolution) == ["udp 127.0.0.1:5060"]
    [alias] = {query.alias for query in resolution.queries if query.kind == "A"}
    assert alias == "a.test"


def test_a_target_without_address_is_none(nameserver: Server) -> None:
    resolution = resolved("sip:dangling.test", nameserver)
    assert (targets(resolution), resolution.failure) == ([], Failure.NO_SUCH_NAME)


def test_maddr_goes_before_the_host(nameserver: Server) -> None:
    assert targets(resolved("sip:full.test:5090;maddr=bare.test", nameserver))[0] == "udp 127.0.0.1:5090"
    assert targets(resolved("sip:full.test;maddr=192.0.2.1")) == ["udp 192.0.2.1:5060"]


def test_weights_share_the_load(nameserver: Server) -> None:
    """The draws are the same in every run, so that a rare one never fails it."""
    random.seed(2782)

    async def first_hosts() -> list[str]:
        dns = Dns([nameserver], within_s=5.0)
        hosts: list[str] = []
        for _ in range(40):
            found = await asyncio.gather(*(dns.srv("_sip._udp.weighed.test") for _ in range(50)))
            hosts += [records[0].target.to_text() for records in found]
        return hosts

    hosts = asyncio.run(first_hosts())
    assert len(hosts) == 2000
    assert abs(hosts.count("a.test.") / 2000 - 0.6) < 0.03


def test_a_name_that_does_not_exist_is_distinguished_from_a_server_that_does_not_answer(nameserver: Server) -> None:
    assert resolved("sip:gone.test", nameserver).failure is Failure.NO_SUCH_NAME
    assert resolved("sip:gone.example", nameserver).failure is Failure.SERVER_FAILED
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert resolved("sip:gone.test", silent.getsockname(), within_s=0.9).failure is Failure.TIMED_OUT


def test_a_name_that_cannot_be_one_fails_alone() -> None:
    too_long = "a" * 64 + ".test"
    assert resolved(f"sip:{too_long}:5060", ("127.0.0.1", 9)).failure is Failure.BAD_NAME


@pytest.mark.parametrize("uri", ["sip:127.0.0.1", "sip:a@[::1]:5070;transport=tcp", "sips:192.0.2.1"])
def test_an_address_needs_no_dns_and_does_not_import_it(uri: str) -> None:
    code = (
        "import asyncio, sys\nfrom sipctl.sip.uri import parse_uri\nfrom sipctl.transport.resolve import resolve\n"
        f"assert len(asyncio.run(resolve(parse_uri({uri!r}))).targets) == 1\n"
        "assert 'dns' not in sys.modules and 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_address_is_its_own_target() -> None:
    assert targets(resolved("sip:192.0.2.1")) == ["udp 192.0.2.1:5060"]
    assert targets(resolved("sips:[2001:db8::1]")) == ["tls [2001:db8::1]:5061"]
    assert targets(resolved("sip:192.0.2.1:5070;transport=tls")) == ["tls 192.0.2.1:5070"]


@pytest.mark.parametrize(
    ("uri", "message", "hint"),
    [
        ("tel:+33199000001", "tel:+33199000001: not the address of a SIP node", "sip:HOST"),
        ("sip:a.test?Subject=x", "sip:a.test?Subject=x: a request cannot carry these headers", "question mark"),
        ("sip:a.test:0", "sip:a.test:0: port 0 takes no requests", "1 to 65535"),
        ("sips:a.test;transport=udp", "sips:a.test;transport=udp: sips: never goes over UDP", "sip:"),
        ("sip:a.test;transport=ws", "sip:a.test;transport=ws: unknown transport 'ws'", "transport=udp"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(uri: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolved(uri)
    assert refused.value.message == message
    assert hint in refused.value.hint


def test_the_hosts_file_goes_before_dns(nameserver: Server) -> None:
    resolution = resolved("sip:localhost:5060", nameserver)
    assert "udp 127.0.0.1:5060" in targets(resolution)
    assert [query.server for query in resolution.queries] == ["/etc/hosts"]


def test_a_hosts_file_is_read_as_the_system_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(
        "::1 sip.lan # 192.0.2.9 sip.lan\n\n192.0.2.1\tother SIP.lan\nnonsense sip.lan\n192.0.2.1 sip.lan\n"
    )
    assert hosts_file_addresses("sip.LAN.", file) == ["192.0.2.1", "::1"]
    assert hosts_file_addresses("lan", file) == hosts_file_addresses("sip.lan", tmp_path / "none") == []
