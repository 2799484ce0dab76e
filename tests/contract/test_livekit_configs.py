"""What livekit-server and livekit-sip refuse to start with, `config validate` refuses; what they take, it takes."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sipctl.config.deployment import Source
from sipctl.config.schema import load_schema
from sipctl.config.validate import validate
from sipctl.findings.record import Level
from tests.support.needs import need, need_real_server
from tests.support.peers import sipnode
from tests.support.peers.livekit import API_KEY, API_SECRET, SERVER, SIP_NODE, RealLiveKit, free_ports

pytestmark = pytest.mark.real

REFUSED_BY_SERVER = {
    "key-twice": "+keys: {a: b}",
    "no-yaml": "+room: [",
    "tab": "+room:\n\tauto_create: true",
    "unknown": "+nosuch: 1",
    "unknown-inside": "+room: {nosuch: 1}",
    "under-sip": "+sip: {port: 5060}",
    "port-words": "port: http",
    "port-in-quotes": 'port: "7880"',
    "port-negative": "port: -1",
    "port-too-high": "port: 78800",
    "rtc-range-reversed": "port_range_end: 1000",
    "tcp-port-too-high": "tcp_port: 99999",
    "duration-without-unit": "+webhook: {resource_url_notifier: {max_age: 30}}",
    "duration-zero": "+webhook: {resource_url_notifier: {max_age: 0}}",
    "duration-with-space": '+webhook: {resource_url_notifier: {max_age: "30 s"}}',
    "timeout-with-unit": "+room: {empty_timeout: 5m}",
    "timeout-negative": "+room: {empty_timeout: -5}",
    "bool-in-quotes": "+room: {auto_create: 'false'}",
    "bool-as-number": "+room: {auto_create: 1}",
    "list-for-mapping": "+room: {enabled_codecs: [opus]}",
    "text-for-list": "+webhook: {api_key: meet, urls: http://x/}",
    "text-for-redis": "+redis: localhost:6379",
    "redis-db": "+redis: {db: x}",
    "redis-tls": "+redis: {tls: {enabled: maybe}}",
    "webhook-without-key": "+webhook: {urls: ['http://x/']}",
    "webhook-with-unknown-key": "+webhook: {api_key: nobody, urls: ['http://x/']}",
    "no-keys": "keys: {}",
    "key-file-open": "keys: !file 644 meet: KEY",
    "key-file-no-pairs": "keys: !file 600 meet",
    "turn-without-ports": "+turn: {enabled: true}",
    "turn-without-domain": "+turn: {enabled: true, tls_port: 5349}",
    "turn-without-certificate": "+turn: {enabled: true, tls_port: 5349, domain: turn.example.org}",
    "node-selector": "+node_selector: {kind: best}",
    "no-region": "+node_selector: {kind: regionaware}",
    "udp-port-reversed": "udp_port: 24005-24000",
    "udp-port-words": "udp_port: many",
    "udp-port-open": "udp_port: 24000-",
    "node-ip": "node_ip: 999.1.1.1",
    "rtc-ips": "ips: {includes: [10.0.0.0/33]}",
    "no-mapping": "!word",
    "empty": "!",
}
TAKEN_BY_SERVER = {
    "as-it-is": "",
    "bool-as-yes": "+room: {auto_create: yes}",
    "bool-as-on": "+room: {auto_create: On}",
    "float-for-int": "+room: {max_participants: 1.0}",
    "hex": "+room: {max_participants: 0x10}",
    "number-for-text": "+region: 5",
    "duration": "+webhook: {resource_url_notifier: {max_age: 1m30s}}",
    "anchor": "+room: &a {auto_create: true}",
    "udp-port-range": "udp_port: 29950-29955",
    "old-log-level": "+log_level: debug",
    "key-file": "keys: !file 600 meet: KEY",
    "codecs": "+room: {enabled_codecs: [{mime: audio/opus}]}",
    "random-node": "+node_selector: {kind: random}",
    "prometheus-user-alone": "+prometheus: {port: 0, username: u}",
    "turn-cidr-of-words": "+turn: {deny_peer_cidrs: [ten]}",
    "turn-server-without-credentials": "turn_servers: [{host: turn.example.org, port: 3478, protocol: udp}]",
    "turn-behind-a-proxy": "+turn: {enabled: true, tls_port: 19349, domain: turn.example.org, external_tls: true}",
}
REFUSED_BY_SIP = {
    "key-twice": "+sip_port: 1",
    "duration-without-unit": "+media_timeout: 15",
    "duration-zero": "+media_timeout: 0",
    "duration-with-space": '+sip_ringing_interval: "5 s"',
    "rtp-words": "rtp_port: many",
    "rtp-one-port": "rtp_port: 10000-10000",
    "port-in-quotes": 'sip_port: "5060"',
    "no-redis": "redis:",
    "empty-redis": "redis: {}",
    "hostname": "+sip_hostname: 'a b'",
    "hostname-with-port": "+sip_hostname: 'sip.example.org:5060'",
    "two-addresses": "+use_external_ip: true",
    "two-media-addresses": "+media_use_external_ip: true\nmedia_nat_1_to_1_ip: 192.0.2.1",
    "nat": "nat_1_to_1_ip: sip.example.org",
    "nat-network": "nat_1_to_1_ip: 192.0.2.1/24",
    "listen": "listen_ip: lan",
    "tls-without-certificate": "+tls: {port: 5061}",
    "number-in-quotes": "+max_cpu_utilization: '0.5'",
    "list-for-mapping": "+codecs: [PCMU]",
    "bool-in-quotes": "+hide_inbound_port: 'true'",
    "text-for-list": "+outbound_route_headers: sip:x",
    "empty": "!",
}
TAKEN_BY_SIP = {
    "as-it-is": "",
    "duration": "+media_timeout: 15s",
    "hostname-of-ip": "+sip_hostname: '${IP}.example.org'",
    "bool-as-yes": "+hide_inbound_port: yes",
    "codecs": "+codecs: {PCMU: false}",
    "route": "+outbound_route_headers: ['<sip:proxy.example.org;lr>']",
    "level": "+logging: {level: debug}",
}


def changed(base: str, change: str, folder: Path) -> str:
    """`+…` adds lines, `!…` is the whole file, `key: …` replaces what stands behind the key."""
    if change.startswith("!"):
        return change[1:] + "\n"
    if change.startswith("+") or not change:
        return f"{base}{change[1:]}\n"
    key, _, value = change.partition(": ")
    if value.startswith("!file"):
        _, mode, content = value.split(" ", 2)
        path = folder / "keys"
        path.write_text(content.replace("KEY", API_SECRET) + "\n")
        path.chmod(int(mode, 8))
        key, value, base = "key_file", str(path), base.replace("keys:", "key_file:", 1)
    key = key.removesuffix(":")
    lines = [f"{line[: len(line) - len(line.lstrip())]}{key}: {value}" if line.lstrip().startswith(f"{key}:") else line
             for line in base.splitlines()]  # fmt: skip
    text = "\n".join(lines) + "\n"
    return text if text != base else text.replace("rtc:\n", f"rtc:\n  {key}: {value}\n", 1)


def starts(words: Sequence[str | Path], marker: bytes) -> bool:
    """Whether the program says that it runs; otherwise it ends."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    try:
        with process.stdout:
            return any(marker in line for line in process.stdout)
    finally:
        process.kill()
        process.wait()


