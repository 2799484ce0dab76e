"""docs/serve.md by its own words: the unit and the container start what they say."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import free_ports
from tests.support.running import clean_env, until
from tests.support.serving import serving

TEXT = (Path(__file__).parents[3] / "docs" / "serve.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A protected profile `prod` with a registry of its own, and a room with someone in it."""
    sandbox.join("standup", "alice")
    (tmp_path / "secret").write_text(sandbox.api_secret.reveal())
    (tmp_path / "secret").chmod(0o600)
    file = tmp_path / "config.toml"
    file.write_text(
        f'[profiles.prod]\nurl = "{sandbox.url}"\napi_key = "devkey"\napi_secret_file = "{tmp_path / "secret"}"\n'
        f'protected = true\n[profiles.prod.registry]\nurl = "sqlite:///{tmp_path / "pins.db"}"\n'
    )
    file.chmod(0o600)
    return file


def is_healthy(words: Sequence[str], config: Path) -> bool:
    """Whether the command, with a port of this test, gets healthy."""
    words = [*words, "--bind", f"127.0.0.1:{free_ports(1)}"]
    with serving(*words, env=clean_env(SIPCTL_CONFIG=str(config))) as serve:

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"{serve.url}/healthz", timeout=30) as answer:
                    return bool(json.load(answer) == {"status": "ok"})
            except OSError:
                return False

        until(answers)
        return True


def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(block("ini"))
    return parsed


def test_the_unit_starts_and_gets_healthy(config: Path) -> None:
    binary, *words = shlex.split(unit()["Service"]["ExecStart"])
    assert Path(binary).name == "sipctl"
    assert is_healthy(words, config)


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze installed")
    text = block("ini").replace("/usr/local/bin/sipctl", "/bin/true").replace("User=sipctl\n", "")
    (tmp_path / "sipctl-serve.service").write_text(text)
    words = ["systemd-analyze", "verify", str(tmp_path / "sipctl-serve.service")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_starts_the_same_command_and_asks_its_own_health(config: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in block("dockerfile").splitlines())
    binary, *words = json.loads(lines["ENTRYPOINT"])
    assert (binary, words[:2]) == ("sipctl", ["webhook", "serve"])
    assert words[2:] == ["--bind", "0.0.0.0:8090"]
    assert is_healthy([*words[:2], "--profile", "prod", "--confirm", "prod"], config)
    health = shlex.split(lines["HEALTHCHECK"].removeprefix("CMD "))
    compile(health[2], "healthcheck", "exec")
    assert "127.0.0.1:8090/healthz" in health[2]
