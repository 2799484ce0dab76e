"""Where sipctl keeps its files: the user's folders of this system, unless an environment variable says otherwise."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from platformdirs import PlatformDirs

from sipctl.config.own_files import make_folder, secure_all
from sipctl.errors import UncheckedError

_DIRS: Final = PlatformDirs("sipctl", appauthor=False)


def config_path() -> Path:
    """The configuration file that is read when no one names another; it need not exist."""
    return Path(_DIRS.user_config_dir) / "config.toml"


def state_path() -> Path:
    """The folder of the audit, the locks and bug reports (SIPCTL_STATE_DIR); it need not exist."""
    return Path(os.environ.get("SIPCTL_STATE_DIR") or _DIRS.user_state_dir)


def state_dir() -> Path:
    """The same, made with 0700 if it is not there; the files in it are closed to others.

    Raises:
        UncheckedError: it cannot be made.
    """
    folder = state_path()
    try:
        make_folder(folder)
    except OSError as error:
        raise UncheckedError(
            f"cannot make the folder {folder}: {error.strerror}", code="folder", hint="SIPCTL_STATE_DIR names another"
        ) from error
    secure_all(folder)
    return folder


def data_path() -> Path:
    """The folder of the embedded registries (SIPCTL_DATA_DIR); it need not exist."""
    return Path(os.environ.get("SIPCTL_DATA_DIR") or _DIRS.user_data_dir)


def own_folders() -> list[Path]:
    """The folders of state and data, each once; they need not exist."""
    return list(dict.fromkeys((state_path(), data_path())))


def embedded_registry(profile: str) -> Path:
    """The file of a profile's embedded registry in the data folder; neither need exist.

    Each profile has its own: a PIN that is rotated for one deployment must not change behind another one's rules.
    """
    name = "pins.db" if profile in {"", "default"} else f"pins-{quote(profile, safe='')}.db"
    return data_path() / name


def embedded_registries() -> list[Path]:
    """The files of all embedded registries that exist."""
    return sorted(data_path().glob("pins*.db"))
