"""Logins and tokens in addresses reach neither screen nor file, whatever the command and the format."""

import itertools
import json
from pathlib import Path

import pytest

from tests.support.peers.hostile import hostile, says
from tests.support.running import Result, clean_env, run

CANARY = "hunter2"
SHAPES = (
    "http://u:{}@127.0.0.1:1/x", "http://u:{}@@127.0.0.1:1/x", "http://u:a/{}@127.0.0.1:1/x", "http://u:?{}@127.0.0.1:1",
    "http://127.0.0.1:1/x?token={}", "http://127.0.0.1:1/#{}", "u:{}@127.0.0.1:1", "http://u:{}@[::1", "postgresql://u:{}@h@h/d",
    "postgresql://u@127.0.0.1:1/d?password={}", "mysql://u:{}@h/d", "sip:u:{}@127.0.0.1",
)  # fmt: skip
SETTINGS = (
    "LIVEKIT_URL", "SIPCTL_WEBHOOK_URL", "SIPCTL_SIP_HEALTH_URL", "SIPCTL_SIP_METRICS_URL", "SIPCTL_REGISTRY_URL",
    "SIPCTL_REGISTRY_STATE_URL", "SIPCTL_SIP_HOST", "HTTP_PROXY",
)  # fmt: skip
COMMANDS = (
    "config show", "config show --origin -o json", "config validate -v", "rules list -v",
    "doctor --settle 0 -v -o json", "pin assign a --no-live", "rules purge -o json", "room create a",
)  # fmt: skip
CASES = list(itertools.product(SETTINGS, SHAPES))


def files_below(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def assert_unseen(ended: Result, tmp_path: Path) -> None:
    assert CANARY not in ended.stdout + ended.stderr, ended
    assert CANARY.encode() not in files_below(tmp_path / "state") + files_below(tmp_path / "data")


@pytest.mark.parametrize("words", COMMANDS)
def test_what_the_environment_says_is_masked(words: str, tmp_path: Path) -> None:
    for setting, shape in CASES[len(words) % 2 :: 2]:
        server = {"LIVEKIT_URL": "http://127.0.0.1:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s" * 32}
        env = clean_env(**(server | {setting: shape.format(CANARY)}))
        assert_unseen(run(*words.split(), "--timeout", "0.5", env=env), tmp_path)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_files_say_is_masked(shape: str, tmp_path: Path) -> None:
    url = shape.format(CANARY)
    (config := tmp_path / "config.toml").write_text(
        f'[profiles.p]\nurl = "{url}"\napi_key = "k"\napi_secret = "{"s" * 32}"\nwebhook_url = "{url}"\n'
        f'sip_host = "{url}"\nenv_files = ["meet.env"]\nlivekit_yaml = "server.yaml"\nsip_yaml = "sip.yaml"\n'
        f'[profiles.p.registry]\nurl = "{url}"\n'
    )
    (tmp_path / "meet.env").write_text(f"LIVEKIT_API_URL={url}\nDATABASE_URL={url}\nROOM_TELEPHONY_ENABLED=True\n")
    (tmp_path / "server.yaml").write_text(
        f"keys:\n  k: {'s' * 32}\nredis:\n  address: '{url}'\nwebhook:\n  api_key: k\n  urls: ['{url}']\nodd: '{url}'\n"
    )
    (tmp_path / "sip.yaml").write_text(f"api_key: k\napi_secret: x\nws_url: '{url}'\nredis:\n  address: '{url}'\n")
    for words in (
        "config validate -v",
        "config validate -o json",
        "config show --origin",
        "rules list",
        "doctor -o junit",
    ):
        ended = run(*words.split(), "--config", str(config), "--profile", "p", "--timeout", "0.5", env=clean_env())
        assert_unseen(ended, tmp_path)


SAID = "dial redis://u:hunter2@h:6379: password=hunter2, see https://h/?token=hunter2"
ANSWERS = {
    "internal": says(500, json.dumps({"code": "internal", "msg": SAID}), "application/json"),
    "refused": says(400, json.dumps({"code": "invalid_argument", "msg": SAID}), "application/json"),
    "a code of its own": says(500, json.dumps({"code": SAID, "msg": SAID}), "application/json"),
    "elsewhere": says(302, SAID, location="https://u:hunter2@h/?token=hunter2"),
    "a proxy": says(502, SAID),
    "no LiveKit": says(200, SAID),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_a_server_says_is_masked(answer: str, tmp_path: Path) -> None:
    with hostile(ANSWERS[answer]) as server:
        own = {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s" * 32}
        env = clean_env(**own, SIPCTL_SIP_HEALTH_URL=server.url, SIPCTL_SIP_METRICS_URL=server.url)
        for words in (
            "rules list -v",
            "rules purge -o json",
            "doctor --settle 0 -o json",
            "doctor --settle 0 -v",
            "room create a",
        ):
            ended = run(*words.split(), env=env)
            assert ended.code != 0
            assert_unseen(ended, tmp_path)
