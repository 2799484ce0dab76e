"""What a compose project tells: which services run what, and what each of them is given."""

import json
from typing import Any

import pytest

from sipctl.findings.record import Finding
from tests.support.checked_files import check, marks, problems, texts

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
SERVER_YAML = "port: 7880\nredis: {address: 'redis:6379'}\nwebhook: {api_key: meet, urls: ['http://meet/hook']}\n"


def compose(**services: dict[str, Any]) -> str:
    return json.dumps({"services": services}, indent=1)


def with_keys(keys: str) -> list[Finding]:
    livekit = {"image": "livekit/livekit-server:v1.13.5", "environment": {"LIVEKIT_KEYS": keys}}
    return problems({"compose.json": compose(livekit=livekit), "livekit.yaml": SERVER_YAML})


def test_keys_that_compose_left_empty_are_named() -> None:
    found = problems(texts("keys-unset", "compose.json", "livekit.yaml"))
    assert marks(found) == [("CFG136", "error", "compose.json:1")]
    assert "LIVEKIT_KEYS is empty" in found[0].detail


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (f"meet:{SECRET}", "lacks the blank after the colon"),
        (f"meet:{SECRET}\nother:{SECRET}", "lacks the blank after the colon"),
        (": ", "has no key and secret"),
        (":", "has no key and secret"),
        ("meet: ", "has no secret"),
        ("meet:", "has no secret"),
        ("meet", "not of the form"),
        (f": {SECRET}", "has no key"),
        (f"meet: {SECRET}\nother: ", "not of the form"),
        (f"meet: {SECRET} other: {SECRET}", "not of the form"),
        (f"[meet, {SECRET}]", "not of the form"),
        (f"meet={SECRET}", "not of the form"),
    ],
)
def test_keys_in_a_broken_form_are_named(keys: str, words: str) -> None:
    (found,) = with_keys(keys)
    assert (found.code, found.level) == ("CFG136", "error")
    assert found.resource.startswith("compose.json:")
    assert "LIVEKIT_KEYS" in found.detail
    assert words in found.detail
    assert SECRET not in str(found)


def test_keys_of_an_option_are_named_as_such() -> None:
    livekit = {"image": "livekit/livekit-server:v1.13.5", "command": ["--keys", f"meet:{SECRET}"]}
    (found,) = problems({"compose.json": compose(livekit=livekit), "livekit.yaml": SERVER_YAML})
    assert found.detail == "--keys lacks the blank after the colon: livekit-server does not start"


@pytest.mark.parametrize("keys", [f"meet: {SECRET}", f"meet: {SECRET}\nb: {SECRET}", f'{{"meet": "{SECRET}"}}'])
def test_keys_in_a_sound_form(keys: str) -> None:
    assert with_keys(keys) == []
    assert not [one for one in check({"livekit.yaml": SERVER_YAML}) if "LIVEKIT_KEYS" in one.detail]


SIP_BODY = f"api_key: meet\napi_secret: {SECRET}\nws_url: ws://livekit:7880\nredis: {{address: 'redis:6379'}}\n"
SIP_BODY += "use_external_ip: true\n"


def of_sip(**spec: Any) -> list[Finding]:
    sip = {"image": "livekit/sip:v1.11.0", "network_mode": "host", **spec}
    return problems({"compose.json": compose(sip=sip)})


def test_a_livekit_sip_without_configuration_and_variables_that_it_never_reads() -> None:
    found = problems(texts("compose-variables", "a.json"))
    assert marks(found) == [
        ("CFG147", "warn", "a.json:6"), ("CFG147", "warn", "a.json:6"), ("CFG151", "error", "a.json:5"),
    ]  # fmt: skip
    assert {one.detail for one in found[:2]} == {
        "livekit-sip never reads SIP_PORT",
        "livekit-sip never reads LIVEKIT_URL",
    }


def test_an_agent_is_no_backend_and_keys_lack_a_blank() -> None:
    found = marks(problems(texts("compose-variables", "c.json", "livekit.yaml")))
    assert [one for one in found if one[1] == "error"] == [("CFG136", "error", "c.json:3")]
    assert {code for code, _, _ in found} == {"CFG136", "CFG135"}
    assert marks(problems(texts("compose-variables", "a.json", "sip.yaml")))[-1][0] != "CFG151"


