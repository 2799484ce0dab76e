"""`config path`."""

import json
from pathlib import Path

from tests.support.running import clean_env, run


def test_where_things_are(tmp_path: Path) -> None:
    ended = run("config", "path", "-o", "json")
    item = json.loads(ended.stdout)["item"]
    assert item["state"] == str(tmp_path / "state")
    assert item["config_exists"] is False


def test_paths_as_text_and_by_environment(config: Path, tmp_path: Path) -> None:
    ended = run("config", "path", env=clean_env(SIPCTL_CONFIG=str(config)))
    assert ended.code == 0
    assert str(config) in ended.stdout
    assert str(tmp_path / "state") in ended.stdout
    assert not config.exists()
