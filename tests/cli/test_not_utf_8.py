"""Names and values that are not UTF-8, wherever they come from: one error line and a documented code, or they work."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from sipctl.config.load import read_names
from sipctl.sandbox.server import Sandbox
from tests.support.running import Result, assert_error, clean_env, command, env_of, run

BROKEN = "\udcff"
HALF = "\ud800"
SECRET = "canary-secret-of-more-than-32-characters"


@pytest.mark.parametrize("name", sorted(read_names()))
def test_a_setting_of_the_environment(sandbox: Sandbox, name: str) -> None:
    for line in ("rules purge", "pin assign a --no-live --dry-run", "config show", "doctor --settle 0"):
        result = run(*line.split(), env=env_of(sandbox, **{name: f"x{BROKEN}"}))
        assert_error(result, 2, f"{name} in the environment is not UTF-8")
        assert not sandbox.calls


@pytest.mark.parametrize("name", ["DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_PORT", "DATABASE_URL"])
def test_a_setting_of_meets_database(tmp_path: Path, name: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles.p.registry]\nlayout = "meet"\n')
    value = f"postgresql://u:x{BROKEN}@127.0.0.1:1/x" if name == "DATABASE_URL" else f"x{BROKEN}"
    env = clean_env(SIPCTL_CONFIG=str(config), DB_PORT="1") | {name: value}
    assert_error(run("pin", "list", env=env), 2)


@pytest.mark.parametrize("host", ["a..b", "a" * 300, f"x{BROKEN}"])
def test_a_host_that_is_none(host: str) -> None:
    assert_error(run("pin", "list", env=clean_env(SIPCTL_REGISTRY_URL=f"postgresql://u@{host}:1/x")), 2)


@pytest.mark.parametrize("name", ["SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR", "HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME"])
def test_a_folder_or_a_user_of_such_a_name(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    env = env_of(sandbox, **{name: str(tmp_path / f"x{BROKEN}")})
    for line in ("pin assign demo", "rules create --room demo --pin-from-registry", "config path -o json"):
        result = run(*line.split(), env=env)
        assert result.code in {0, 3}, result
        assert "Traceback" not in result.stderr


def test_a_current_folder_of_such_a_name(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / f"x{BROKEN}"
    folder.mkdir()
    (folder / "env").write_text(f"LIVEKIT_API_URL={sandbox.url}\nLIVEKIT_API_KEY=devkey\nLIVEKIT_API_SECRET=x\n")
    for line, code in (
        ("config validate env", 0),
        ("rules export rules.json", 0),
        ("config init --from . --config here.toml", 0),
        ("config init --from . --config ../there.toml", 2),
    ):
        ended = subprocess.run(
            command(*line.split()), env=env_of(sandbox), cwd=os.fsencode(folder), capture_output=True, check=False
        )
        assert (ended.returncode, b"Traceback" in ended.stderr) == (code, False), ended
    assert not (tmp_path / "there.toml").exists()


def test_an_installation_with_files_of_such_names(tmp_path: Path) -> None:
    meet = tmp_path / "meet"
    meet.mkdir()
    (meet / f"env{BROKEN}").write_text(f"LIVEKIT_API_URL=http://x\nLIVEKIT_API_KEY=k\nLIVEKIT_API_SECRET={SECRET}\n")
    result = run("config", "init", "--from", str(meet), "--config", str(tmp_path / "c.toml"))
    assert_error(result, 2, "env\\udcff is not UTF-8", "rename it")
    assert not (tmp_path / "c.toml").exists()


def test_files_with_such_bytes(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b'{"room": "caf\xe9", "pin": "4821930571"}\n')
    here = str(file)
    for words in (
        ("--env-file", here, "rules", "list"),
        ("pin", "import", here),
        ("rules", "create", "--from-file", here),
        ("rules", "restore", "--from-export", here),
        ("rules", "lint", "--offline", here),
        ("rules", "test", here),
        ("sandbox", "run", "--seed", here),
    ):
        assert_error(run(*words, env=env_of(sandbox)), 2, "not UTF-8")
    assert run("rules", "explain", "--log", here, env=env_of(sandbox)).code in {0, 6}
    assert_error(run("pin", "lookup", stdin=b"\xff\n"), 2, "not UTF-8")
    for line in ("assign --stdin", "rotate --stdin"):
        assert_error(run("pin", *line.split(), stdin=b"caf\xe9\n"), 2, "line 1 of stdin is not UTF-8")


RULE = {"name": "x", "rule": {"dispatch_rule_direct": {"room_name": HALF, "pin": "4821930571"}}}
SNAPSHOTS = [
    {"rules": [RULE]},
    {"rules": [{"name": HALF, "rule": {"dispatch_rule_direct": {"room_name": "demo"}}}]},
    {"rules": [{"trunk_ids": [HALF]}]},
    {"rules": [{"attributes": {HALF: "x"}}]},
    {"rules": [{"attributes": {"x": HALF}}]},
    {"trunks": [{"name": HALF}]},
    {"rooms": [{"name": HALF}]},
]


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
def test_half_a_character_in_a_snapshot(sandbox: Sandbox, tmp_path: Path, snapshot: object) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(snapshot))
    for line in (
        "rules test cases.toml --init --offline FILE",
        "rules lint --offline FILE",
        "rules explain --from +331 --to +332 --offline FILE",
        "doctor --offline --snapshot FILE",
        "rules restore --from-export FILE",
    ):
        words = [str(file) if word == "FILE" else word for word in line.split()]
        assert_error(run(*words, env=env_of(sandbox)), 2, "half a character")


def ask(sandbox: Sandbox, line: str, stdin: object) -> Result:
    return run(*line.split(), env=env_of(sandbox), stdin=json.dumps(stdin).encode())


def test_half_a_character_elsewhere(sandbox: Sandbox, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text('{"trunks": [], "rules": []}')
    for line, stdin, codes in (
        ("rules create --from-file -", {"dispatch_rule": RULE}, {2}),
        ("trunk create --from-file -", {"trunk": {"name": HALF, "numbers": ["+331"]}}, {2}),
        (f"rules explain --offline {snapshot} --calls -", {"from": HALF, "to": HALF, "pin": HALF, "id": HALF}, {0}),
        ("rules explain --log -", {"level": "info", "ts": 1.0, "msg": "x", "callID": f"SCL_{HALF}"}, {0, 6}),
        (f"rules test - --offline {snapshot}", {"name": HALF, "from": HALF, "to": "+1", "expect": {"room": HALF}}, {1}),
        ("config validate -", {"services": {HALF: {"image": HALF, "environment": {"LIVEKIT_API_KEY": HALF}}}}, {0, 1}),
    ):
        for style in ("table", "json", *(["junit"] if "rules test" in line or "validate" in line else [])):
            result = ask(sandbox, f"{line} -o {style}", stdin)
            assert result.code in codes, result
            assert "Traceback" not in result.stderr


def test_a_word_that_is_not_utf_8_is_refused_before_anything_else() -> None:
    for words in (("rules", "export", f"x{BROKEN}"), ("--config", f"x{BROKEN}", "config", "show")):
        assert_error(run(*words, env=clean_env()), 2, "is not UTF-8")
