"""Files that hold secrets: which are open to others, and which are not there."""

from pathlib import Path
from typing import Any

import pytest

from sipctl.config.deployment import Source
from sipctl.config.validate import validate
from sipctl.findings.record import Finding

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
COMPOSE = '{"services": {"one": {"image": "any", "environment": %s}}}'


def found_in(path: Path, code: str) -> list[Finding]:
    return [one for one in validate([Source(path, path.read_text())]) if one.code == code and one.level != "ok"]


HOLDERS = {
    "env": ("common", f"A=1\nLIVEKIT_API_SECRET={SECRET}\n", "LIVEKIT_API_SECRET"),
    "env-database": ("common", "DB_PASSWORD=x\nA=1\n", "DB_PASSWORD"),
    "env-django": ("common", "DJANGO_SECRET_KEY=x\nA=1\n", "DJANGO_SECRET_KEY"),
    "env-address": ("common", "DATABASE_URL=postgres://u:p@db/meet\nA=1\n", "DATABASE_URL"),
    "server": ("livekit.yaml", f"port: 7880\nkeys: {{meet: {SECRET}}}\n", "keys"),
    "server-redis": ("livekit.yaml", "port: 7880\nredis: {address: r, password: x}\n", "redis.password"),
    "server-turn": ("livekit.yaml", "port: 1\nrtc: {turn_servers: [{secret: x}]}\n", "rtc.turn_servers[0].secret"),
    "sip": ("sip.yaml", f"sip_port: 5060\napi_secret: {SECRET}\n", "api_secret"),
    "compose": ("c.json", COMPOSE % '{"DB_PASSWORD": "x"}', "DB_PASSWORD"),
    "compose-list": ("c.json", COMPOSE % '["LIVEKIT_KEYS=a: b"]', "LIVEKIT_KEYS"),
    "sipctl": ("c.toml", '[profiles.p]\nurl = "http://x"\napi_key = "k"\napi_secret = "s"\n', "profiles.p.api_secret"),
    "sipctl-registry": ("c.toml", '[profiles.p]\nregistry = {url = "postgresql://u@h/d"}\n', "a secret"),
}


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize(("mode", "is_open"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_every_file_that_holds_a_secret(tmp_path: Path, name: str, mode: int, *, is_open: bool) -> None:
    file, text, secret = HOLDERS[name]
    path = tmp_path / file
    path.write_text(text)
    path.chmod(mode)
    found = [(one.level, one.resource, one.detail) for one in found_in(path, "CFG110")]
    assert found == [("warn", str(path), f"holds {secret} and is open to other users")] * is_open


NONE = {
    "env": ("common", "LIVEKIT_API_KEY=meet\nOIDC_OP_TOKEN_ENDPOINT=https://x\nTOKEN_TTL_SECONDS=300\nDB_PASSWORD=\n"),
    "env-file": ("common", "A=1\nREDIS_URL=redis://redis:6379/1\nMEET_URL=https://meet.example.org\n"),
    "server": ("livekit.yaml", "port: 7880\nredis: {address: r, password: ''}\nkey_file: nowhere\n"),
    "sip": ("sip.yaml", "sip_port: 5060\napi_key: meet\nws_url: ws://x\n"),
    "compose": ("c.json", COMPOSE % '{"A": "b"}'),
    "sipctl": ("c.toml", '[profiles.p]\nurl = "http://x"\napi_key = "k"\napi_secret_file = "s"\n'),
}


@pytest.mark.parametrize("name", NONE)
def test_a_file_without_a_secret_may_be_open(tmp_path: Path, name: str) -> None:
    path = tmp_path / NONE[name][0]
    path.write_text(NONE[name][1])
    path.chmod(0o644)
    assert found_in(path, "CFG110") == []


@pytest.mark.parametrize(
    ("file", "text", "level"),
    [
        ("common", "A=1\nLIVEKIT_API_SECRET_FILE=secret\n", "warn"),
        ("livekit.yaml", "port: 1\nkey_file: secret\n", "error"),
        ("c.toml", '[profiles.p]\napi_secret_file = "secret"\n', "warn"),
        ("livekit.yaml", "port: 1\nturn:\n  cert_file: secret\n", None),
        ("common", "A=1\nLIVEKIT_API_KEY_FILE=secret\n", None),
    ],
)  # fmt: skip
def test_a_file_of_a_secret_that_is_open(tmp_path: Path, file: str, text: str, level: Any) -> None:
    (tmp_path / file).write_text(text)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    line = text.count("\n")
    assert [(one.level, one.resource) for one in found_in(tmp_path / file, "CFG110")] == (
        [(level, f"{tmp_path / file}:{line}")] if level else []
    )
    secret.chmod(0o600)
    assert found_in(tmp_path / file, "CFG110") == []


@pytest.mark.parametrize(
    ("file", "text", "level"),
    [
        ("common", "A=1\nLIVEKIT_API_SECRET_FILE=/run/secrets/x\n", "warn"),
        ("livekit.yaml", "port: 1\nkey_file: nowhere\n", "warn"),
        ("c.toml", '[profiles.p]\napi_secret_file = "nowhere"\n', "error"),
    ],
)
def test_a_file_that_is_not_there_is_an_error_where_sipctl_needs_it(
    tmp_path: Path, file: str, text: str, level: str
) -> None:
    (tmp_path / file).write_text(text)
    assert [(one.level, one.resource) for one in found_in(tmp_path / file, "CFG108")] == [
        (level, f"{tmp_path / file}:2")
    ]
