"""The file that `config init` writes: private, whole or not at all, never over another by accident."""

import errno
import os
import stat
from pathlib import Path

import pytest

from sipctl.cli.config.common import write_config
from sipctl.errors import SafeguardError, UncheckedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "config.toml"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_new_file_is_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_config(path, "x = 1\n", force=False) is None
    finally:
        os.umask(before)
    assert (path.read_text(), mode(path), mode(path.parent)) == ("x = 1\n", 0o600, 0o700)
    assert names(path) == ["config.toml"]


def test_never_over_another_file(path: Path) -> None:
    write_config(path, "old", force=False)
    with pytest.raises(SafeguardError, match="exists") as caught:
        write_config(path, "new", force=False)
    assert "--force" in caught.value.hint
    assert (path.read_text(), names(path)) == ("old", ["config.toml"])


def test_with_force_the_old_file_stays_beside_it(path: Path) -> None:
    write_config(path, "old", force=False)
    kept = write_config(path, "new", force=True)
    assert kept == path.with_name("config.toml.bak")
    assert (path.read_text(), kept.read_text()) == ("new", "old")
    assert mode(path) == 0o600
    assert names(path) == ["config.toml", "config.toml.bak"]
    assert write_config(path.with_name("other.toml"), "x", force=True) is None


def test_a_full_disk_leaves_the_old_file_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(path, "old", force=False)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(UncheckedError, match="No space left"):
        write_config(path, "new", force=True)
    assert path.read_text() == "old"
    assert names(path) == ["config.toml"]


def test_at_no_moment_there_is_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(path, "old", force=False)
    replace = os.replace

    def last_step_fails(source: Path, target: Path) -> None:
        if Path(target) == path:
            full_disk()
        replace(source, target)

    monkeypatch.setattr(os, "replace", last_step_fails)
    with pytest.raises(UncheckedError):
        write_config(path, "new", force=True)
    assert path.read_text() == "old"


def test_a_folder_in_its_place_is_not_moved_away(path: Path) -> None:
    (path / "precious").mkdir(parents=True)
    with pytest.raises((SafeguardError, UncheckedError)):
        write_config(path, "new", force=True)
    assert (path / "precious").is_dir()


def test_a_place_that_cannot_be_written(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(UncheckedError, match="cannot write"):
        write_config(path, "new", force=False)
