"""`config init`: an installation that is found, options, and a person who is asked."""

import json
import os
import pty
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.canary import SECRET
from tests.support.running import assert_error, clean_env, command, run


@pytest.fixture
def meet(tmp_path: Path) -> Path:
    folder = tmp_path / "meet"
    (folder / "env.d").mkdir(parents=True)
    (folder / "livekit").mkdir()
    (folder / "env.d" / "hosts").write_text("LIVEKIT_HOST=livekit.example.org\n")
    (folder / "env.d" / "common").write_text(
        f"LIVEKIT_API_URL = https://${{LIVEKIT_HOST}}\nLIVEKIT_API_KEY=meet\nLIVEKIT_API_SECRET={SECRET}\n"
    )
    (folder / "env.d" / "common.dist").write_text("LIVEKIT_API_KEY=template\n")
    (folder / "env.d" / "postgresql").write_text("DB_HOST=db\n")
    (folder / "livekit" / "server.yaml").write_text(f"port: 7880\nkeys: {{meet: {SECRET}}}\n")
    (folder / "livekit" / "sip.yaml").write_text("ws_url: ws://livekit:7880\nsip_port: 5060\n")
    (folder / "compose.json").write_text(json.dumps({"services": {"sip": {"image": "livekit/sip"}}}))
    (folder / "picture.png").write_bytes(b"\x89PNG\xff")
    return folder


def test_an_installation_is_found_and_used(config: Path, meet: Path) -> None:
    ended = run("--config", str(config), "--profile", "prod", "config", "init", "--from", str(meet))
    assert ended.code == 0
    assert config.stat().st_mode & 0o777 == 0o600
    shown = run("--config", str(config), "config", "show", "--origin", "-o", "json")
    values = {row["name"]: row for row in json.loads(shown.stdout)["items"]}
    assert values["LIVEKIT_URL"]["value"] == "https://livekit.example.org"
    assert values["LIVEKIT_API_KEY"]["origin"] == f"LIVEKIT_API_KEY in {meet / 'env.d' / 'common'}:2"
    assert values["LIVEKIT_API_SECRET"]["value"] == "********"
    assert SECRET not in ended.stdout + shown.stdout + config.read_text()
    for name in ("server.yaml", "sip.yaml", "compose.json", "env.d/hosts", "env.d/postgresql"):
        assert name in config.read_text()
    assert ".dist" not in config.read_text()


def test_what_the_files_say_is_in_the_profile(config: Path, meet: Path) -> None:
    urls = "[http://other.example.org/, https://meet.example.org/api/v1.0/rooms/webhooks-livekit/]"
    server = meet / "livekit" / "server.yaml"
    server.write_text(f"{server.read_text()}webhook: {{api_key: meet, urls: {urls}}}\n")
    (meet / "livekit" / "sip.yaml").write_text("ws_url: ws://livekit:7880\nhealth_port: 8081\nprometheus_port: 6790\n")
    ended = run("--config", str(config), "--profile", "prod", "config", "init", "--from", str(meet), "-o", "json")
    settings = json.loads(ended.stdout)["item"]["settings"]
    assert settings == tomllib.loads(config.read_text())["profiles"]["prod"]
    assert settings["webhook_url"] == "https://meet.example.org/api/v1.0/rooms/webhooks-livekit/"
    assert settings["sip_health_url"] == "http://127.0.0.1:8081"
    assert settings["sip_metrics_url"] == "http://127.0.0.1:6790"
    assert settings["registry"] == {"layout": "meet"}
    assert re.fullmatch(settings["room_pattern"], "3f1c0a5e-0d6b-4b8e-9f0a-2b7c1d4e5f60")
    assert json.loads(ended.stdout)["item"]["next"] == [
        f"sipctl --config {config} --profile prod config validate",
        f"sipctl --config {config} --profile prod doctor",
    ]
    for line in json.loads(ended.stdout)["item"]["next"]:
        assert run(*shlex.split(line)[1:]).code in {0, 1, 3}


