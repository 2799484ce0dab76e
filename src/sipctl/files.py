"""Files that a person names: written whole or not at all; pipes, devices and links are written through."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sipctl.errors import SafeguardError, UncheckedError

_STANDARD: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})\Z")
_OTHERS: Final = 0o077
_NEW_FILE: Final = "name a new file: it is made for you alone"


def write_private(path: Path, chunks: Iterable[str], *, over: bool = True, encoding: str = "utf-8") -> None:
    """Write what no one else may read: into a new file with 0600, which takes the place of an older one in one step.

    A link is followed. A pipe or a device is written through, but not one that others can read, nor a terminal.
    `over` False = an older file stays.

    Raises:
        SafeguardError: others would read it, or there is an older file that stays.
        UncheckedError: it cannot be written.
    """
    with _translated(path):
        if _is_replaced(path, _status(path)):
            place = _replace if over else _create
            place(path.resolve(), chunks, 0o600, encoding)
            return
        _refuse_readers(path)
        with _opened(path, encoding) as out:
            if out.isatty():
                raise SafeguardError(
                    f"{path} is a terminal, and PINs would show on it", code="readable", hint=_NEW_FILE
                )
            out.writelines(chunks)


def write_private_bytes(path: Path, data: bytes) -> None:
    """Write bytes as `write_private` writes text.

    Raises:
        SafeguardError: others would read it.
        UncheckedError: it cannot be written.
    """
    write_private(path, [data.decode("latin-1")], encoding="latin-1")  # which has a character for each byte


def write_public(path: Path, text: str) -> None:
    """Write what everyone may read, with the mode of the older file, or what the umask leaves for a new one.

    Raises:
        UncheckedError: it cannot be written.
    """
    with _translated(path):
        status = _status(path)
        if _is_replaced(path, status):
            _replace(path.resolve(), [text], stat.S_IMODE(status.st_mode) if status else None, "utf-8")
            return
        with _opened(path, "utf-8") as out:
            out.write(text)


def names_stdout(path: Path) -> bool:
    """Whether this is another name of stdout."""
    return _descriptor(path) == 1


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise SafeguardError(f"{path} exists", code="exists", hint="name another file, or delete this one") from None
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}") from error


def _status(path: Path) -> os.stat_result | None:
    """What is there, links followed, as the kernel lets us follow them; None if nothing does."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_replaced(path: Path, status: os.stat_result | None) -> bool:
    """Whether a new file takes this place. A descriptor's name stands for a file that is open already."""
    return _descriptor(path) is None and (status is None or stat.S_ISREG(status.st_mode))


def _descriptor(path: Path) -> int | None:
    found = _DESCRIPTOR.match(str(path))
    return int(found[1]) if found else _STANDARD.get(str(path))


def _replace(place: Path, chunks: Iterable[str], mode: int | None, encoding: str) -> None:
    """Put a whole file in this place in one step, or leave the place as it is."""
    draft = place.with_name(f".sipctl-{os.urandom(8).hex()}")
    _create(draft, chunks, mode, encoding)
    try:
        draft.replace(place)
    except BaseException:
        draft.unlink()
        raise


def _create(place: Path, chunks: Iterable[str], mode: int | None, encoding: str) -> None:
    """Make a new file and write it whole, or make none; `mode` None = the umask says."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding) as out:
            out.writelines(chunks)
            out.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except BaseException:
        place.unlink()
        raise


def _opened(path: Path, encoding: str) -> IO[str]:
    """What is there, opened for writing; a descriptor of ours goes on where it is."""
    number = _descriptor(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY) if number is None else os.dup(number)
    return os.fdopen(descriptor, "w", encoding=encoding)


def _refuse_readers(path: Path) -> None:
    """Stop before what other people could read; a device keeps nothing, and a socket has one reader."""
    number = _descriptor(path)
    status = path.stat() if number is None else os.fstat(number)
    kept = stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode) or stat.S_ISBLK(status.st_mode)
    if kept and (status.st_mode & _OTHERS or status.st_uid != os.geteuid()):
        raise SafeguardError(f"others can read {path}", code="readable", hint=_NEW_FILE)
