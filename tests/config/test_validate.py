"""Every fault that files can show, planted one by one in a good set and found by code and line."""

import json
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.deployment import Source
from sipctl.config.kinds import Kind, detect_kind
from sipctl.config.schema import load_schema
from sipctl.config.validate import validate
from sipctl.findings.record import Finding, Level

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
APPLICATION_BASE_URL=https://${{MEET_HOST}}
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
  udp_port: 3478
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
use_external_ip: true
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
_BOTH = "use_external_ip: true\nnat_1_to_1_ip: 192.0.2.1"

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
    ("row-2-two-databases", "sip.yaml", "address: redis:6379", "address: redis:6379\n  db: 1", "CFG121", 6),
    ("row-3-sip-key", "sip.yaml", "api_key: meet", "api_key: sip", "CFG122", 1),
    ("row-3-sip-secret", "sip.yaml", SECRET, SECRET[::-1], "CFG122", 2),
    ("row-4-ws-scheme", "sip.yaml", "ws://livekit", "http://livekit", "CFG123", 3),
    ("row-4-backend", "sip.yaml", "ws://livekit:7880", "wss://meet.example.org", "CFG123", 3),
    ("row-4-port", "sip.yaml", "ws://livekit:7880", "ws://livekit:7881", "CFG123", 3),
    ("row-5-backend-key", "common", "API_KEY=meet", "API_KEY=other", "CFG124", 4),
    ("row-5-backend-secret", "common", SECRET, SECRET[::-1], "CFG124", 5),
    ("row-6-webhook-key", "livekit.yaml", "api_key: meet", "api_key: nobody", "CFG125", 15),
    ("row-7-webhook-other-key", "livekit.yaml", f"  meet: {SECRET}\n", f"  meet: {SECRET}\n  b: {SECRET}\n", "", 0),
    ("row-8-no-slash", "livekit.yaml", "webhooks-livekit/", "webhooks-livekit", "CFG127", 17),
    ("row-8-wrong-path", "livekit.yaml", "/api/v1.0/rooms/", "/api/v2/", "CFG127", 17),
    ("row-8-scheme", "livekit.yaml", "https://meet.example.org/api", "meet.example.org/api", "CFG127", 17),
    ("row-8-no-webhook", "livekit.yaml", SERVER_YAML[SERVER_YAML.index("webhook:") :], "", "CFG127", 0),
    ("row-14-overlap", "sip.yaml", "10000-10004", "39990-39999", "CFG130", 0),
    ("row-15-auto-create", "livekit.yaml", "port: 7880", "port: 7880\nroom: {auto_create: false}", "CFG133", 2),
    ("row-17-include", "livekit.yaml", "  api_key: meet", _INCLUDES, "CFG128", 15),
    ("row-17-exclude", "livekit.yaml", "  api_key: meet", _EXCLUDES, "CFG128", 15),
    ("row-17-regex", "common", "'^[0-9a-f]{8}-'", "'^room-'", "CFG129", 10),
    ("rtp-mapping", "sip.yaml", "10000-10004", "{start: 10000, end: 10004}", "CFG131", 7),
    ("row-13-two-addresses", "sip.yaml", "use_external_ip: true", _BOTH, "CFG132", 11),
    ("short-secret", "livekit.yaml", SECRET, "short", "CFG134", 5),
    ("row-12-sip-port", "compose.json", '"5060"', '"5070"', "", 0),
    ("row-12-rtp-ports", "compose.json", '"10004"', '"10014"', "CFG135", 0),
    ("no-keys", "livekit.yaml", f"keys:\n  meet: {SECRET}\n", "", "CFG136", 0),
    ("sip-needs-redis", "sip.yaml", "redis:\n  address: redis:6379\n", "", "CFG137", 0),
    ("6.1-key-file-missing", "livekit.yaml", "port: 7880", "port: 7880\nkey_file: /nowhere", "CFG108", 2),
    ("6.1-duration-without-unit", "livekit.yaml", "  api_key: meet",
     "  resource_url_notifier: {max_age: 30}\n  api_key: meet", "CFG105", 15),
    ("6.1-bool-in-quotes", "livekit.yaml", "port: 7880", "port: 7880\nroom: {auto_create: 'false'}", "CFG105", 2),
    ("6.1-node-ip", "livekit.yaml", "rtc:", "rtc:\n  node_ip: 999.1.1.1", "CFG106", 7),
    ("6.1-udp-port", "livekit.yaml", "rtc:", "rtc:\n  udp_port: 7890-7880", "CFG106", 7),
    ("6.1-rtc-ips", "livekit.yaml", "rtc:", "rtc:\n  ips: {includes: [10.0.0.1]}", "CFG106", 7),
    ("6.1-node-selector", "livekit.yaml", "port: 7880", "port: 7880\nnode_selector: {kind: best}", "CFG106", 2),
    ("6.1-region", "livekit.yaml", "port: 7880", "port: 7880\nnode_selector: {kind: regionaware}", "CFG106", 2),
    ("6.1-turn-without-port", "livekit.yaml", "  udp_port: 3478\n", "", "CFG141", 9),
    ("6.1-turn-without-domain", "livekit.yaml", "udp_port: 3478", "tls_port: 5349", "CFG141", 11),
    ("6.1-turn-without-cert", "livekit.yaml", "udp_port: 3478", "domain: x.org\n  tls_port: 5349", "CFG141", 12),
    ("6.1-key-twice", "livekit.yaml", "port: 7880", "port: 7880\nport: 7881", "CFG102", 2),
    ("6.1-text-for-redis", "livekit.yaml", "redis:\n  address: redis:6379", "redis: redis:6379", "CFG105", 2),
    ("6.2-duration-without-unit", "sip.yaml", "logging:", "media_timeout: 15\nlogging:", "CFG105", 8),
    ("6.2-ringing-interval", "sip.yaml", "logging:", "sip_ringing_interval: 100ms\nlogging:", "CFG106", 8),
    ("6.2-cpu", "sip.yaml", "logging:", "max_cpu_utilization: 90\nlogging:", "CFG106", 8),
    ("6.2-local-net", "sip.yaml", "logging:", "local_net: lan\nlogging:", "CFG106", 8),
    ("6.2-nat-address", "sip.yaml", "use_external_ip: true", "nat_1_to_1_ip: sip.example.org", "CFG106", 10),
    ("6.2-rtp-single-too-high", "sip.yaml", "10000-10004", "20000", "CFG106", 7),
    ("6.2-rtp-over-the-end", "sip.yaml", "10000-10004", "60000-70000", "CFG106", 7),
    ("6.2-rtp-words", "sip.yaml", "10000-10004", "many", "CFG131", 7),
    ("6.2-media-two-addresses", "sip.yaml", "logging:",
     "media_use_external_ip: true\nmedia_nat_1_to_1_ip: 192.0.2.1\nlogging:", "CFG132", 9),
    ("6.2-hostname-with-port", "sip.yaml", "logging:", "sip_hostname: 'sip.example.org:5060'\nlogging:", "CFG106", 8),
    ("6.2-empty-redis", "sip.yaml", "redis:\n  address: redis:6379", "redis: {}", "CFG137", 4),
    ("6.2-needs-key", "sip.yaml", "api_key: meet\n", "", "CFG137", 0),
    ("6.2-needs-secret", "sip.yaml", f"api_secret: {SECRET}\n", "", "CFG137", 0),
    ("6.2-nodeid", "sip.yaml", "logging:", "nodeid: x\nlogging:", "CFG104", 8),
    *((f"6.2-ghost-{key}", "sip.yaml", "logging:", f"{key}: 1\nlogging:", "CFG104", 8)
      for key in ("log_level", "bind_address", "port", "flood_protection", "rate_limits", "insecure", "room_mapper")),
    ("row-2-tls", "sip.yaml", "address: redis:6379", "address: redis:6379\n  use_tls: true", "CFG121", 4),
    ("row-2-loopback", "sip.yaml", "redis:6379", "127.0.0.1:6379", "CFG121", 5),
    ("row-4-bad-port", "sip.yaml", "ws://livekit:7880", "ws://livekit:78800", "CFG123", 3),
    ("row-5-no-keys-known", "common", "LIVEKIT_API_KEY=meet", "LIVEKIT_API_KEY=", "CFG118", 0),
    ("row-8-http", "livekit.yaml", "https://meet", "http://meet", "CFG127", 17),
    ("row-13-container-address", "sip.yaml", "use_external_ip: true\n", "", "CFG142", 0),
    ("row-13-loopback", "sip.yaml", "use_external_ip: true", "nat_1_to_1_ip: 127.0.0.1", "CFG142", 10),
    ("row-15-auto-create-word", "livekit.yaml", "port: 7880", "port: 7880\nroom: {auto_create: no}", "CFG133", 2),
    ("meet-1-boolean-t", "common", "ENABLED = True", "ENABLED = t", "CFG113", 6),
    ("meet-1-boolean-enabled", "common", "ENABLED = True", "ENABLED = enabled", "CFG113", 6),
    ("meet-1-other-boolean", "common", "MEET_HOST=", "ROOMKIT_ENABLED=on\nMEET_HOST=", "CFG113", 1),
    ("meet-1-pin-length-negative", "common", "PIN_LENGTH=10", "PIN_LENGTH=-1", "CFG114", 7),
    ("meet-1-pin-length-empty", "common", "PIN_LENGTH=10", "PIN_LENGTH=", "CFG114", 7),
    ("meet-1-pin-length-strange-digit", "common", "PIN_LENGTH=10", "PIN_LENGTH=²", "CFG114", 7),
    ("meet-1-retries-word", "common", "MEET_HOST=", "ROOM_TELEPHONY_PIN_MAX_RETRIES=x\nMEET_HOST=", "CFG115", 1),
    ("meet-1-number-empty", "common", "+33 1 70 18 99 00", "", "CFG116", 8),
    ("meet-1-number-short", "common", "+33 1 70 18 99 00", "123", "CFG116", 8),
    ("meet-1-number-extension", "common", "99 00", "99 00 ext. 12", "CFG116", 8),
    ("meet-1-country-empty", "common", "COUNTRY=FR", "COUNTRY=", "CFG117", 9),
    ("meet-1-url-without-scheme", "common", "=https://${LIVEKIT_HOST}", "=${LIVEKIT_HOST}", "CFG118", 3),
    ("meet-1-verify-ssl", "common", "MEET_HOST=", "LIVEKIT_VERIFY_SSL=False\nMEET_HOST=", "CFG144", 1),
    ("meet-1-placeholder-in-url", "common", "${LIVEKIT_HOST}", "<livekit host>", "CFG107", 3),
    ("meet-1-only-livekit-url", "common", "LIVEKIT_API_URL", "LIVEKIT_URL", "CFG118", 0),
    ("meet-8-filter-upper-case", "common", "'^[0-9a-f]{8}-'", "'^[0-9A-F]{8}-'", "CFG129", 10),
    ("meet-8-filter-some-rooms", "common", "'^[0-9a-f]{8}-'", "'^[0-9]'", "CFG129", 10),
    ("meet-8-filter-no-pattern", "common", "'^[0-9a-f]{8}-'", "'['", "CFG129", 10),
    ("sip-needs-ws-url", "sip.yaml", "ws_url: ws://livekit:7880\n", "", "CFG137", 0),
]  # fmt: skip


