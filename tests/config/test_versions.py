"""Keys and values of other releases than the one that sipctl was made for, and values of a wrong type."""

import json

import pytest

from sipctl.findings.record import Finding
from tests.support.checked_files import check, marks, problems, texts

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
HOOK = "http://meet:8000/api/v1.0/rooms/webhooks-livekit/"
SERVER = f"port: 7880\nredis: {{address: r}}\nkeys: {{meet: {SECRET}}}\nwebhook: {{api_key: meet, urls: ['{HOOK}']}}\n"
SIP = f"redis: {{address: r}}\napi_key: meet\napi_secret: {SECRET}\nws_url: ws://livekit:7880\nsip_port: 5060\n"


def of_server(lines: str) -> list[Finding]:
    return problems({"livekit.yaml": f"{SERVER}{lines}\n"})


def of_sip(lines: str) -> list[Finding]:
    return problems({"sip.yaml": f"{SIP}{lines}\n"})


def test_keys_of_newer_servers_are_warnings_that_name_the_version() -> None:
    found = problems(texts("newer-keys", "livekit.yaml"))
    assert marks(found) == [("CFG103", "warn", "livekit.yaml:5"), ("CFG103", "warn", "livekit.yaml:6")]
    assert all("livekit-server after 1.13.5" in one.detail for one in found)


@pytest.mark.parametrize(
    "line",
    [
        "rtc: {enable_warp: true}", "room: {enable_full_room_in_webhooks: false}",
        "turn: {per_user_relay_allocation_limit: 5}", "limit: {signal_message_size_limit: 65536}",
        "limit: {agent_signal_message_size_limit: 1}", "limit: {max_api_request_body_size: 10485760}",
    ],
)  # fmt: skip
def test_each_newer_key(line: str) -> None:
    assert marks(of_server(line)) == [("CFG103", "warn", "livekit.yaml:5")]


def test_newer_keys_have_types_too() -> None:
    assert ("CFG105", "error", "livekit.yaml:5") in marks(of_server("rtc: {enable_warp: often}"))


@pytest.mark.parametrize(
    ("tag", "level"), [("v1.13.5", "error"), ("v1.13.4", "error"), ("v1.14.0", ""), ("latest", "warn"), ("v1", "warn")]
)
def test_compose_says_which_server_runs(tag: str, level: str) -> None:
    compose = json.dumps({"services": {"livekit": {"image": f"livekit/livekit-server:{tag}"}}})
    found = problems({"livekit.yaml": f"{SERVER}rtc: {{enable_warp: true}}\n", "compose.json": compose})
    assert [one.level for one in found if one.code == "CFG103"] == [level] * bool(level)


def test_a_key_of_a_newer_livekit_sip() -> None:
    (found,) = of_sip("ringing_timeout_status: 480")
    assert (found.code, found.level) == ("CFG104", "warn")
    assert "livekit-sip after 1.11" in found.detail


FORK = "lang: fr\nvideo: {enabled: true}\ngst: {}\npublish_codecs: [h264]\nmax_active_participants: 10"


def test_keys_of_la_suite_s_gateway_are_not_called_ignored() -> None:
    assert of_sip(FORK) == []
    notes = [one for one in check({"sip.yaml": f"{SIP}{FORK}\n"}) if one.code == "CFG104"]
    assert {(one.level, "La Suite's livekit-sip" in one.detail) for one in notes} == {("info", True)}
    assert len(notes) == 5


def test_compose_says_that_la_suite_s_gateway_runs() -> None:
    body = f"{SIP}{FORK}\nrtp_draining_duration: 30s\n"
    services = {"sip": {"image": "lasuite/livekit-sip:v1", "environment": {"SIP_CONFIG_BODY": body}}}
    found = [one for one in check({"c.json": json.dumps({"services": services})}) if one.code == "CFG104"]
    assert [(one.level, one.detail) for one in found] == [
        ("warn", "La Suite's livekit-sip ignores rtp_draining_duration")
    ]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("prometheus:\n  port: 6789\n  username: u", "livekit.yaml:7"), ("prometheus: {password: p}", "livekit.yaml:5"),
        ("rtc:\n  turn_servers:\n    - host: turn.example.org\n      port: 3478", "livekit.yaml:7"),
        ("rtc: {turn_servers: [{host: a, username: u}]}", "livekit.yaml:5"),
        ("turn: {deny_peer_cidrs: [10.0.0.0/8, ten]}", "livekit.yaml:5"),
        ("turn: {allow_restricted_peer_cidrs: [10.0.0.1]}", "livekit.yaml:5"),
        ("turn: {allow_restricted_peer_cidrs: [10.0.0.0/33]}", "livekit.yaml:5"),
    ],
)  # fmt: skip
def test_what_newer_servers_refuse_at_their_start(line: str, place: str) -> None:
    assert marks(of_server(line)) == [("CFG146", "warn", place)]


