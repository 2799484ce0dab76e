"""A compose file as people keep it is read as compose itself reads it: rendered.json is what compose-go made of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from sipctl.config.compose_yaml import parse_compose_yaml
from sipctl.config.composefile import ComposeFile
from tests.support.running import clean_env, run

FOLDER = Path(__file__).parents[1] / "data" / "compose"
FILE = FOLDER / "docker-compose.yml"
RENDERED = json.loads((FOLDER / "rendered.json").read_text())["services"]


def parse(text: str, folder: Path) -> ComposeFile:
    return parse_compose_yaml(folder / "compose.yaml", text)


def published(spec: Any) -> list[tuple[str, int, str]]:
    ports = [port for port in spec.get("ports") or () if port.get("published")]
    return sorted((port["published"], port["target"], port["protocol"]) for port in ports)


@pytest.mark.parametrize("service", RENDERED)
def test_it_is_what_compose_renders(service: str) -> None:
    theirs, ours = RENDERED[service], parse_compose_yaml(FILE, FILE.read_text())
    assert ours.faults == ()
    assert ours.environment(service) == {name: text for name, text in theirs["environment"].items() if text is not None}
    assert ours.services[service].get("image") == theirs.get("image")
    assert published(ours.services[service]) == published(theirs)
    if theirs.get("command"):
        options = [word for word in theirs["command"] if word.startswith("--")]
        assert [ours.option(service, word) for word in options] == [
            theirs["command"][theirs["command"].index(word) + 1] for word in options
        ]


def test_a_finding_has_the_line_of_the_file() -> None:
    ours = parse_compose_yaml(FILE, FILE.read_text())
    lines = FILE.read_text().splitlines()
    assert lines[ours.line("livekit", "environment", "LIVEKIT_KEYS") - 1].strip().startswith('- "LIVEKIT_KEYS')
    assert lines[ours.line("sip", "environment", "SIP_CONFIG_BODY") - 1].strip().startswith("SIP_CONFIG_BODY")
    assert lines[ours.line("livekit") - 1] == "  livekit:"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {a: {extends: a}}", "extends itself"),
        ("services: {a: {extends: {file: none.yaml, service: b}}}", "extends what cannot be read"),
        ("services: {a: {env_file: none.env}}", "cannot read"),
        ("services: {a: {environment: {X: '${NOWHERE}'}}}", "${NOWHERE} is not set in .env"),
        ("services: {a: {ports: [many]}}", "'many' is no port"),
        ("services: [a]", "has no services"),
        ("services: {a: {image: [}", "is not YAML"),
    ],
)
def test_what_cannot_be_filled_in_is_a_fault(text: str, message: str, tmp_path: Path) -> None:
    faults = parse(text, tmp_path).faults
    assert message in " ".join(fault.message for fault in faults)


def test_defaults_of_defaults(tmp_path: Path) -> None:
    text = "services: {a: {environment: {X: '${A:-${B:-${C:-inner}}}'}}}"
    assert parse(text, tmp_path).environment("a") == {"X": "inner"}


@pytest.mark.parametrize(
    "spec", ["", "null", "text", "{environment: text}", "{ports: 5}", "{env_file: {}}", "{extends: []}"]
)
def test_services_of_odd_shapes_are_survived(spec: str, tmp_path: Path) -> None:
    assert parse(f"services: {{a: {spec}}}", tmp_path).environment("a") == {}


def test_config_validate_reads_it_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    checked = run("config", "validate", "docker-compose.yml", "-o", "json", env=clean_env(PATH="/nonexistent"))
    found = {one["code"]: one for one in json.loads(checked.stdout)["findings"] if one["level"] in {"error", "warn"}}
    assert "CFG101" not in found
    assert "LIVEKIT_API_KEY" not in json.dumps([one["detail"] for one in found.values()])


def test_a_wrong_secret_of_the_sip_node_is_found_across_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET=one-secret-of-at-least-32-characters\n")
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n"
        "  livekit:\n    image: livekit/livekit-server:v1.13.5\n    environment:\n"
        "      LIVEKIT_CONFIG: |\n        keys: {meet: '${SECRET}'}\n        redis: {address: 'redis:6379'}\n"
        "  sip:\n    image: livekit/sip:v1.8.0\n    network_mode: host\n    environment:\n"
        "      SIP_CONFIG_BODY: |\n        api_key: meet\n"
        "        api_secret: another-secret-of-at-least-32-characters\n"
        "        ws_url: ws://livekit:7880\n        redis: {address: 'redis:6379'}\n"
    )
    checked = run("config", "validate", str(tmp_path / "docker-compose.yml"), "-o", "name", env=clean_env())
    assert "CFG122" in checked.stdout.split()
    assert "another-secret" not in checked.stdout + checked.stderr
