"""`trunk check --host`: what is said of nodes that we did not write, and of nodes that do one thing wrong each."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sipctl.sip.message import Request
from tests.support.loopback import Answers, answered, beside, udp_node
from tests.support.needs import need
from tests.support.peers import dnsmasq
from tests.support.peers import kamailio as kamailio_peer
from tests.support.peers.certificates import Authority
from tests.support.peers.dnsmasq import running_dnsmasq
from tests.support.peers.kamailio import PASSWORD, Kamailio, running_kamailio
from tests.support.peers.livekit import free_ports
from tests.support.running import assert_error, clean_env, command, run
from tests.support.schemas import validate

CHALLENGED = {"MD5": "kamailio", "SHA-256": "kamailio_sha"}


def checked(*words: str, code: int = 0, env: dict[str, str] | None = None, stdin: str = "") -> dict[str, Any]:
    """The item of `-o json`, which ended with this code."""
    result = run("trunk", "check", *words, "-o", "json", env=env, stdin=stdin.encode())
    assert (result.code, result.stderr) == (code, ""), result
    document = json.loads(result.stdout)
    validate(document)
    assert document["item"]["exit_code"] == code
    item: dict[str, Any] = document["item"]
    return item


def only_target(*words: str, code: int = 0, env: dict[str, str] | None = None, stdin: str = "") -> dict[str, Any]:
    [target] = checked(*words, code=code, env=env, stdin=stdin)["targets"]
    found: dict[str, Any] = target
    return found


def at(node: Kamailio, transport: str, user: str = "up", certificate: str = "good") -> str:
    port = node.tls[certificate] if transport == "tls" else node.port
    return f"sip:{user}@127.0.0.1:{port};transport={transport}"


@pytest.fixture
def trusted(authority: Authority) -> dict[str, str]:
    """Our authority is trusted as an administrator would have it trusted."""
    return clean_env(SSL_CERT_FILE=str(authority.file))


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_node_is_up_over_every_transport(kamailio: Kamailio, trusted: dict[str, str], transport: str) -> None:
    item = checked("--host", at(kamailio, transport), env=trusted)
    [target] = item["targets"]
    assert (item["verdict"], target["verdict"], target["state"]) == ("up", "ok", "up")
    assert (target["transport"], target["address"], target["path"]) == (transport, "127.0.0.1", True)
    assert (target["code"], target["reason"]) == (200, "Keepalive")
    assert target["server"].startswith("kamailio")
    assert (target["sent"], target["answered"], target["retransmitted"]) == (3, 3, 0)
    rtt = target["rtt_ms"]
    assert 0 < rtt["min"] <= rtt["mean"] <= rtt["p95"]
    assert (target["tls"] is None) == (transport != "tls")


def test_the_certificate_is_reported(kamailio: Kamailio, trusted: dict[str, str]) -> None:
    tls = only_target("--host", at(kamailio, "tls"), env=trusted)["tls"]
    assert (tls["subject"], tls["issuer"], tls["match"], tls["fault"]) == (
        "good", "sipctl test authority", "exact", None,
    )  # fmt: skip
    assert tls["version"] == "TLSv1.3"
    assert 88 <= tls["days_left"] <= 90


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("algorithm", list(CHALLENGED))
@pytest.mark.parametrize("user", ["secret", "psecret"])
def test_both_digests_are_answered(
    request: pytest.FixtureRequest, trusted: dict[str, str], transport: str, algorithm: str, user: str
) -> None:
    node: Kamailio = request.getfixturevalue(CHALLENGED[algorithm])
    uri = at(node, transport, user)
    plain = only_target("--host", uri, "--count", "1", env=trusted)
    assert (plain["verdict"], plain["state"], plain["digest"]) == ("auth-required", "up", None)
    right = only_target("--host", uri, "--auth-user", "alice", env=trusted, stdin=PASSWORD)
    assert (right["verdict"], right["digest"]) == ("ok", "accepted")
    wrong = only_target("--host", uri, "--auth-user", "alice", env=trusted, stdin="wrong", code=1)
    assert (wrong["verdict"], wrong["state"], wrong["digest"]) == ("auth-required", "down", "refused")


def test_a_password_of_a_file_that_no_one_asks_for(kamailio: Kamailio, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("canary\n")
    result = run(
        "trunk", "check", "--host", at(kamailio, "udp"), "--auth-user", "alice",
        "--auth-password-file", str(tmp_path / "password"),
    )  # fmt: skip
    assert "it asked for no credentials" in result.stdout
    assert "canary" not in result.stdout


@pytest.mark.parametrize(
    ("user", "verdict", "code", "exit_code"),
    [
        ("busy", "reachable", 486, 0), ("sorry", "overloaded", 503, 0), ("secret", "auth-required", 401, 0),
        ("silent", "silent", None, 3), ("trying", "provisional-only", 100, 1),
    ],
)  # fmt: skip
def test_each_answer_has_its_word(
    kamailio: Kamailio, user: str, verdict: str, code: int | None, exit_code: int
) -> None:
    target = only_target("--host", at(kamailio, "udp", user), "--deadline", "0.8", code=exit_code)
    assert (target["verdict"], target["code"]) == (verdict, code)
    if user == "sorry":
        assert target["retry_after_s"] == 30


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(202, "ok"), (302, "reachable"), (404, "reachable"), (405, "reachable"), (407, "auth-required"),
     (429, "overloaded"), (480, "overloaded"), (482, "loop"), (483, "loop"), (603, "reachable")],
)  # fmt: skip
def test_every_final_answer_is_up_unless_others_are_expected(status: int, verdict: str) -> None:
    with beside(udp_node(lambda request: [answered(request, status)])) as (node, _):
        uri = f"sip:{node.address}"
        assert only_target("--host", uri)["verdict"] == verdict
        assert only_target("--host", uri, "--expect", f"200, {status}")["state"] == "up"
        assert only_target("--host", uri, "--expect", "200,299", code=1)["state"] == "down"


def test_silence_of_our_own_node_is_a_fault(kamailio: Kamailio) -> None:
    uri = at(kamailio, "udp", "silent")
    env = clean_env(SIPCTL_SIP_HOST=f"sip:127.0.0.1:{kamailio.port}")
    assert only_target("--host", uri, "--deadline", "0.5", code=1, env=env)["state"] == "down"
    other = clean_env(SIPCTL_SIP_HOST="sip:127.0.0.1:1")
    assert only_target("--host", uri, "--deadline", "0.5", code=3, env=other)["state"] == "unknown"


def test_a_provider_that_wants_register_is_named() -> None:
    with beside(udp_node(lambda request: [answered(request, 403, "Registration required")])) as (node, _):
        assert "REGISTER" in " ".join(only_target("--host", f"sip:{node.address}")["notes"])


def third_only(seen: list[Request]) -> Answers:
    """Two of three packets are lost."""

    def answers(request: Request) -> Iterator[bytes]:
        seen.append(request)
        if len(seen) % 3 == 0:
            yield answered(request, 200)

    return answers


def test_an_answer_to_a_retransmission_is_no_round_trip() -> None:
    with beside(udp_node(third_only([]))) as (node, _):
        target = only_target("--host", f"sip:{node.address}", "--count", "1")
    assert (target["answered"], target["retransmitted"], target["rtt_ms"]) == (1, 1, None)


def test_the_source_address_is_used() -> None:
    with beside(udp_node(lambda request: [answered(request, 200)])) as (node, seen):
        only_target("--host", f"sip:{node.address}", "--source-address", "127.0.0.9", "--count", "1")
    [request] = seen.requests
    assert request.via
    assert request.via.host == "127.0.0.9"
    assert request.from_
    assert request.from_.uri.user, "livekit-server ends where a caller without user meets a rule that hides numbers"


@pytest.fixture
def half_open_port() -> Iterator[int]:
    """A port that takes connections and never answers on them."""
    with socket.socket() as half:
        half.bind(("127.0.0.1", 0))
        half.listen(16)
        yield half.getsockname()[1]


def wrong_names(request: Request) -> Iterator[bytes]:
    right = answered(request, 200)
    assert request.via
    yield right.replace(request.via.branch.encode(), b"z9hG4bKother")
    yield right.replace(request.call_id.encode(), b"other@call")


def test_one_run_tells_all_faults_apart(
    kamailio: Kamailio, authority: Authority, tmp_path: Path, silent_port: int, half_open_port: int
) -> None:
    need(dnsmasq.missing())
    closed = free_ports(1)
    with (
        beside(udp_node(lambda request: [answered(request, 200)], from_elsewhere=True)) as (elsewhere, _),
        beside(udp_node(wrong_names)) as (other, _),
        beside(udp_node(lambda request: [answered(request, 100)])) as (provisional, _),
        beside(udp_node(lambda request: [answered(request, 200, "OK", ("X", "a" * 60_000))])) as (oversized, _),
        beside(udp_node(third_only([]))) as (lossy, _),
    ):
        udp = {
            "closed": closed, "filtered": silent_port, "elsewhere": elsewhere.address.port,
            "other": other.address.port, "provisional": provisional.address.port,
            "oversized": oversized.address.port, "lossy": lossy.address.port, "good": kamailio.port,
        }  # fmt: skip
        tcp = {"half-open": half_open_port, "to-tls": kamailio.tls["good"], "closed": closed}
        tls = {"to-plain": kamailio.port, **{name: kamailio.tls[name] for name in ("self-signed", "expired", "wrong")}}
        groups = {"_sip._udp": udp, "_sip._tcp": tcp, "_sips._tcp": tls}
        zone = [
            f"srv-host={service}.sip.test,node.test,{port},{priority},0"
            for service, ports in groups.items()
            for priority, port in enumerate(ports.values())
        ]
        lines = [*zone, "host-record=node.test,127.0.0.1", "local=/test/", ""]
        with running_dnsmasq(tmp_path, "\n".join(lines)) as (ip, port):
            started = time.monotonic()
            item = checked(
                "--host", "sip:sip.test", "--nameserver", f"{ip}:{port}", "--deadline", "3", "--count", "1",
                code=1, env=clean_env(SSL_CERT_FILE=str(authority.file)),
            )  # fmt: skip
            took_s = time.monotonic() - started
    found = {("udp", name): port for name, port in udp.items()}
    found |= {("tcp", name): port for name, port in tcp.items()} | {("tls", name): port for name, port in tls.items()}
    by_place = {(one["transport"], one["port"]): one for one in item["targets"]}
    seen = {place: by_place[place[0], port] for place, port in found.items()}
    assert {place: one["verdict"] for place, one in seen.items()} == {
        ("udp", "closed"): "refused", ("udp", "filtered"): "silent", ("udp", "elsewhere"): "ok",
        ("udp", "other"): "silent", ("udp", "provisional"): "provisional-only", ("udp", "oversized"): "ok",
        ("udp", "lossy"): "ok", ("udp", "good"): "ok",
        ("tcp", "half-open"): "silent", ("tcp", "to-tls"): "not-sip", ("tcp", "closed"): "refused",
        ("tls", "to-plain"): "tls-failed", ("tls", "self-signed"): "tls-failed", ("tls", "expired"): "tls-failed",
        ("tls", "wrong"): "tls-failed",
    }  # fmt: skip
    assert seen["udp", "elsewhere"]["answered_from"]
    assert seen["udp", "other"]["strays"] >= 2
    assert (seen["udp", "lossy"]["retransmitted"], seen["udp", "lossy"]["rtt_ms"]) == (1, None)
    assert seen["tls", "to-plain"]["tls"]["subject"] == ""
    faults = {name: seen["tls", name]["tls"]["fault"] for name in ("self-signed", "expired", "wrong")}
    assert faults == {"self-signed": "self-signed", "expired": "expired", "wrong": "wrong-name"}
    assert seen["tls", "expired"]["tls"]["not_after"] == "2024-02-29T12:00:00Z"
    assert item["verdict"] == "partly-up"
    assert took_s < 3 * 2 + 4, "the targets wait side by side, and so do the steps of the resolution"


def test_a_zone_of_five_targets(kamailio: Kamailio, authority: Authority, tmp_path: Path, silent_port: int) -> None:
    """Two dead, an expired certificate, one of IPv6 and a good one, in the order in which callers try them."""
    need(dnsmasq.missing())
    records = (
        "naptr-record=five.test,10,50,s,SIP+D2U,,_sip._udp.five.test",
        "naptr-record=five.test,20,50,s,SIPS+D2T,,_sips._tcp.five.test",
        f"srv-host=_sip._udp.five.test,four.test,{free_ports(1)},10,0",
        f"srv-host=_sip._udp.five.test,four.test,{silent_port},20,0",
        f"srv-host=_sip._udp.five.test,six.test,{kamailio.port},30,0",
        f"srv-host=_sip._udp.five.test,four.test,{kamailio.port},40,0",
        f"srv-host=_sips._tcp.five.test,four.test,{kamailio.tls['expired']},10,0",
        "host-record=four.test,127.0.0.1", "host-record=six.test,::1", "local=/test/", "",
    )  # fmt: skip
    words = ("--host", "sip:five.test", "--deadline", "2", "--count", "1")
    env = clean_env(SSL_CERT_FILE=str(authority.file))
    with running_dnsmasq(tmp_path, "\n".join(records)) as (ip, port):
        started = time.monotonic()
        item = checked(*words, "--nameserver", f"{ip}:{port}", code=1, env=env)
        took_s = time.monotonic() - started
    seen = [(one["transport"], one["address"], one["verdict"], one["path"]) for one in item["targets"]]
    assert seen == [
        ("udp", "127.0.0.1", "refused", False), ("udp", "127.0.0.1", "silent", False), ("udp", "::1", "ok", True),
        ("udp", "127.0.0.1", "ok", False), ("tls", "127.0.0.1", "tls-failed", False),
    ]  # fmt: skip
    assert {one["code"] for one in item["findings"]} == {"SIP703", "SIP704"}
    assert took_s < 2 * 2 + 6, "one deadline, and the start of a process on a busy machine"


def test_names_are_resolved_and_no_one_is_asked(tmp_path: Path) -> None:
    need(dnsmasq.missing())
    zone = "srv-host=_sip._udp.sip.test,node.test,5071,10,60\nhost-record=node.test,127.0.0.1\nlocal=/test/\n"
    with running_dnsmasq(tmp_path, zone) as (ip, port):
        words = ("--host", "sip:sip.test", "--depth", "dns", "--nameserver", f"{ip}:{port}")
        item = checked(*words)
        people = run("trunk", "check", *words).stdout
    [target] = item["targets"]
    assert (target["verdict"], target["port"], target["priority"], target["weight"]) == (None, 5071, 10, 60)
    srv = next(query for query in item["dns"] if query["name"] == "_sip._udp.sip.test")
    assert (srv["records"], srv["ttl_s"], srv["server"]) == (["10 60 5071 node.test."], 60, f"{ip}:{port}")
    assert "SRV _sip._udp.sip.test: 1 record, TTL 60 s" in people


def test_a_name_that_resolves_to_nothing_is_not_known(tmp_path: Path) -> None:
    need(dnsmasq.missing())
    with running_dnsmasq(tmp_path, "srv-host=_sip._udp.none.test\nlocal=/test/\n") as (ip, port):
        words = ("--nameserver", f"{ip}:{port}")
        target = only_target("--host", "sip:gone.test", *words, code=3)
        assert (target["verdict"], target["address"]) == ("dns-failed", None)
        assert "└─ dns-failed  there is no such name" in run("trunk", "check", "--host", "sip:gone.test", *words).stdout
        plugin = run("trunk", "check", "--host", "sip:gone.test", *words, "-o", "nagios")
        assert (plugin.code, plugin.stdout.splitlines()[0].split(" - ")[0]) == (2, "SIP CRITICAL")
    dead = ("--nameserver", f"127.0.0.1:{free_ports(1)}", "--deadline", "0.5")
    assert only_target("--host", "sip:gone.test", *dead, code=3)["verdict"] == "dns-failed"
    plugin = run("trunk", "check", "--host", "sip:gone.test", *dead, "-o", "nagios")
    assert (plugin.code, plugin.stdout.split(" - ")[0]) == (3, "SIP UNKNOWN")


@pytest.mark.parametrize(
    ("words", "described"),
    [
        (("--host", "tel:+33123456789"), "not the address of a SIP node"),
        (("--host", "sip:sip.test:0"), "port 0"),
        (("--host", "sip:[fe80::1%25eth0]"), "is no address of a SIP node"),
        (("--host", "sips:sip.test;transport=udp"), "never goes over UDP"),
        (("--host", "sip:sip.test;transport=sctp"), "unknown transport"),
        (("--host", "sip.test"), "is no address of a SIP node"),
        (("--host", ""), "is no address of a SIP node"),
        (("--host", "sip:sip.test?Subject=x"), "cannot carry these headers"),
        (("--host", "sip:127.0.0.1", "ST_x"), "exclude each other"),
        (("--host", "sip:127.0.0.1", "--depth", "deep"), "--depth 'deep'"),
        (("--host", "sip:127.0.0.1", "--expect", "100"), "no final status code"),
        (("--host", "sip:127.0.0.1", "--source-address", "192.0.2.1"), "no address of this machine"),
        (("--host", "sip:127.0.0.1", "--source-address", "localhost"), "no address of this machine"),
        (("--host", "sip:127.0.0.1", "--nameserver", "ns.test"), "no address of a name server"),
        (("--host", "sip:127.0.0.1", "--auth-password-file", "x"), "needs --auth-user"),
        (("--host", "sip:127.0.0.1", "--auth-user", "alice"), "no password on stdin"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: tuple[str, ...], described: str) -> None:
    assert_error(run("trunk", "check", *words), 2, described)
    plugin = run("trunk", "check", *words, "-o", "nagios")
    assert (plugin.code, plugin.stderr) == (3, "")
    assert re.fullmatch(r"SIP UNKNOWN - [^|\n]+\n", plugin.stdout)


def test_a_password_in_an_address_is_never_shown() -> None:
    result = run("trunk", "check", "--host", "sip:alice:canary@127.0.0.1")
    assert_error(result, 2, "a password does not belong into an address")
    assert "canary" not in result.stderr


def test_ctrl_c_is_one_line_and_its_code() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(60)
        words = command("trunk", "check", "--host", f"sip:127.0.0.1:{silent.getsockname()[1]}", "--deadline", "300")
        process = subprocess.Popen(words, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        silent.recvfrom(65_535)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"error: interrupted\n")


def test_names_from_the_network_never_reach_the_terminal_raw(authority: Authority, tmp_path: Path) -> None:
    evil = "\x1b[31m\u202eevil\x9b2J"

    def answers(asked: Request) -> Iterator[bytes]:
        more = (("Server", evil), ("Warning", evil))
        yield answered(asked, 404, evil, *more).replace(b"evil", b"ev\xffil|'=")

    with beside(udp_node(answers)) as (node, _):
        for style in ("table", "json", "jsonl", "name", "junit", "nagios", "prometheus"):
            shown = run("trunk", "check", "--host", f"sip:{node.address}", "-o", style)
            assert shown.code == 0, shown
            raw = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown.stdout + shown.stderr)
            assert not raw, style
        plugin = run("trunk", "check", "--host", f"sip:{node.address}", "-o", "nagios").stdout
        assert plugin.count("|") == 1
    pair = authority.issue("evil", "sip.test", common=evil)
    folder = tmp_path / "kamailio"
    folder.mkdir()
    need(kamailio_peer.missing())
    with running_kamailio(folder, {"evil": pair}) as evil_node:
        env = clean_env(SSL_CERT_FILE=str(authority.file))
        words = ("trunk", "check", "--host", f"sip:127.0.0.1:{evil_node.tls['evil']};transport=tls")
        shown = run(*words, env=env)
        assert (shown.code, "wrong-name" in run(*words, "-o", "json", env=env).stdout) == (1, True)
        assert "\\x1b[31m" in shown.stdout
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown.stdout)


def plugin(*words: str, env: dict[str, str] | None = None) -> tuple[int, str, list[str]]:
    """The code of `-o nagios`, what its first line says, and its performance data."""
    result = run("trunk", "check", *words, "-o", "nagios", env=env)
    first, *_ = result.stdout.splitlines()
    said, _, data = first.partition(" | ")
    return result.code, said, re.findall(r"'[^']+'=\S+", data)


def test_nagios_hears_one_line_with_units_and_limits(kamailio: Kamailio, trusted: dict[str, str]) -> None:
    code, said, data = plugin("--host", at(kamailio, "tls"), "--warn-rtt", "5000", env=trusted)
    place = f"tls 127.0.0.1:{kamailio.tls['good']}"
    assert (code, said) == (0, "SIP OK - 1 of 1 targets up")
    rtt, lost, certificate = data
    assert re.fullmatch(rf"'{place} rtt'=[0-9]+\.[0-9]{{3}}ms;5000;;0", rtt)
    assert lost == f"'{place} lost'=0%;0;;0;100"
    assert re.fullmatch(rf"'{place} certificate'=(89|90);31:;8:", certificate)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), 0), (("--warn-days", "100"), 1), (("--warn-days", "100", "--crit-days", "95"), 2),
        (("--warn-rtt", "0"), 1), (("--expect", "404"), 2),
    ],
)  # fmt: skip
def test_limits_decide_what_nagios_hears(
    kamailio: Kamailio, trusted: dict[str, str], words: tuple[str, ...], expected: int
) -> None:
    assert plugin("--host", at(kamailio, "tls"), *words, env=trusted)[0] == expected


def test_a_good_certificate_never_hides_a_dead_target(kamailio: Kamailio, authority: Authority, tmp_path: Path) -> None:
    need(dnsmasq.missing())
    dead = free_ports(1)
    zone = (
        f"srv-host=_sips._tcp.sip.test,node.test,{kamailio.tls['good']},1,0\n"
        f"srv-host=_sips._tcp.sip.test,node.test,{dead},2,0\nhost-record=node.test,127.0.0.1\nlocal=/test/\n"
    )
    env = clean_env(SSL_CERT_FILE=str(authority.file))
    with running_dnsmasq(tmp_path, zone) as (ip, port):
        code, said, _ = plugin("--host", "sips:sip.test", "--nameserver", f"{ip}:{port}", env=env)
    assert code == 1
    assert said.startswith(f"SIP WARNING - 1 of 2 targets up; tls 127.0.0.1:{dead} refused")


def test_a_provider_that_is_silent_is_unknown_to_nagios(silent_port: int) -> None:
    code, said, _ = plugin("--host", f"sip:127.0.0.1:{silent_port}", "--deadline", "0.3")
    assert (code, said.split(";")[0]) == (3, "SIP UNKNOWN - 0 of 1 targets up")


def test_an_overloaded_node_is_a_warning_to_nagios(kamailio: Kamailio) -> None:
    assert plugin("--host", at(kamailio, "udp", "sorry"))[0] == 1


def test_prometheus_gets_words_of_fixed_sets(kamailio: Kamailio, trusted: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "sip.prom"
    words = ("trunk", "check", "--host", at(kamailio, "tls"))
    shown = run(*words, "-o", "prometheus", "--textfile", str(file), env=trusted)
    assert shown.code == 0
    for text in (shown.stdout, file.read_text()):
        families = {family.name.removeprefix("sipctl_trunk_check_"): family.samples
                    for family in text_string_to_metric_families(text)}  # fmt: skip
        [up] = families["up"]
        assert up.labels.keys() == {"uri", "transport", "address"}
        assert up.value == 1
        assert sum(one.value for one in families["verdict"]) == 1
        assert {one.labels["verdict"] for one in families["verdict"] if one.value} == {"ok"}
        [expiry] = families["certificate_expiry_timestamp_seconds"]
        assert 88 * 86400 < expiry.value - time.time() < 91 * 86400
        assert abs(families["last_run_timestamp_seconds"][0].value - time.time()) < 60
        assert "kamailio" not in text


def test_junit_fails_for_what_is_down(kamailio: Kamailio, silent_port: int) -> None:
    up = run("trunk", "check", "--host", at(kamailio, "udp"), "-o", "junit")
    assert 'tests="1" errors="0" failures="0"' in up.stdout
    down = run("trunk", "check", "--host", f"sip:127.0.0.1:{free_ports(1)}", "-o", "junit")
    assert '<failure message="refused: Connection refused"' in down.stdout
    silent = run("trunk", "check", "--host", f"sip:127.0.0.1:{silent_port}", "--deadline", "0.3", "-o", "junit")
    assert 'errors="1"' in silent.stdout


def test_people_see_one_tree(kamailio: Kamailio) -> None:
    shown = run("trunk", "check", "--host", at(kamailio, "udp")).stdout.splitlines()
    assert shown[0] == "up: 1 of 1 target answers"
    assert shown[2] == f"{at(kamailio, 'udp')}  (--host)"
    place = re.escape(f"└→ udp  127.0.0.1:{kamailio.port}  ok  200 Keepalive  ")
    assert re.match(place + r"[0-9.]+/[0-9.]+/[0-9.]+ ms  kamailio", shown[3])
    assert run("trunk", "check", "--host", at(kamailio, "udp"), "--quiet").stdout == ""


def test_an_address_needs_neither_livekit_nor_dns(kamailio: Kamailio) -> None:
    script = (
        "import sys\nfrom sipctl.cli.app import run\n"
        f"code = run(['trunk', 'check', '--host', {at(kamailio, 'udp')!r}])\n"
        "slow = ('livekit', 'aiohttp', 'dns', 'rich', 'cryptography', 'sqlalchemy', 'prometheus_client')\n"
        "sys.exit(code or ' '.join(name for name in slow if name in sys.modules) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", script], env=clean_env(), capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