def errors(path: Path) -> set[str]:
    found = validate([Source(path, path.read_text())])
    return {one.code for one in found if one.level is Level.ERROR} - {"CFG120"}


def server_config(folder: Path, change: str) -> Path:
    first = free_ports(62)
    text = (
        f"port: {first}\nbind_addresses: ['127.0.0.1']\nkeys: {{meet: {API_SECRET}}}\nrtc:\n  tcp_port: {first + 1}\n"
        f"  port_range_start: {first + 2}\n  port_range_end: {first + 60}\n  use_external_ip: false\n"
        "  node_ip: 127.0.0.1\n"
    )
    path = folder / "livekit.yaml"
    path.write_text(changed(text, change, folder))
    return path


@pytest.mark.parametrize("change", [pytest.param(text, id=name) for name, text in REFUSED_BY_SERVER.items()])
def test_refused_by_livekit_server(tmp_path: Path, change: str) -> None:
    need_real_server()
    path = server_config(tmp_path, change)
    assert not starts([SERVER, "--config", path], b"starting LiveKit server")
    assert errors(path)


@pytest.mark.parametrize("change", [pytest.param(text, id=name) for name, text in TAKEN_BY_SERVER.items()])
def test_taken_by_livekit_server(tmp_path: Path, change: str) -> None:
    need_real_server()
    path = server_config(tmp_path, change)
    assert starts([SERVER, "--config", path], b"starting LiveKit server"), path.read_text()
    assert errors(path) == set()


@pytest.mark.parametrize("name", sorted(load_schema("livekit-server.later")))
def test_a_key_of_later_releases_is_refused_by_this_one(tmp_path: Path, name: str) -> None:
    """So that the warning about it stays true; a release that takes it needs another schema."""
    need_real_server()
    section, key = name.split(".")
    value = "true" if load_schema("livekit-server.later")[name][0] == "bool" else "1"
    path = server_config(tmp_path, f"{key}: {value}" if section == "rtc" else f"+{section}: {{{key}: {value}}}")
    assert not starts([SERVER, "--config", path], b"starting LiveKit server")
    found = validate([Source(path, path.read_text())])
    assert [one.level for one in found if one.code == "CFG103"] == [Level.WARN]


def sip_config(folder: Path, change: str, server: RealLiveKit) -> Path:
    assert server.redis
    first = free_ports(60)
    text = (
        f"api_key: {API_KEY}\napi_secret: {API_SECRET}\nws_url: ws://127.0.0.1:{server.port}\n"
        f"redis: {{address: '127.0.0.1:{server.redis.port}'}}\nsip_port: {first}\nlisten_ip: 127.0.0.1\n"
        f"local_net: 127.0.0.0/8\nnat_1_to_1_ip: 127.0.0.1\nrtp_port: {first + 10}-{first + 50}\n"
    )
    path = folder / "sip.yaml"
    path.write_text(changed(text, change, folder))
    return path


@pytest.mark.parametrize("change", [pytest.param(text, id=name) for name, text in REFUSED_BY_SIP.items()])
def test_refused_by_livekit_sip(tmp_path: Path, change: str, real_server: RealLiveKit) -> None:
    need(sipnode.missing())
    path = sip_config(tmp_path, change, real_server)
    assert not starts([SIP_NODE, "--config", path], b"sip signaling listening on")
    assert errors(path)


@pytest.mark.parametrize("change", [pytest.param(text, id=name) for name, text in TAKEN_BY_SIP.items()])
def test_taken_by_livekit_sip(tmp_path: Path, change: str, real_server: RealLiveKit) -> None:
    need(sipnode.missing())
    path = sip_config(tmp_path, change, real_server)
    assert starts([SIP_NODE, "--config", path], b"sip signaling listening on"), path.read_text()
    assert errors(path) == set()