def check(files: dict[str, str]) -> list[Finding]:
    return validate([Source(Path(name), text) for name, text in files.items()])


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level in {Level.ERROR, Level.WARN, Level.UNKNOWN}]


def described(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings if finding.level not in {Level.OK, Level.SKIPPED}}


def test_a_good_set_is_silent() -> None:
    assert problems(check(GOOD)) == []
    assert not [finding for finding in check(GOOD) if finding.level is Level.SKIPPED]


def test_kinds_are_recognised_by_content() -> None:
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


@pytest.mark.parametrize(("configuration", "found"), [("Production", {"CFG127"}), ("Development", set()), ("", set())])
def test_a_webhook_by_http_to_a_meet_in_production(configuration: str, found: set[str]) -> None:
    """Meet's address says nothing of it: the webhook goes to another host, inside the same network."""
    inside = SERVER_YAML.replace("https://meet.example.org/api", "http://backend:8000/api")
    env = f"{COMMON}DJANGO_CONFIGURATION={configuration}\n"
    findings = problems(check({**GOOD, "livekit.yaml": inside, "common": env}))
    assert {finding.code for finding in findings} == found
    assert {finding.level for finding in findings} <= {Level.WARN}


def test_two_secrets_of_one_key_without_the_server_s_file() -> None:
    files = {"common": COMMON, "sip.yaml": SIP_YAML.replace(SECRET, SECRET[::-1])}
    assert {(one.code, one.resource) for one in problems(check(files))} == {("CFG145", "sip.yaml:2")}
    assert {one.code for one in problems(check({**GOOD, **files}))} == {"CFG122"}
    other_key = {**files, "sip.yaml": files["sip.yaml"].replace("api_key: meet", "api_key: sip")}
    assert problems(check(other_key)) == []


