"""`config show`: values and their origins, secrets hidden."""

import json
from pathlib import Path

import pytest

from tests.support.canary import SECRET
from tests.support.running import clean_env, run


@pytest.mark.parametrize("style", ["table", "json", "jsonl", "name"])
@pytest.mark.parametrize("source", ["environment", "profile", "file"])
def test_no_format_shows_the_secret(config: Path, tmp_path: Path, style: str, source: str) -> None:
    config.parent.mkdir()
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    line = f'api_secret_file = "{tmp_path / "secret"}"' if source == "file" else f'api_secret = "{SECRET}"'
    profile = f'[profiles.p]\nurl = "http://x"\napi_key = "k"\n{line}\n'
    config.write_text("" if source == "environment" else profile)
    server = {"LIVEKIT_URL": "http://x", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": SECRET}
    env = clean_env(**(server if source == "environment" else {}))
    ended = run("--config", str(config), "config", "show", "--origin", "-o", style, env=env)
    assert ended.code == 0
    assert "LIVEKIT_API_SECRET" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr


def test_no_profile_is_no_profile_of_that_name() -> None:
    shown = json.loads(run("config", "show", "-o", "json", env=clean_env()).stdout)
    assert {"name": "profile", "value": None, "origin": "default"} in shown["items"]
