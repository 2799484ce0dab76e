"""Two files of one deployment: what does not agree is found, with both places and values; what does is left alone."""

import json

import pytest

from sipctl.doctor.report import make_report
from sipctl.findings.record import Finding
from tests.support.checked_files import check, marks, problems, texts

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
WEBHOOK = "/api/v1.0/rooms/webhooks-livekit/"


def server(redis: str = "redis:6379", webhook: str = f"https://meet.example.org{WEBHOOK}", more: str = "") -> str:
    keys = f"keys:\n  meet: {SECRET}\n"
    return f"port: 7880\nredis: {{address: '{redis}'}}\n{keys}webhook: {{api_key: meet, urls: ['{webhook}']}}\n{more}"


def sip(redis: str = "redis:6379", ws_url: str = "ws://livekit:7880", more: str = "") -> str:
    return (
        f"api_key: meet\napi_secret: {SECRET}\nws_url: {ws_url}\nredis:\n  address: '{redis}'\n"
        f"use_external_ip: true\n{more}"
    )


def only(findings: list[Finding]) -> Finding:
    (found,) = findings
    return found


def test_one_host_for_everything_is_sound() -> None:
    assert problems(texts("one-host", "livekit.yaml", "sip.yaml")) == []


@pytest.mark.parametrize(
    ("ws_url", "webhook", "is_sound"),
    [
        ("ws://127.0.0.1:7880", "http://127.0.0.1:8080/hook", True),
        ("ws://127.0.0.1:8080", "http://127.0.0.1:8080/hook", False),
        ("ws://localhost:8080", "http://127.0.0.1:8080/hook", False),
        ("wss://meet.example.org", f"https://meet.example.org{WEBHOOK}", False),
        ("wss://meet.example.org:443", f"https://meet.example.org{WEBHOOK}", False),
        ("wss://meet.example.org:7443", f"https://meet.example.org{WEBHOOK}", True),
        ("wss://livekit.example.org", f"https://meet.example.org{WEBHOOK}", True),
    ],
)
def test_the_backend_s_address_is_a_host_and_a_port(ws_url: str, webhook: str, *, is_sound: bool) -> None:
    found = problems({"livekit.yaml": server(webhook=webhook), "sip.yaml": sip(ws_url=ws_url)})
    assert marks(found) == ([] if is_sound else [("CFG123", "error", "sip.yaml:3")])
    assert all("livekit.yaml:5" in one.detail and webhook in one.detail and ws_url in one.detail for one in found)


def test_a_backend_behind_the_door_of_livekit_is_sound() -> None:
    env = {"common": "LIVEKIT_API_URL=https://meet.example.org\n"}
    files = {"livekit.yaml": server(), "sip.yaml": sip(ws_url="wss://meet.example.org"), **env}
    assert "CFG123" not in {one.code for one in problems(files)}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("localhost:6379", "127.0.0.1:6379", []),
        ("localhost", "[::1]:6379", []),
        ("redis:6379", "redis:6379", []),
        ("redis:6379", "redis:6380", ["error"]),
        ("localhost:6379", "127.0.0.1:6380", ["error"]),
        ("redis:6379", "localhost:6379", ["warn"]),
        ("redis:6379", "other:6379", ["warn"]),
    ],
)
def test_which_addresses_are_one_redis(one: str, other: str, found: list[str]) -> None:
    seen = problems({"livekit.yaml": server(one), "sip.yaml": sip(other)})
    assert marks(seen) == [("CFG121", level, "sip.yaml:5") for level in found]
    assert all(f"{other} here, {one} in livekit.yaml:2" in finding.detail for finding in seen)


def test_two_databases_of_one_redis() -> None:
    found = only(problems({"livekit.yaml": server(), "sip.yaml": sip().replace("6379'", "6379'\n  db: 1")}))
    assert marks([found]) == [("CFG121", "error", "sip.yaml:6")]
    assert "db 1 here, db 0 in livekit.yaml:2" in found.detail
    assert "in which they still hear each other" in found.detail


def test_clusters_and_sentinels_are_one_if_an_address_is_in_both() -> None:
    cluster = "redis: {cluster_addresses: ['a:7000', 'b:7000']}"
    shifted = "redis: {cluster_addresses: ['b:7000', 'c:7000']}"
    files = {
        "livekit.yaml": server().replace("redis: {address: 'redis:6379'}", cluster),
        "sip.yaml": sip().replace("redis:\n  address: 'redis:6379'", shifted),
    }
    assert problems(files) == []
    files["sip.yaml"] = files["sip.yaml"].replace("'b:7000', 'c:7000'", "'b:7001'")
    assert [one.level.value for one in problems(files)] == ["error"]