def test_default_ranges_overlap_too() -> None:
    sip = SIP_YAML.replace("10000-10004", "59000-60000")
    server = SERVER_YAML.replace("  port_range_start: 50000\n  port_range_end: 60000\n", "  tcp_port: 7881\n")
    assert "CFG130" in described(check({"livekit.yaml": server, "sip.yaml": sip}))
    turn = server.replace("  relay_range_start: 30000\n  relay_range_end: 40000\n", "")
    sip = SIP_YAML.replace("10000-10004", "39000-39999")
    assert "CFG130" in described(check({"livekit.yaml": turn, "sip.yaml": sip}))
    one_port = server.replace("  tcp_port: 7881", "  tcp_port: 7881\n  udp_port: 7882")
    assert "CFG130" not in described(
        check({"livekit.yaml": one_port, "sip.yaml": SIP_YAML.replace("10000-10004", "50000-50010")})
    )


def test_what_is_worth_a_word_and_no_more() -> None:
    sip = check({**GOOD, "sip.yaml": SIP_YAML + "max_active_calls: 10\nsip_trunk_ids: [ST_x]\n"})
    assert [(one.resource, one.level) for one in sip if one.code == "CFG143"] == [
        ("sip.yaml:12", Level.INFO), ("sip.yaml:11", Level.INFO),
    ]  # fmt: skip
    env = COMMON + "LIVEKIT_INTERNAL_URL=http://livekit:7880\nROOM_TELEPHONY_PIN_MAX_RETRIES=5\n"
    notes = {
        one.code: one.level
        for one in check({**GOOD, "common": env})
        if one.code in described(check({**GOOD, "common": env}))
    }
    assert notes == {"CFG119": Level.INFO, "CFG115": Level.INFO}