@pytest.mark.parametrize(
    "name",
    [
        "LIVEKIT_URL", "REDIS_HOST", "REDIS_ADDRESS", "SIP_PORT", "LOG_LEVEL", "USE_JITTER_BUFFER", "RTP_PORT",
        "USE_EXTERNAL_IP", "NAT_1_TO_1_IP", "API_KEY",
    ],
)  # fmt: skip
def test_a_variable_that_livekit_sip_never_reads(name: str) -> None:
    environment = {"SIP_CONFIG_BODY": SIP_BODY, name: "x"}
    (found,) = of_sip(environment=environment)
    assert (found.code, found.level, name in found.detail) == ("CFG147", "warn", True)


@pytest.mark.parametrize("name", ["TZ", "GOMAXPROCS", "LIVEKIT_WS_URL", "LIVEKIT_API_KEY", "SIP_CONFIG_FILE", "PATH"])
def test_a_variable_that_is_read_or_no_setting(name: str) -> None:
    assert of_sip(environment={"SIP_CONFIG_BODY": SIP_BODY, name: "x"}) == []


@pytest.mark.parametrize(
    "spec",
    [
        {}, {"environment": {"SIP_CONFIG_BODY": ""}}, {"environment": {"SIP_CONFIG_FILE": "/etc/sip.yaml"}},
        {"volumes": [{"type": "bind", "source": "/srv/x", "target": "/data"}]}, {"command": "--config /etc/sip.yaml"},
        {"volumes": ["/srv/sip.yaml:/sip/other.yaml:ro"]},
    ],
)  # fmt: skip
def test_a_livekit_sip_that_cannot_start(spec: dict[str, Any]) -> None:
    assert [(one.code, one.level) for one in of_sip(**spec)] == [("CFG151", "error")]


@pytest.mark.parametrize(
    "spec",
    [
        {"environment": {"SIP_CONFIG_BODY": SIP_BODY}}, {"build": {"context": "."}},
        {"volumes": [{"type": "bind", "source": "/srv/sip.yaml", "target": "/sip/config.yaml"}]},
        {"volumes": ["/srv/sip:/sip:ro"]}, {"configs": [{"source": "sip", "target": "/sip/config.yaml"}]},
        {"command": ["--config=/etc/sip.yaml"], "volumes": ["./sip.yaml:/etc/sip.yaml"]},
        {"environment": {"SIP_CONFIG_FILE": "/run/secrets/sip"}, "secrets": [{"target": "/run/secrets/sip"}]},
        {"entrypoint": ["livekit-sip", "--config", "/x"], "volumes": ["a:/x"]},
    ],
)  # fmt: skip
def test_a_livekit_sip_that_gets_its_configuration(spec: dict[str, Any]) -> None:
    assert of_sip(**spec) == []


@pytest.mark.parametrize(
    ("service", "is_backend"),
    [
        ({"image": "lasuite/meet-backend:v1.27.0", "environment": {"LIVEKIT_API_KEY": "meet"}}, True),
        ({"image": "any", "environment": {"DJANGO_CONFIGURATION": "Production", "LIVEKIT_API_KEY": "meet"}}, True),
        ({"image": "any", "environment": {"LIVEKIT_API_URL": "http://livekit:7880", "LIVEKIT_API_KEY": "meet"}}, True),
        ({"image": "agent", "environment": {"LIVEKIT_URL": "ws://livekit:7880", "LIVEKIT_API_KEY": "meet"}}, False),
        ({"image": "livekit/egress", "environment": {"LIVEKIT_API_KEY": "meet"}}, False),
    ],
)
def test_only_a_service_that_runs_meet_is_the_backend(service: dict[str, Any], *, is_backend: bool) -> None:
    yaml = f"port: 7880\nredis: {{address: r}}\nkeys: {{meet: {SECRET}}}\n"
    found = problems({"compose.json": compose(one=service), "livekit.yaml": yaml})
    assert [(one.code, one.level) for one in found if one.code == "CFG127"] == [("CFG127", "error")] * is_backend


def test_a_project_that_publishes_a_whole_range() -> None:
    ports = [
        {"mode": "ingress", "host_ip": "0.0.0.0", "target": at, "published": str(at), "protocol": protocol}
        for at in (5060, *range(10000, 20001)) for protocol in ("udp", "tcp")
    ]  # fmt: skip
    text = json.dumps(
        {"services": {"sip": {"image": "livekit/sip", "ports": ports, "environment": {"SIP_CONFIG_BODY": SIP_BODY}}}},
        indent=2,
    )
    assert len(text) > 1_400_000
    assert problems({"compose.json": text}) == []