@pytest.mark.parametrize(
    ("setting", "webhook", "is_sound"),
    [
        ("MEET_URL=https://localhost:3000", f"http://localhost:8071{WEBHOOK}", True),
        ("MEET_URL=https://meet.127.0.0.1.nip.io", f"http://meet.127.0.0.1.nip.io:8071{WEBHOOK}", True),
        ("MEET_URL=https://meet.example.org/x", f"http://meet.example.org{WEBHOOK}", False),
        ("MEET_URL=https://meet.example.org:8443", f"http://meet.example.org:8443{WEBHOOK}", False),
    ],
)
def test_a_webhook_redirects_at_the_same_door_alone(setting: str, webhook: str, *, is_sound: bool) -> None:
    files = {"livekit.yaml": server(webhook=webhook), "common": f"LIVEKIT_API_KEY=meet\n{setting}\n"}
    found = problems(files)
    assert marks(found) == ([] if is_sound else [("CFG127", "error", "livekit.yaml:5")])
    assert all("common:2" in one.detail and setting.partition("=")[2] in one.detail for one in found)


def test_key_pairs_name_the_place_of_the_server_s() -> None:
    files = {"livekit.yaml": server(), "sip.yaml": sip().replace("api_key: meet", "api_key: other")}
    found = only(problems(files))
    assert (found.resource, found.evidence.observed, found.evidence.expected) == ("sip.yaml:1", "other", "meet")
    assert "livekit.yaml:3 has meet" in found.detail
    secret = only(problems({**files, "sip.yaml": sip().replace(SECRET, SECRET[::-1])}))
    assert (secret.resource, "livekit.yaml:4" in secret.detail) == ("sip.yaml:2", True)
    assert SECRET[::-1] not in str(secret)
    env = f"LIVEKIT_API_URL=https://x\nLIVEKIT_API_KEY=nobody\nLIVEKIT_API_SECRET={SECRET}\n"
    backend, webhook = problems({"livekit.yaml": server(), "common": env})
    assert marks([backend, webhook]) == [("CFG124", "error", "common:2"), ("CFG126", "error", "livekit.yaml:5")]
    assert "livekit.yaml:3 has meet" in backend.detail
    assert "common:2" in webhook.detail


def test_overlapping_ranges_name_each_other() -> None:
    found = only(problems({"livekit.yaml": server(), "sip.yaml": sip(more="rtp_port: 55000-56000\n")}))
    assert "livekit-server's rtc 50000-60000" in found.detail
    assert "55000-56000 (sip.yaml:7)" in found.detail


def test_two_addresses_of_livekit() -> None:
    env = "LIVEKIT_API_URL=https://one.example.org\nLIVEKIT_URL=https://two.example.org\n"
    found = only(problems({"common": env}))
    assert (found.code, found.resource) == ("CFG112", "common:2")
    assert "https://two.example.org here, https://one.example.org in common:1" in found.detail


@pytest.mark.parametrize("name", ["LIVEKIT_API_URL", "LIVEKIT_URL"])
def test_an_address_without_scheme_is_an_error(name: str) -> None:
    assert marks(problems({"common": f"A=1\n{name}=livekit.example.org\n"})) == [("CFG118", "error", "common:2")]
    assert problems({"common": f"A=1\n{name}=wss://livekit.example.org\n"}) == []


@pytest.mark.parametrize("empty", ["", " ", '""', "''", " # a comment", "\r"])
def test_an_empty_assignment_is_found_at_its_own_line(empty: str) -> None:
    env = f"ROOM_TELEPHONY_ENABLED=True\n\n# key\nLIVEKIT_API_KEY={empty}\nLIVEKIT_API_SECRET={SECRET}\n"
    env += "LIVEKIT_API_URL=https://livekit.example.org\nROOM_TELEPHONY_PHONE_NUMBER=\n"
    assert marks(problems({"common": env})) == [
        ("CFG116", "warn", "common:7"), ("CFG118", "warn", "common:4"),
    ]  # fmt: skip


def test_lines_of_compose_are_those_of_the_service_itself() -> None:
    services = {
        "backend": {
            "image": "lasuite/meet-backend",
            "depends_on": {"sip": {}},
            "environment": {"LIVEKIT_API_URL": "x"},
        },
        "sip": {"image": "livekit/sip", "environment": {"SIP_CONFIG_BODY": "log_level: debug\nredis: {address: r}\n"}},
    }
    text = json.dumps({"networks": {"sip": {}}, "services": services}, indent=1)
    at = {one.resource for one in problems({"c.json": text}) if one.code in {"CFG104", "CFG118"}}
    lines = text.splitlines()
    wanted = [number for number, line in enumerate(lines, 1) if "SIP_CONFIG_BODY" in line or "LIVEKIT_API_URL" in line]
    assert at == {f"c.json:{number}" for number in wanted}


def test_findings_come_in_the_order_of_their_lines() -> None:
    text = "".join(f"# {number}\n" for number in range(8)) + "A=\n" + "".join(f"A={n}\n" for n in range(2))
    report = make_report(check({"common": text}), "")
    assert [one.resource for one in report.findings if one.code == "CFG102"] == ["common:10", "common:11"]
    sip_text = sip(more="a1: 1\nb1: 1\nc1: 1\nd1: 1\ne1: 1\n")
    ghosts = [one.resource for one in make_report(check({"sip.yaml": sip_text}), "").findings if one.code == "CFG104"]
    assert ghosts == [f"sip.yaml:{line}" for line in range(7, 12)]
