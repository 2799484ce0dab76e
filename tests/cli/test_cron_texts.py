"""docs/cron.md by its own words: the crontab line, the units and the CronJob run what they say, as they would."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sipctl.sandbox.server import Sandbox
from sipctl.telephony.model import Room
from tests.support.desk import Desk
from tests.support.running import run
from tests.support.yard import owned

TEXT = (Path(__file__).parents[2] / "docs" / "cron.md").read_text()
BINARY = "/opt/sipctl/bin/sipctl"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path) -> Path:
    desk = Desk(server=sandbox, folder=tmp_path)
    desk.store(owned("stale", "48219305"))
    desk.ask(lambda client: client.create_room(Room(name="live")))
    secret = tmp_path / "secret"
    secret.write_text(sandbox.api_secret.reveal())
    secret.chmod(0o600)
    file = tmp_path / "config.toml"
    file.write_text(
        f'[profiles.default]\nurl = "{sandbox.url}"\napi_key = "{sandbox.api_key}"\napi_secret_file = "{secret}"\n'
    )
    return file


def as_cron(line: str, config: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Cron's own poor environment, and our Python where the line has the one that was installed."""
    line = line.replace(BINARY, f"{shlex.quote(sys.executable)} -m sipctl")
    line = line.replace("/etc/sipctl/config.toml", str(config)).replace(
        "/var/lib/node_exporter/textfile", str(tmp_path)
    )
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "sipctl"}
    return subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True, check=False)


def test_the_line_of_the_crontab(config: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    (line,) = [line for line in blocks("crontab")[0].splitlines() if BINARY in line]
    assert line.startswith("*/15 * * * *  ")
    assert "%" not in line
    command = line.split("  ", 1)[1]
    first = as_cron(command, config, tmp_path)
    assert (first.returncode, first.stdout) == (0, "")
    assert "can be deleted after 10m" in first.stderr
    second = as_cron(command, config, tmp_path)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert "sipctl_rules_last_success_timestamp_seconds" in (tmp_path / "sipctl-purge.prom").read_text()
    sandbox.fault("status=503")
    failed = as_cron(command, config, tmp_path)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (3, "", 1)


def test_the_units(config: Path, tmp_path: Path) -> None:
    service, timer = blocks("ini")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(service)
    ended = as_cron(unit["Service"]["ExecStart"], config, tmp_path)
    assert ended.returncode == 0, ended
    if program := shutil.which("systemd-analyze"):
        folder = tmp_path / "units"
        folder.mkdir()
        (folder / "sipctl-purge.service").write_text(service.replace(BINARY, sys.executable))
        (folder / "sipctl-purge.timer").write_text(timer)
        words = [program, "verify", *map(str, folder.iterdir())]
        checked = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "sipctl-purge" not in checked.stderr


def test_the_cron_job(config: Path) -> None:
    (text,) = [text for text in blocks("yaml") if "CronJob" in text]
    pod = YAML(typ="safe").load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in container["volumeMounts"]}
    assert run(*container["args"][1:], "--config", str(config)).code == 0


def test_observing_twice_needs_no_earlier_run(config: Path, sandbox: Sandbox) -> None:
    (command,) = [text for text in blocks("sh") if "--look-twice" in text]
    words = shlex.split(command.replace("60s", "1s"))[1:]
    assert run(*words, "--config", str(config)).code == 0
    assert not sandbox.store.rules
