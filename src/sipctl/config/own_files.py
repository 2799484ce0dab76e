"""sipctl's own files in the state and data folders: regular, readable by their owner alone, never links.

They hold PINs in full. A link in their place would lead a write to a file that another user chose, and a pipe would
never end.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sipctl.errors import SafeguardError

_NAMES: Final = (
    "audit.jsonl*",
    "looks.db*",
    "pins*.db*",
    "rotation-*.jsonl",
    "*.lock",
    "*.holder",
    "bug-*.txt",
    "bundle-*.json",
)
"""What sipctl calls its files. In a folder that others use, too, everything else is left alone."""
_OTHERS: Final = 0o077
_FOLDERS_HINT: Final = "SIPCTL_STATE_DIR and SIPCTL_DATA_DIR name other folders"


def make_folder(folder: Path) -> None:
    """Make a folder, and each one above it that is missing, with 0700; `mkdir` gives those above the umask's mode.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([one for one in folder.parents if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file of ours, secured; one that `flags` make has 0600.

    Raises:
        OSError: it cannot be opened.
        SafeguardError: it cannot be secured.
    """
    secure(path)
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def secure(path: Path) -> None:
    """Take the rights of others from a file of ours, if it is there; opening it reports a folder in its place.

    Raises:
        SafeguardError: a link, or what is no file, is in its place, or it is open to others and another user's.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode):
        if mode & _OTHERS:
            _tighten(path, mode)
    elif not stat.S_ISDIR(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise SafeguardError(
            f"{path} is {kind}, and sipctl keeps its own files itself", code="link", hint=_FOLDERS_HINT
        )


def _tighten(path: Path, mode: int) -> None:
    try:
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SafeguardError(
            f"others can read or write {path} ({stat.S_IMODE(mode):04o}), and it cannot be closed: {error.strerror}",
            code="loose-file",
            hint=f"make it yours, with mode 0600; {_FOLDERS_HINT}",
        ) from error


def secure_all(folder: Path) -> None:
    """Take the rights of others from all files of ours in a folder, as far as this user may."""
    for path, _ in loose_files(folder):
        try:
            secure(path)
        except SafeguardError:
            continue  # opening it is refused, and the doctor names it


def secure_database(path: Path) -> None:
    """Make the folder of an SQLite file of ours, and take the rights of others from the file and its logs.

    Raises:
        OSError: the folder cannot be made.
        SafeguardError: one of them cannot be secured.
    """
    make_folder(path.parent)
    for suffix in ("", "-wal", "-shm", "-journal"):
        secure(path.with_name(path.name + suffix))


def is_open_folder(folder: Path) -> bool:
    """Whether others can put files into a folder of ours, or take ours away."""
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def loose_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file of ours in a folder that is not as it should be, and how it is: "0644", "a link", "no regular file"."""
    try:
        entries = sorted(one for one in folder.iterdir() if any(map(one.match, _NAMES)))
    except OSError:
        return
    for path in entries:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue  # SQLite takes its logs away when the last connection ends
        if stat.S_ISLNK(mode):
            yield path, "a link"
        elif not stat.S_ISREG(mode):
            yield path, "no regular file"
        elif mode & _OTHERS:
            yield path, f"{stat.S_IMODE(mode):04o}"