def test_what_an_option_says_goes_over_what_the_files_say(config: Path, meet: Path) -> None:
    (meet / "livekit" / "sip.yaml").write_text("ws_url: ws://livekit:7880\nhealth_port: 8081\n")
    words = ("config", "init", "--from", str(meet), "--sip-health-url", "http://sip:1")
    assert run("--config", str(config), *words).code == 0
    assert tomllib.loads(config.read_text())["profiles"]["default"]["sip_health_url"] == "http://sip:1"


def test_files_of_another_backend_are_not_taken_for_meets(config: Path, meet: Path) -> None:
    (meet / "env.d" / "postgresql").unlink()
    assert run("--config", str(config), "config", "init", "--from", str(meet)).code == 0
    written = tomllib.loads(config.read_text())["profiles"]["default"]
    assert not {"registry", "room_pattern", "webhook_url"} & written.keys()


def test_by_options_alone(config: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(sandbox.api_secret.reveal() + "\n")
    base = ("--config", str(config), "config", "init", "--url", sandbox.url, "--api-key", sandbox.api_key)
    assert run(*base, "--api-secret-file", str(secret)).code == 0
    assert run("--config", str(config), "room", "list").code == 0
    assert_error(run(*base, "--api-secret-file", str(secret)), 5)
    before = config.read_text()
    piped = run(*base, "--api-secret-stdin", "--force", stdin=f"{sandbox.api_secret.reveal()}\n".encode())
    assert piped.code == 0
    assert sandbox.api_secret.reveal() not in piped.stdout
    assert config.with_name("config.toml.bak").read_text() == before
    assert run("--config", str(config), "room", "list").code == 0


def test_no_one_to_ask(config: Path) -> None:
    for given in (
        (),
        ("--url", "http://x"),
        ("--url", "http://x", "--api-key", "k"),
        ("--url", "nonsense", "--api-key", "k"),
    ):
        ended = run("--config", str(config), "config", "init", *given)
        assert_error(ended, 2)
    assert_error(run("--config", str(config), "config", "init", "--from", "/nowhere"), 2)
    named = ("--url", "http://x", "--api-key", "k", "--api-secret-file", "/nowhere")
    assert_error(run("--config", str(config), "config", "init", *named), 2, "--api-secret-file: cannot read /nowhere")
    assert not config.exists()


def test_a_dry_run_writes_nothing(config: Path, meet: Path) -> None:
    ended = run("--config", str(config), "config", "init", "--from", str(meet), "--dry-run")
    assert ended.code == 0
    assert ended.stdout.startswith("would write")
    assert not config.exists()


def test_a_person_is_asked(config: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command()[0], command("--config", str(config), "config", "init"), clean_env())
    seen = b""
    answers = {
        b"LiveKit's address": b"http://127.0.0.1:7880\n",
        b"API key": b"devkey\n",
        b"API secret": SECRET.encode() + b"\n",
    }
    for question, answer in answers.items():
        while question + b":" not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, answer)
    try:
        while chunk := os.read(terminal, 1024):
            seen += chunk
    except OSError:
        pass  # the other end of the terminal is closed
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert SECRET.encode() not in seen
    assert SECRET in config.read_text()


def test_a_refused_init_changes_nothing(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("# mine\n")
    given = ("--config", str(config), "config", "init", "--url", "http://x", "--api-key", "k", "--api-secret-stdin")
    assert_error(run(*given, stdin=b"s\n"), 5, str(config), "--force")
    for words in (("--dry-run",), ("--dry-run", "--force")):
        run(*given, *words, stdin=b"s\n")
    assert config.read_text() == "# mine\n"
    assert [entry.name for entry in config.parent.iterdir()] == ["config.toml"]


def test_a_dry_run_refuses_what_the_run_would_refuse(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("# mine\n")
    given = ("--config", str(config), "config", "init", "--url", "http://x", "--api-key", "k", "--api-secret-stdin")
    assert_error(run(*given, "--dry-run", stdin=b"s\n"), 5)


def test_written_as_utf8_in_any_locale(config: Path) -> None:
    given = ("--config", str(config), "config", "init", "--url", "http://x", "--api-key", "k", "--api-secret-stdin")
    env = clean_env(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    ended = run(*given, env=env, stdin=b"s\n")
    assert ended.code == 0, ended
    assert config.read_text(encoding="utf-8").startswith("#")