@pytest.mark.parametrize(
    "line",
    [
        "prometheus: {port: 6789}", "prometheus: {username: u, password: p}",
        "rtc: {turn_servers: [{host: a, username: u, credential: c}, {host: b, secret: s}, {host: c, secret_file: f}]}",
        "turn: {deny_peer_cidrs: [10.0.0.0/8, 'fd00::/8'], allow_restricted_peer_cidrs: []}",
    ],
)  # fmt: skip
def test_what_newer_servers_take(line: str) -> None:
    assert [one for one in of_server(line) if one.code != "CFG108"] == []


@pytest.mark.parametrize(
    ("file", "line", "fix"),
    [
        ("livekit.yaml", "room: {empty_timeout: '300'}", "write empty_timeout: 300"),
        ("livekit.yaml", "room: {auto_create: 'false'}", "write auto_create: false"),
        ("livekit.yaml", "room: {auto_create: 1}", "write auto_create: true"),
        ("livekit.yaml", "psrpc: {timeout: 30}", "write timeout: 30s"),
        ("livekit.yaml", "bind_addresses: 0.0.0.0", "write bind_addresses: [0.0.0.0]"),
        ("livekit.yaml", "room: {empty_timeout: 5m}", "write a whole number from 0 up without quotes"),
        ("sip.yaml", "media_timeout: 15", "write media_timeout: 15s"),
        ("sip.yaml", "sip_ringing_interval: '5 s'", "write sip_ringing_interval: 5s"),
        ("sip.yaml", "health_port: '8080'", "write health_port: 8080"),
        ("sip.yaml", "listen_ip: [10.0.0.1]", "write text after listen_ip:"),
    ],
)
def test_a_value_of_a_wrong_type_gets_the_line_as_it_should_be(file: str, line: str, fix: str) -> None:
    (found,) = (one for one in (of_server if file != "sip.yaml" else of_sip)(line) if one.code == "CFG105")
    assert found.fix
    assert str(found.fix.text).startswith(fix)


def test_livekit_cloud_shares_no_redis() -> None:
    found = problems(texts("cloud-address", "config.yaml"))
    assert marks(found) == [("CFG104", "warn", "config.yaml:1"), ("CFG148", "warn", "config.yaml:4")]
    assert "503" in found[1].detail
    for address in ("wss://livekit.cloud.example.org", "ws://livekit:7880", "wss://livekit.cloud"):
        assert problems({"sip.yaml": SIP.replace("ws://livekit:7880", address)}) == []


def test_a_node_ip_beside_use_external_ip_is_ignored() -> None:
    found = [one for one in problems(texts("node-ip", "livekit.yaml")) if one.code == "CFG149"]
    assert marks(found) == [("CFG149", "warn", "livekit.yaml:5")]
    assert "livekit.yaml:6" in found[0].detail
    for rtc in ("node_ip: 203.0.113.5", "use_external_ip: true", "{node_ip: 203.0.113.5, use_external_ip: false}"):
        assert of_server(f"rtc: {rtc if rtc.startswith('{') else f'{{{rtc}}}'}") == []


@pytest.mark.parametrize(("name", "written"), [("G722", "G722/8000"), ("opus", "opus/48000"), ("PCMU", "PCMU/8000")])
def test_a_codec_without_its_rate(name: str, written: str) -> None:
    (found,) = of_sip(f"codecs:\n  {name}: false")
    assert marks([found]) == [("CFG150", "warn", "sip.yaml:7")]
    assert found.fix
    assert written in str(found.fix.text)
    assert of_sip(f"codecs:\n  {written}: false") == []
