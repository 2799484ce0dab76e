"""Files of the state and data folders: 0600 in folders of 0700, and never a link or a pipe."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipctl.sandbox.server import Sandbox
from tests.support.desk import Desk
from tests.support.running import Result, assert_error, clean_env, env_of, run
from tests.support.yard import owned

PIN = "4821930571"
STALE = owned("over", "736150928364")


@pytest.fixture
def env(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    sandbox.join("demo", "alice")
    Desk(server=sandbox, folder=tmp_path).store(STALE)
    return env_of(sandbox)


def use_everything(env: dict[str, str]) -> Result:
    """Commands that leave every kind of file behind; the last one is a rotation."""
    run("pin", "assign", "demo", "--pin-stdin", "--no-live", env=env, stdin=PIN.encode())
    run("rules", "purge", "--apply", env=env)
    return run("pin", "rotate", "demo", "--allow", "live-room", env=env)


def folders(env: dict[str, str]) -> list[Path]:
    return [Path(env[name]) for name in ("SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR")]


def files(env: dict[str, str]) -> list[Path]:
    return sorted(path for folder in folders(env) for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_files_are_private_whatever_the_umask(env: dict[str, str], tmp_path: Path) -> None:
    nested = {"SIPCTL_STATE_DIR": str(tmp_path / "a" / "b" / "state"), "SIPCTL_DATA_DIR": str(tmp_path / "c" / "data")}
    before = os.umask(0)
    try:
        assert use_everything(env | nested).code == 0
    finally:
        os.umask(before)
    names = {path.name for path in files(env | nested)}
    assert {"audit.jsonl", "looks.db", "pins.db"} < names
    assert {mode(path) for path in files(env | nested)} == {0o600}
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c", *folders(env | nested)]
    assert {mode(folder) for folder in made} == {0o700}


def test_what_an_older_version_left_open_is_closed(env: dict[str, str]) -> None:
    use_everything(env)
    for path in files(env):
        path.chmod(0o666)
    (folders(env)[0] / "bug-20250101T000000Z.txt").write_text("an older one")
    foreign = folders(env)[0] / "notes.txt"
    foreign.write_text("not ours")
    foreign.chmod(0o644)
    run("pin", "show", "demo", "--no-live", env=env)
    run("rules", "purge", env=env)
    assert {path.name: mode(path) for path in files(env) if mode(path) != 0o600} == {"notes.txt": 0o644}


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", ["audit.jsonl", "looks.db", "looks.db-wal", "pins.db", ".lock", ".holder"])
def test_a_link_in_their_place_is_refused(env: dict[str, str], tmp_path: Path, name: str, kind: str) -> None:
    use_everything(env)
    here = folders(env)[1 if name.startswith("pins") else 0]
    lock = next(folders(env)[0].glob("*.lock"))
    place = lock.with_suffix(name) if name.startswith(".") else here / name
    place.unlink(missing_ok=True)
    victim = tmp_path / "victim"
    victim.write_text("")
    victim.chmod(0o644)
    if kind == "link":
        place.symlink_to(victim)
    else:
        os.mkfifo(place)
    line = "pin rotate demo --allow live-room" if name == "pins.db" else "rules purge --apply --grace 0"
    ended = run(*line.split(), env=env)
    described = "a link" if kind == "link" else "no regular file"
    assert_error(ended, 5, f"{place} is {described}", "SIPCTL_STATE_DIR")
    assert (victim.read_text(), mode(victim)) == ("", 0o644)


def test_an_audit_that_is_a_link_is_not_read_either(env: dict[str, str], tmp_path: Path) -> None:
    use_everything(env)
    audit = folders(env)[0] / "audit.jsonl"
    audit.rename(tmp_path / "moved")
    audit.symlink_to(tmp_path / "moved")
    assert_error(run("rules", "restore", "x-1", env=env), 5, f"{audit} is a link")


def test_a_bug_report_follows_no_link(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipctl.cli.room.list._view", None)
    state, now = folders(env)[0], datetime.now(UTC)
    state.mkdir()
    for second in range(60):
        name = f"bug-{now + timedelta(seconds=second):%Y%m%dT%H%M%SZ}.txt"
        (state / name).symlink_to(tmp_path / "victim")
    ended = run("room", "list", env=env)
    assert (ended.code, (tmp_path / "victim").exists()) == (70, False)
    assert "the traceback above" in ended.stderr


def test_a_registry_in_a_file_that_settings_name_is_closed_to_all_but_its_group(tmp_path: Path) -> None:
    for rights, left in ((0o666, 0o660), (0o640, 0o640)):
        file = tmp_path / f"pins-{rights}.db"
        env = clean_env(SIPCTL_REGISTRY_URL=f"sqlite:///{file}")
        assert run("pin", "assign", "a", env=env).code == 0
        assert mode(file) == 0o600
        file.chmod(rights)
        assert run("pin", "assign", "b", env=env).code == 0
        assert mode(file) == left


@pytest.mark.parametrize("line", ["doctor --settle 0 --only CFG110 --fail-on warn", "config validate --fail-on warn"])
def test_the_doctor_names_what_is_open(env: dict[str, str], tmp_path: Path, line: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[profiles.prod]\n")
    config.chmod(0o600)
    words = ("--config", str(config), *line.split())
    use_everything(env)
    assert "CFG110" not in run(*words, env=env).stdout
    state, data = folders(env)
    for path in (state / "audit.jsonl", state / "looks.db", data / "pins.db"):
        path.chmod(0o644)
    (state / "rotation-0.jsonl").symlink_to(config)
    ended = run(*words, env=env)
    assert ended.code == 1
    assert "not private: audit.jsonl (0644), looks.db (0644), rotation-0.jsonl (a link)" in ended.stdout
    assert "not private: pins.db (0644)" in ended.stdout


def test_the_doctor_without_a_profile_names_them_too(env: dict[str, str]) -> None:
    use_everything(env)
    state, _ = folders(env)
    (state / "audit.jsonl").chmod(0o640)
    state.chmod(0o777)
    described = run("doctor", "--settle", "0", "--only", "CFG", env=env).stdout
    assert "audit.jsonl (0640)" in described
    assert "others can put files into this folder" in described