def test_values_are_shown_and_secrets_are_not() -> None:
    server = SERVER_YAML.replace("port: 7880", "port: http\nnosuch: thing").replace(SECRET, "[canary]")
    found = {
        one.code: one.evidence.observed for one in check({"livekit.yaml": server}) if one.code in {"CFG103", "CFG105"}
    }
    assert found == {"CFG103": "thing", "CFG105": ""}
    for text in ("keys: {meet: [canary]}\n", "keys:\n  - canary\n", "redis: {passwordd: canary}\nkeys: {a: b}\n"):
        assert "canary" not in str(check({"livekit.yaml": text}))
    lines = f"LIVEKIT_API_KEY=meet\nLIVEKIT_API_SECRET=\n{SECRET}\n{SECRET[::-1]} {SECRET}\n"
    assert SECRET not in str(check({"common": lines}))
    for host in ("redis://:canary@redis:6379", "u:canary@redis:6379"):
        assert "canary" not in str(check({**GOOD, "sip.yaml": SIP_YAML.replace("redis:6379", host)}))


def test_what_looks_like_a_placeholder_and_is_none() -> None:
    env = COMMON + 'DJANGO_EMAIL_FROM="Meet <noreply@example.org>"\nFRONTEND_NOTE="<b>Hello</b>"\n'
    sip = SIP_YAML + 'outbound_route_headers: ["<sip:proxy.example.org;lr>"]\n'
    assert problems(check({**GOOD, "common": env, "sip.yaml": sip})) == []


def test_a_file_that_cannot_be_read_proves_nothing_about_its_content() -> None:
    findings = check({**GOOD, "livekit.yaml": "keys: [\n"})
    assert described(findings) - {"CFG115"} == {"CFG101"}
    reasons = {one.detail for one in findings if one.code == "CFG120"}
    assert reasons == {"livekit-server's yaml cannot be read"}


def test_every_file_of_a_kind_is_checked_and_the_last_is_compared() -> None:
    first = SERVER_YAML.replace("port: 7880", "port: http").replace("meet: ", "other: ")
    findings = check({"a.yaml": first, "b.yaml": SERVER_YAML, "common": COMMON, "sip.yaml": SIP_YAML})
    assert {(one.code, one.resource) for one in problems(findings)} == {("CFG105", "a.yaml:1"), ("CFG139", "a.yaml")}


def test_an_env_file_that_is_read_too_early_is_named() -> None:
    hosts, common = "LIVEKIT_HOST=livekit.example.org\n", COMMON.replace('LIVEKIT_HOST = "livekit.example.org"\n', "")
    assert problems(check({"hosts": hosts, "common": common})) == []
    (found,) = (one for one in problems(check({"common": common, "hosts": hosts})) if one.code == "CFG111")
    assert "hosts sets it: name that file first" in found.detail


