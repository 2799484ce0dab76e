"""The text that `config init` writes is read back as what was meant."""

from pathlib import Path

from sipctl.config.discover import Found
from sipctl.config.file import parse_config
from sipctl.config.writing import profile_from, render


def test_what_is_rendered_is_read_back(tmp_path: Path) -> None:
    found = Found(env_files=(tmp_path / "env.d" / "common", Path("/abs/env")), livekit_yaml=tmp_path / "livekit.yaml")
    chosen = {"url": 'http://x/"\\', "api_key": "", "sip_host": None, "webhook_url": "http://y/"}
    table = profile_from(found, chosen, tmp_path.resolve())
    assert table == {
        "livekit_yaml": "livekit.yaml", "env_files": ["env.d/common", "/abs/env"],
        "url": 'http://x/"\\', "webhook_url": "http://y/",
    }  # fmt: skip
    for name in ("prod", "a.b", "ümläut", 'quo"te', ""):
        text = render(name, table)
        file, faults = parse_config(text)
        assert faults == []
        assert file
        assert file.default_profile == name
        assert file.profiles[name].env_files == ["env.d/common", "/abs/env"]
        assert text.startswith("#")
