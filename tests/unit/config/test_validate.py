"""Every fault that files can show, planted one by one in a good set and found by code and line."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import need_real_server
from peers.livekit import SERVER, free_ports
from sipctl.config.deployment import Source
from sipctl.config.kinds import Kind, detect_kind
from sipctl.config.validate import validate
from sipctl.findings import Finding, Level

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"

COMMON = f"""\
MEET_HOST=meet.example.org
LIVEKIT_HOST = "livekit.example.org"
LIVEKIT_API_URL=https://${{LIVEKIT_HOST}}
LIVEKIT_API_KEY=meet
LIVEKIT_API_SECRET={SECRET}
ROOM_TELEPHONY_ENABLED = True
ROOM_TELEPHONY_PIN_LENGTH=10
ROOM_TELEPHONY_PHONE_NUMBER=+33 1 70 18 99 00
ROOM_TELEPHONY_DEFAULT_COUNTRY=FR
LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX='^[0-9a-f]{{8}}-'
"""
SERVER_YAML = f"""\
port: 7880
redis:
  address: redis:6379
keys:
  meet: {SECRET}
rtc:
  port_range_start: 50000
  port_range_end: 60000
turn:
  enabled: true
  relay_range_start: 30000
  relay_range_end: 40000
webhook:
  api_key: meet
  urls:
    - https://meet.example.org/api/v1.0/rooms/webhooks-livekit/
"""
SIP_YAML = f"""\
api_key: meet
api_secret: {SECRET}
ws_url: ws://livekit:7880
redis:
  address: redis:6379
sip_port: 5060
rtp_port: 10000-10004
logging:
  level: info