@pytest.mark.parametrize(
    ("service", "codes"),
    [
        ({"environment": {"LIVEKIT_KEYS": f"meet: {SECRET}", "REDIS_HOST": "redis:6379"}}, set()),
        ({"command": ["--keys", f"meet: {SECRET}", "--redis-host=redis:6379"]}, set()),
        ({"command": f"--keys 'meet: {SECRET}' --redis-host redis:6379"}, set()),
        ({"command": ["--dev", "--redis-host", "redis:6379"]}, {"CFG122", "CFG124", "CFG125", "CFG134"}),
        ({"environment": {"LIVEKIT_KEYS": f"else: {SECRET}"}}, {"CFG120", "CFG122", "CFG124", "CFG125"}),
    ],
)
def test_what_compose_tells_the_server_beside_its_file(service: dict[str, object], codes: set[str]) -> None:
    server = SERVER_YAML.replace(f"keys:\n  meet: {SECRET}\n", "").replace("redis:\n  address: redis:6379\n", "")
    project = json.loads(COMPOSE)
    project["services"]["livekit"] |= service
    findings = check({**GOOD, "livekit.yaml": server, "compose.json": json.dumps(project, indent=1)})
    assert {one.code for one in problems(findings)} == codes


def test_a_yaml_in_compose_goes_over_a_file() -> None:
    project = json.loads(COMPOSE)
    project["services"]["sip"]["environment"] = {"SIP_CONFIG_BODY": SIP_YAML.replace("api_key: meet", "api_key: sip")}
    text = json.dumps(project, indent=1)
    findings = problems(check({**GOOD, "compose.json": text}))
    line = text[: text.index('"SIP_CONFIG_BODY"')].count("\n") + 1
    assert {(one.code, one.resource) for one in findings} == {
        ("CFG122", f"compose.json:{line}"), ("CFG139", "sip.yaml"),
    }  # fmt: skip


PROFILE = 'default_profile = "p"\n[profiles.p]\nurl = "https://x"\napi_key = "k"\napi_secret = "s"\n'


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('default_profile = "p"', 'default_profile = "q"', "CFG140", 1),
        ('"https://x"', '"x:7880"', "CFG140", 3), ('"https://x"', '"https://u:canary@x"', "CFG140", 3),
        ('api_key = "k"\n', "", "CFG140", 3), ('api_secret = "s"\n', "", "CFG140", 3),
        ('api_secret = "s"\n', 'api_secret_file = "/nowhere"\n', "CFG108", 5),
        ('"s"\n', '"s"\nwebhook_url = "meet"\n', "CFG140", 6),
        ('"s"\n', '"s"\nsip_health_url = "ftp://x"\n', "CFG140", 6),
        ('"k"', '"<your key>"', "CFG107", 4), ('url = "https://x"', "url = 1", "CFG105", 3),
        ("url =", "urll =", "CFG103", 3), ('"p"\n', '"p\n', "CFG101", 1),
    ],
)  # fmt: skip
def test_faults_of_a_profile(old: str, new: str, code: str, line: int) -> None:
    assert problems(check({"sipctl.toml": PROFILE})) == []
    findings = problems(check({"sipctl.toml": PROFILE.replace(old, new, 1)}))
    assert (code, f"sipctl.toml:{line}") in {(one.code, one.resource) for one in findings}
    assert "canary" not in str(findings)


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
                st.just(["x", 1, None]), st.just({"a": {"b": 1}}),
                st.just("http://[::1"), st.just("ws://x:99999"))  # fmt: skip


@hypothesis.settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*load_schema("livekit-server"), *load_schema("livekit-sip")]), ODD), ODD, ODD)
def test_no_value_breaks_a_check(values: dict[str, object], one: object, other: object) -> None:
    section = {"enabled": one, "urls": other, "address": one, "api_key": other, "port_range_start": one, "kind": other}
    yaml = json.dumps({**values, "webhook": section, "turn": section, "rtc": section})
    sip = json.dumps({**values, "ws_url": one, "rtp_port": other, "redis": section})
    project = {"services": {"sip": {"image": "livekit/sip", "environment": one, "ports": other, "command": one},
                            "lk": {"image": "livekit/livekit-server", "environment": other, "ports": one}}}  # fmt: skip
    sources = [
        Source(Path("l"), yaml, Kind.LIVEKIT), Source(Path("s"), sip, Kind.SIP), Source(Path("e"), COMMON, Kind.ENV),
        Source(Path("c"), json.dumps(project), Kind.COMPOSE),
    ]  # fmt: skip
    assert validate(sources)


@hypothesis.settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([line.partition("=")[0].strip() for line in COMMON.splitlines()]), st.text()))
def test_no_setting_of_meet_breaks_a_check(values: dict[str, str]) -> None:
    text = "".join(f"{name}={value!r}\n" for name, value in values.items())
    assert validate([Source(Path("e"), text, Kind.ENV), Source(Path("l"), SERVER_YAML)])


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


def test_what_no_one_gave_is_skipped_not_compared() -> None:
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
