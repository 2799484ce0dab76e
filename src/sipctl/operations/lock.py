"""One writing run at a time against one server: on one host by a locked file, on several by PostgreSQL."""

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from sipctl.config.own_files import open_own, secure
from sipctl.errors import ChangedError, UncheckedError

_PAUSE_S: Final = 0.2


@contextmanager
def run_lock(folder: Path, url: str, *, state_url: str = "", wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock of this server while the body runs; it is free again even after kill -9.

    With a PostgreSQL at `state_url` the lock holds for every host that shares it. `wait_s` is how long to wait for
    another run, in seconds.

    Raises:
        ChangedError: another run holds it.
        UncheckedError: the state folder, or the database, cannot hold a lock.
    """
    shared = state_url.startswith("postgres")
    with _database_lock(state_url, url, wait_s) if shared else _file_lock(folder, url, wait_s):
        yield


@contextmanager
def _file_lock(folder: Path, url: str, wait_s: float) -> Iterator[None]:
    path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    secure(path)
    lock = FileLock(path, timeout=wait_s, poll_interval=_PAUSE_S, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise _held(_read_holder(path)) from None
    except OSError as error:
        raise UncheckedError(f"cannot lock {path}: {error.strerror}", hint="check the state folder") from error
    try:
        _write_holder(path)
        yield
    finally:
        _holder_file(path).unlink(missing_ok=True)
        lock.release()


def _held(holder: str) -> ChangedError:
    return ChangedError(
        f"another sipctl run is writing to this server{f': {holder}' if holder else ''}",
        code="locked",
        hint="wait for it to end, or give `--lock-wait SECONDS` where the command has it",
    )


def _holder_file(path: Path) -> Path:
    return path.with_suffix(".holder")


def _write_holder(path: Path) -> None:
    """Who holds the lock, for the message of those who come too late; the lock itself does not depend on it."""
    holder = {"who": _whoami(), "pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    with suppress(OSError):
        descriptor = open_own(_holder_file(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(holder, file)


def _read_holder(path: Path) -> str:
    try:
        holder = json.loads(_holder_file(path).read_text())
        return f"{holder['who']}, process {holder['pid']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _whoami() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}@{socket.gethostname()}"


@contextmanager
def _database_lock(state_url: str, url: str, wait_s: float) -> Iterator[None]:
    """An advisory lock of a session that does nothing else; PostgreSQL frees it when the session ends."""
    from sipctl.registry.database import advisory_lock  # noqa: PLC0415 - SQLAlchemy, for those who share their state

    with advisory_lock(state_url, url, _whoami(), wait_s) as other:
        if other is not None:
            raise _held(other)
        yield
