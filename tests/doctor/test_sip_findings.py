"""SIP7xx: each fault planted on a real node or a real zone, named by its code, and gone once it is repaired."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sipctl.doctor.report import Report
from sipctl.findings.record import Level
from sipctl.operations.trunk_check.check import Checked, Wanted, check
from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.findings import partly_unanswered, unresolved
from sipctl.operations.trunk_check.probe import Asking
from sipctl.sandbox.server import Sandbox
from sipctl.sip.message import Request
from sipctl.sip.uri import parse_uri
from tests.support.loopback import answered, beside, udp_node
from tests.support.needs import need
from tests.support.peers import dnsmasq
from tests.support.peers import kamailio as kamailio_peer
from tests.support.peers.certificates import Authority
from tests.support.peers.dnsmasq import running_dnsmasq
from tests.support.peers.kamailio import Kamailio, running_kamailio
from tests.support.peers.livekit import free_ports
from tests.support.planting import diagnose, healthy, settings_for
from tests.support.running import env_of, run


def sip(sandbox: Sandbox, host: str, **fields: str) -> Report:
    healthy(sandbox)
    return diagnose(settings_for(sandbox, sip_host=host, **fields), only=frozenset({"SIP"}))


def named(report: Report) -> dict[str, str]:
    """The SIP7xx that a person is shown, with their level."""
    bad = {Level.ERROR, Level.WARN, Level.UNKNOWN}
    return {one.code: one.level.value for one in report.findings if one.level in bad and one.code.startswith("SIP")}


@pytest.fixture
def good() -> Iterator[str]:
    with beside(udp_node(lambda request: [answered(request, 200, "OK")])) as (node, _):
        yield f"sip:{node.address}"


def test_a_node_that_answers_is_fine(sandbox: Sandbox, good: str) -> None:
    report = sip(sandbox, good)
    assert named(report) == {}
    levels = {one.code: one.level.value for one in report.findings if one.code.startswith("SIP")}
    assert levels == {
        "SIP701": "ok", "SIP702": "ok", "SIP703": "ok", "SIP704": "skipped", "SIP705": "skipped", "SIP706": "ok",
        "SIP707": "ok", "SIP708": "ok", "SIP709": "skipped",
    }  # fmt: skip


def test_without_sip_host_nothing_is_asked(sandbox: Sandbox) -> None:
    healthy(sandbox)
    report = diagnose(settings_for(sandbox), only=frozenset({"SIP"}))
    assert {one.level.value for one in report.findings if one.code.startswith("SIP")} == {"skipped"}


def test_a_node_that_is_down_and_comes_up(sandbox: Sandbox, kamailio: Kamailio) -> None:
    down = sip(sandbox, f"sip:127.0.0.1:{free_ports(1)}")
    assert named(down) == {"SIP702": "error"}
    [finding] = [one for one in down.findings if one.code == "SIP702"]
    assert "refused (Connection refused)" in finding.detail
    assert named(sip(sandbox, f"sip:127.0.0.1:{kamailio.port}")) == {}


def test_what_no_request_can_be_sent_to_is_unknown(sandbox: Sandbox) -> None:
    report = sip(sandbox, "sip:a b")
    assert set(named(report).values()) == {"unknown"}


def zone_check(uri: str, zone: str, folder: Path, *, is_dead: bool = False) -> Checked:
    need(dnsmasq.missing())
    with running_dnsmasq(folder, f"{zone}local=/test/\n") as place:
        servers = [("127.0.0.1", free_ports(1))] if is_dead else [place]
        own = Destination(uri=parse_uri(uri), origin="sip_host", is_ours=True)
        wanted = Wanted(asking=Asking(within_s=2.0), nameservers=servers)
        [checked] = asyncio.run(check([own], wanted))
        return checked


def test_a_name_that_does_not_resolve(tmp_path: Path, kamailio: Kamailio) -> None:
    [finding] = unresolved(zone_check("sip:gone.test", "", tmp_path))
    assert (finding.code, finding.level, finding.resource) == ("SIP701", Level.ERROR, "SIP node sip:gone.test")
    [nowhere] = unresolved(zone_check("sip:none.test;transport=udp", "srv-host=_sip._udp.none.test\n", tmp_path))
    assert "its SRV is" in nowhere.detail
    [dead] = unresolved(zone_check("sip:gone.test", "", tmp_path, is_dead=True))
    assert dead.level is Level.UNKNOWN
    repaired = f"srv-host=_sip._udp.gone.test,node.test,{kamailio.port},1,0\nhost-record=node.test,127.0.0.1\n"
    assert list(unresolved(zone_check("sip:gone.test", repaired, tmp_path))) == []


def test_only_some_targets_answer(tmp_path: Path, kamailio: Kamailio) -> None:
    host = "host-record=node.test,127.0.0.1\n"
    good = f"srv-host=_sip._udp.two.test,node.test,{kamailio.port},1,0\n{host}"
    both = f"srv-host=_sip._udp.two.test,node.test,{free_ports(1)},2,0\n{good}"
    [finding] = partly_unanswered(zone_check("sip:two.test", both, tmp_path))
    assert (finding.code, finding.level) == ("SIP703", Level.WARN)
    assert finding.detail.startswith("1 of 2 targets do not answer: udp 127.0.0.1:")
    assert list(partly_unanswered(zone_check("sip:two.test", good, tmp_path))) == []


@pytest.mark.parametrize(
    ("certificate", "level", "said"),
    [
        ("expired", "error", "expired on 2024-02-29"), ("wrong", "error", "other.test"),
        ("self-signed", "error", "self-signed certificate"),
    ],
)  # fmt: skip
def test_a_certificate_that_does_not_hold(
    sandbox: Sandbox, kamailio: Kamailio, authority: Authority, monkeypatch: pytest.MonkeyPatch,
    certificate: str, level: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    report = sip(sandbox, f"sips:127.0.0.1:{kamailio.tls[certificate]}")
    assert named(report)["SIP704"] == level
    [finding] = [one for one in report.findings if one.code == "SIP704"]
    assert said in finding.detail
    assert "SIP704" not in named(sip(sandbox, f"sips:127.0.0.1:{kamailio.tls['good']}"))


def test_a_certificate_that_ends_soon_or_holds_by_a_wildcard(
    sandbox: Sandbox, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kamailio: Kamailio
) -> None:
    need(kamailio_peer.missing())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    pair = authority.issue("soon", "127.0.0.1", ended=datetime.now(UTC) + timedelta(days=9, hours=12))
    with running_kamailio(tmp_path, {"soon": pair}) as node:
        report = sip(sandbox, f"sips:127.0.0.1:{node.tls['soon']}")
    assert named(report) == {"SIP704": "warn"}
    assert "in 9 days" in next(one for one in report.findings if one.code == "SIP704").detail


def test_answers_from_elsewhere(sandbox: Sandbox, good: str) -> None:
    with beside(udp_node(lambda request: [answered(request, 200)], from_elsewhere=True)) as (node, _):
        assert named(sip(sandbox, f"sip:{node.address}")) == {"SIP706": "warn"}
    assert named(sip(sandbox, good)) == {}


def test_requests_that_are_sent_again(sandbox: Sandbox, good: str) -> None:
    seen: list[Request] = []

    def second(request: Request) -> Iterator[bytes]:
        seen.append(request)
        if len(seen) % 2 == 0:
            yield answered(request, 200)

    with beside(udp_node(second)) as (node, _):
        report = sip(sandbox, f"sip:{node.address}")
    assert named(report) == {"SIP707": "warn"}
    assert "3 of 3 requests" in next(one for one in report.findings if one.code == "SIP707").detail
    assert named(sip(sandbox, good)) == {}


@pytest.fixture
def stopped_health() -> Iterator[str]:
    """The health port of a livekit-sip that was asked to stop."""

    class Stopped(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"Stopped")

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Stopped) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_node_that_drains_and_takes_calls_all_the_same(sandbox: Sandbox, good: str, stopped_health: str) -> None:
    report = sip(sandbox, good, sip_health_url=stopped_health)
    assert named(report)["SIP708"] == "warn"
    env = env_of(sandbox, SIPCTL_SIP_HOST=good, SIPCTL_SIP_HEALTH_URL=stopped_health)
    item = json.loads(run("trunk", "check", "--host", good, "-o", "json", env=env).stdout)["item"]
    assert item["health"] == {"status": 503, "text": "Stopped"}
    assert [one["code"] for one in item["findings"]] == ["SIP708"]
    assert "it drains, but still takes calls" in run("trunk", "check", "--host", good, env=env).stdout


def test_a_later_version_that_says_so_by_itself(sandbox: Sandbox, good: str) -> None:
    with beside(udp_node(lambda request: [answered(request, 503, "Draining")])) as (node, _):
        assert named(sip(sandbox, f"sip:{node.address}")) == {"SIP708": "warn"}
    assert named(sip(sandbox, good)) == {}


def test_the_fix_of_a_silent_node_is_a_command_of_this_version(sandbox: Sandbox) -> None:
    report = sip(sandbox, f"sip:127.0.0.1:{free_ports(1)}")
    [finding] = [one for one in report.findings if one.code == "SIP702"]
    assert finding.fix
    env = env_of(sandbox, SIPCTL_SIP_HOST=f"sip:127.0.0.1:{free_ports(1)}")
    shown = run("trunk", "check", env=env)
    assert shown.code == 1
    assert "ERROR   SIP702" in shown.stdout
    assert "fix: start livekit-sip" in shown.stdout
