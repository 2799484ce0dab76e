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


PROFILE = """\
[profiles.p]
url = "http://x"
api_key = "k"
api_secret_file = "nowhere"
protected = true
protect = ["lobby"]
sip_yaml = "sip.yaml"
[profiles.p.registry]
quarantine_days = 30
[profiles.p.purge]
grace = "2h"
[[profiles.p.ignore]]
code = "TRK309"
reason = "a firewall"
until = 2027-06-30
"""


def rows(*words: str) -> tuple[dict[str, tuple[object, str]], str]:
    ended = run(*words, "config", "show", "-o", "json", env=clean_env())
    assert ended.code == 0, ended
    return {row["name"]: (row["value"], row["origin"]) for row in json.loads(ended.stdout)["items"]}, ended.stderr


def test_every_setting_in_force_is_shown(config: Path) -> None:
    config.parent.mkdir()
    config.write_text(PROFILE.replace("api_secret_file", "api_secret"))
    shown, _ = rows("--config", str(config))
    origin = f"of profile 'p' in {config}"
    expected = {
        "protected": True, "protect": ["lobby"], "sip_yaml": str(config.parent / "sip.yaml"),
        "registry.quarantine_days": 30, "purge.grace": "2h", "ignore": ["TRK309 until 2027-06-30: a firewall"],
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == {
        name: (value, f"{name} {origin}") for name, value in expected.items()
    }
    defaults = {
        "registry.layout": "sipctl", "registry.leading_zero": True, "registry.doubles": True, "purge.max_delete": 20,
        "purge.max_delete_percent": 30, "env_files": [], "livekit_yaml": None, "compose_json": None,
    }  # fmt: skip
    assert {name: shown[name] for name in defaults} == {name: (value, "default") for name, value in defaults.items()}


def test_every_setting_has_a_default_without_a_profile() -> None:
    shown, _ = rows()
    assert (shown["protected"], shown["purge.grace"]) == ((False, "default"), ("10m", "default"))


def test_a_secret_that_cannot_be_read_is_a_row_like_the_others(config: Path) -> None:
    config.parent.mkdir()
    config.write_text(PROFILE)
    shown, said = rows("--config", str(config))
    assert shown["LIVEKIT_API_SECRET"][0] == "unreadable"
    assert shown["LIVEKIT_URL"][0] == "http://x"
    assert f"cannot read {config.parent / 'nowhere'}" in said
    table = run("--config", str(config), "config", "show", env=clean_env()).stdout
    assert "LIVEKIT_API_SECRET\tunreadable" in table
    assert run("--config", str(config), "rules", "list", env=clean_env()).code == 2