"""
COMPOSE = json.dumps(
    {
        "services": {
            "livekit": {"image": "livekit/livekit-server:v1.13.5"},
            "sip": {
                "image": "livekit/sip:v1.11.0",
                "ports": [
                    {"published": "5060", "target": 5060, "protocol": "udp"},
                    {"published": "5060", "target": 5060, "protocol": "tcp"},
                    *({"published": str(at), "target": at, "protocol": "udp"} for at in range(10000, 10005)),
                ],
            },
        }
    },
    indent=1,
)
GOOD = {"common": COMMON, "livekit.yaml": SERVER_YAML, "sip.yaml": SIP_YAML, "compose.json": COMPOSE}

_INCLUDES = "  filter_params: {include_events: [room_started]}\n  api_key: meet"
_EXCLUDES = "  filter_params: {exclude_events: [room_started]}\n  api_key: meet"
_EXTERNAL = "use_external_ip: true\nnat_1_to_1_ip: 192.0.2.1"

PLANTED = [
    # name, file, what is replaced, by what, code, line of the finding (0 = any)
    ("env-without-value", "common", "LIVEKIT_API_KEY=meet", "LIVEKIT_API_KEY", "CFG101", 4),
    ("env-set-twice", "common", "MEET_HOST=meet", "ROOM_TELEPHONY_PIN_LENGTH=9\nMEET_HOST=meet", "CFG102", 8),
    ("yaml-key-twice", "sip.yaml", "sip_port: 5060", "sip_port: 5060\nsip_port: 5061", "CFG102", 7),
    ("yaml-syntax", "sip.yaml", "redis:", "redis: [", "CFG101", 0),
    ("server-unknown-key", "livekit.yaml", "port: 7880", "port: 7880\nlisten_ip: 0.0.0.0", "CFG103", 2),
    ("server-nested-unknown-key", "livekit.yaml", "  address: redis", "  adress: redis", "CFG103", 3),
    ("server-key-under-sip", "livekit.yaml", "port: 7880", "port: 7880\nsip:\n  port: 5060", "CFG103", 3),
    ("ghost-log-level", "sip.yaml", "logging:", "log_level: debug\nlogging:", "CFG104", 8),
    ("ghost-bind-address", "sip.yaml", "logging:", "bind_address: 0.0.0.0\nlogging:", "CFG104", 8),
    ("sip-misspelt", "sip.yaml", "sip_port: 5060", "sip_prot: 5060", "CFG104", 6),
    ("server-wrong-type", "livekit.yaml", "port: 7880", "port: http", "CFG105", 1),
    ("sip-wrong-type", "sip.yaml", "sip_port: 5060", "sip_port: [5060]", "CFG105", 6),
    ("port-out-of-range", "livekit.yaml", "port: 7880", "port: 78800", "CFG106", 1),
    ("rtc-range-reversed", "livekit.yaml", "port_range_end: 60000", "port_range_end: 40001", "CFG106", 8),
    ("rtp-range-reversed", "sip.yaml", "10000-10004", "10004-10000", "CFG106", 7),
    ("sip-hostname", "sip.yaml", "sip_port: 5060", "sip_port: 5060\nsip_hostname: 'sip:x'", "CFG106", 7),
    ("tls-without-certs", "sip.yaml", "logging:", "tls: {port: 5061}\nlogging:", "CFG106", 8),
    ("placeholder", "common", SECRET, "<generate a secret key>", "CFG107", 5),
    ("secret-file-missing", "common", f"LIVEKIT_API_SECRET={SECRET}", "LIVEKIT_API_SECRET_FILE=/nowhere", "CFG108", 5),
    ("unquoted-number", "sip.yaml", "api_key: meet", "api_key: 0123", "CFG109", 1),
    ("unset-reference", "common", "${LIVEKIT_HOST}", "${LIVEKIT_HOTS}", "CFG111", 3),
    ("two-urls", "common", "MEET_HOST=", "LIVEKIT_URL=https://other.example.org\nMEET_HOST=", "CFG112", 1),
    ("meet-boolean", "common", "ENABLED = True", "ENABLED = on", "CFG113", 6),
    ("pin-length-3", "common", "PIN_LENGTH=10", "PIN_LENGTH=3", "CFG114", 7),
    ("pin-length-20", "common", "PIN_LENGTH=10", "PIN_LENGTH=20", "CFG114", 7),
    ("pin-length-abc", "common", "PIN_LENGTH=10", "PIN_LENGTH=abc", "CFG114", 7),
    ("retries-0", "common", "MEET_HOST=", "ROOM_TELEPHONY_PIN_MAX_RETRIES=0\nMEET_HOST=", "CFG115", 1),
    ("number-missing", "common", "ROOM_TELEPHONY_PHONE_NUMBER=+33 1 70 18 99 00\n", "", "CFG116", 6),
    ("number-impossible", "common", "+33 1 70 18 99 00", "call me", "CFG116", 8),
    ("number-unassigned", "common", "+33 1 70 18 99 00", "+1 555 0100", "CFG116", 8),
    ("country", "common", "COUNTRY=FR", "COUNTRY=XX", "CFG117", 9),
    ("server-unknown-to-meet", "common", "LIVEKIT_API_KEY=meet\n", "", "CFG118", 0),
    ("misspelt-setting", "common", "TELEPHONY_PIN_LENGTH", "TELEPHONY_PIN_LENGHT", "CFG119", 7),
    ("row-1-no-redis", "livekit.yaml", "redis:\n  address: redis:6379\n", "", "CFG120", 0),
    ("row-2-two-redis", "sip.yaml", "redis:6379", "other:6379", "CFG121", 5),
    ("row-2-two-databases", "sip.yaml", "address: redis:6379", "address: redis:6379\n  db: 1", "CFG121", 5),
    ("row-3-sip-key", "sip.yaml", "api_key: meet", "api_key: sip", "CFG122", 1),
    ("row-3-sip-secret", "sip.yaml", SECRET, SECRET[::-1], "CFG122", 2),
    ("row-4-ws-scheme", "sip.yaml", "ws://livekit", "http://livekit", "CFG123", 3),
    ("row-4-backend", "sip.yaml", "ws://livekit:7880", "wss://meet.example.org", "CFG123", 3),
    ("row-4-port", "sip.yaml", "ws://livekit:7880", "ws://livekit:7881", "CFG123", 3),
    ("row-5-backend-key", "common", "API_KEY=meet", "API_KEY=other", "CFG124", 4),
    ("row-5-backend-secret", "common", SECRET, SECRET[::-1], "CFG124", 5),
    ("row-6-webhook-key", "livekit.yaml", "api_key: meet", "api_key: nobody", "CFG125", 14),
    ("row-7-webhook-other-key", "livekit.yaml", f"  meet: {SECRET}\n", f"  meet: {SECRET}\n  b: {SECRET}\n", "", 0),
    ("row-8-no-slash", "livekit.yaml", "webhooks-livekit/", "webhooks-livekit", "CFG127", 16),
    ("row-8-wrong-path", "livekit.yaml", "/api/v1.0/rooms/", "/api/v2/", "CFG127", 16),
    ("row-8-scheme", "livekit.yaml", "https://meet.example.org/api", "meet.example.org/api", "CFG127", 16),
    ("row-8-no-webhook", "livekit.yaml", SERVER_YAML[SERVER_YAML.index("webhook:") :], "", "CFG127", 0),
    ("row-14-overlap", "sip.yaml", "10000-10004", "39990-39999", "CFG130", 0),
    ("row-15-auto-create", "livekit.yaml", "port: 7880", "port: 7880\nroom: {auto_create: false}", "CFG133", 2),
    ("row-17-include", "livekit.yaml", "  api_key: meet", _INCLUDES, "CFG128", 14),
    ("row-17-exclude", "livekit.yaml", "  api_key: meet", _EXCLUDES, "CFG128", 14),
    ("row-17-regex", "common", "'^[0-9a-f]{8}-'", "'^room-'", "CFG129", 10),
    ("rtp-mapping", "sip.yaml", "10000-10004", "{start: 10000, end: 10004}", "CFG131", 7),
    ("row-13-two-addresses", "sip.yaml", "sip_port: 5060", _EXTERNAL, "CFG132", 7),
    ("short-secret", "livekit.yaml", SECRET, "short", "CFG134", 5),
    ("row-12-sip-port", "compose.json", '"5060"', '"5070"', "", 0),
    ("row-12-rtp-ports", "compose.json", '"10004"', '"10014"', "CFG135", 0),
    ("no-keys", "livekit.yaml", f"keys:\n  meet: {SECRET}\n", "", "CFG136", 0),
    ("sip-needs-redis", "sip.yaml", "redis:\n  address: redis:6379\n", "", "CFG137", 0),
    ("sip-needs-ws-url", "sip.yaml", "ws_url: ws://livekit:7880\n", "", "CFG137", 0),
]  # fmt: skip


def check(files: dict[str, str]) -> list[Finding]:
    return validate([Source(Path(name), text) for name, text in files.items()])


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level in {Level.ERROR, Level.WARN, Level.UNKNOWN}]


def test_a_good_set_is_silent() -> None:
    assert problems(check(GOOD)) == []
    assert not [finding for finding in check(GOOD) if finding.level is Level.SKIPPED]


def test_kinds_are_told_by_content() -> None:
    kinds = {name: detect_kind(Path(name), text) for name, text in GOOD.items()}
    assert kinds == {
        "common": Kind.ENV, "livekit.yaml": Kind.LIVEKIT, "sip.yaml": Kind.SIP, "compose.json": Kind.COMPOSE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "line"), [pytest.param(*row[1:], id=row[0]) for row in PLANTED if row[4]]
)
def test_a_planted_fault_is_found_at_its_line(file: str, old: str, new: str, code: str, line: int) -> None:
    assert GOOD[file].count(old) >= 1
    findings = problems(check({**GOOD, file: GOOD[file].replace(old, new, 1)}))
    hits = [finding for finding in findings if finding.code == code and (not line or finding.resource.startswith(file))]
    assert hits, [f"{finding.code} {finding.resource} {finding.detail}" for finding in findings]
    assert line in {0, *(int(hit.resource.partition(":")[2] or 0) for hit in hits)}
    assert all(SECRET not in str(finding) for finding in findings)


def test_webhooks_signed_with_a_key_that_meet_does_not_know() -> None:
    text = SERVER_YAML.replace(f"meet: {SECRET}", f"meet: {SECRET}\n  b: {SECRET}").replace(
        "api_key: meet", "api_key: b"
    )
    assert {finding.code for finding in problems(check({**GOOD, "livekit.yaml": text}))} == {"CFG126"}


def test_secrets_that_others_can_read(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"meet: {SECRET}\n")
    server = Source(tmp_path / "livekit.yaml", SERVER_YAML.replace(f"keys:\n  meet: {SECRET}\n", "key_file: keys\n"))
    config = tmp_path / "sipctl.toml"
    config.write_text(f'[profiles.p]\nurl = "http://x"\napi_key = "k"\napi_secret = "{SECRET}"\n')
    for mode, found in ((0o644, {"CFG110"}), (0o600, set())):
        keys.chmod(mode)
        config.chmod(mode)
        findings = problems(validate([server, Source(config, config.read_text())]))
        assert {finding.code for finding in findings} - {"CFG127"} == found


def test_what_nobody_gave_is_skipped_not_compared() -> None:
    findings = check({"sip.yaml": SIP_YAML})
    assert problems(findings) == []
    skipped = {finding.code for finding in findings if finding.level is Level.SKIPPED}
    assert {"CFG114", "CFG120", "CFG121", "CFG122", "CFG124", "CFG127", "CFG135"} <= skipped


def test_compose_alone_is_read_for_environment_and_embedded_yaml() -> None:
    services = {
        "backend": {"image": "lasuite/meet", "environment": {"ROOM_TELEPHONY_PIN_LENGTH": "2", "LIVEKIT_API_KEY": "m"}},
        "sip": {"image": "livekit/sip", "environment": {"SIP_CONFIG_BODY": "log_level: debug\napi_key: a\n"}},
    }
    found = {finding.code for finding in problems(check({"c.json": json.dumps({"services": services}, indent=1)}))}
    assert {"CFG104", "CFG114", "CFG118", "CFG137"} <= found


@pytest.mark.real
@pytest.mark.parametrize("name", ["server-unknown-key", "server-nested-unknown-key", "server-key-under-sip",
                                  "server-wrong-type", "row-6-webhook-key", "no-keys"])  # fmt: skip
def test_what_livekit_server_refuses_is_refused_here(name: str, tmp_path: Path) -> None:
    need_real_server()
    _, _, old, new, code, _ = next(row for row in PLANTED if row[0] == name)
    own = SERVER_YAML.replace("redis:\n  address: redis:6379\n", "").replace("port: 7880", f"port: {free_ports(1)}")
    text = own.replace(
        old.replace("port: 7880", own.splitlines()[0]), new.replace("port: 7880", own.splitlines()[0]), 1
    )
    if name == "server-nested-unknown-key":
        text = own + "redis:\n  adress: redis:6379\n"
    config = tmp_path / "livekit.yaml"
    config.write_text(text)
    ended = subprocess.run([SERVER, "--config", config], capture_output=True, timeout=20, check=False, env=os.environ)
    assert b"starting LiveKit server" not in ended.stdout + ended.stderr
    assert code in {finding.code for finding in problems(validate([Source(config, text)]))}
