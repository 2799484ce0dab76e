"""One writing run at a time against one server: on a host by a locked file, among hosts by PostgreSQL besides."""

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from filelock import FileLock, Timeout

from sipctl.config.own_files import open_own, secure
from sipctl.config.urls import server_name
from sipctl.errors import ChangedError, UncheckedError

_PAUSE_S: Final = 0.2


CheckLock = Callable[[], None]
"""Asks whether a lock is still held, and raises ChangedError if it was lost."""


@contextmanager
def run_lock(
    folder: Path,
    url: str,
    *,
    shared_url: str = "",
    wait_s: float = 0.0,
    timeout_s: float = 30.0,
    tell: Callable[[str], None] = lambda _line: None,
) -> Iterator[CheckLock]:
    """Hold the lock of this server while the body runs; it is free again even after kill -9.

    The host's own is a file. With a PostgreSQL at `shared_url` the lock holds for every host that shares it, and can
    be lost, so it is asked for before each batch of writes. `wait_s` is how long to wait for another run, `timeout_s`
    for the database, in seconds. `tell` is given a line about the run that is waited for.

    Raises:
        ChangedError: another run holds it.
        ConfigError, UncheckedError: the state folder, or the database, cannot hold a lock.
    """
    until = monotonic() + wait_s
    with ExitStack() as locks:
        for path in _files(folder, url):
            locks.enter_context(_file_lock(path, max(until - monotonic(), 0), tell))
        wait_s = max(until - monotonic(), 0)
        if shared_url:
            yield locks.enter_context(_shared_lock(shared_url, url, wait_s, timeout_s, tell))
        else:
            yield _cannot_be_lost


def _cannot_be_lost() -> None:
    """A locked file is the kernel's to keep."""


def _files(folder: Path, url: str) -> list[Path]:
    """The file of the server's one name, and that of its address as it is spelled, which older versions lock."""
    names = dict.fromkeys((server_name(url), url))
    return [folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock" for name in names]


@contextmanager
def _file_lock(path: Path, wait_s: float, tell: Callable[[str], None]) -> Iterator[None]:
    secure(path)
    lock = FileLock(path, poll_interval=_PAUSE_S, mode=0o600)
    try:
        _acquire(lock, path, wait_s, tell)
    except Timeout:
        raise _held(_read_holder(path)) from None
    except OSError as error:
        raise UncheckedError(f"cannot lock {path}: {error.strerror}", hint="check the state folder") from error
    except NotImplementedError:
        raise UncheckedError(
            f"cannot lock {path}: its file system has no locks", hint="SIPCTL_STATE_DIR names another folder"
        ) from None
    try:
        _write_holder(path)
        yield
    finally:
        _holder_file(path).unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, path: Path, wait_s: float, tell: Callable[[str], None]) -> None:
    """Take the lock, and say whom for if that needs a wait.

    Raises:
        Timeout: another run held it all the time.
    """
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait_s:
            raise
        tell(_awaited(_read_holder(path), wait_s))
        lock.acquire(timeout=wait_s)


def _awaited(holder: str, wait_s: float) -> str:
    return f"note: waiting up to {wait_s:.0f} s for another sipctl run to end{_of(holder)}"


def _of(holder: str) -> str:
    return f": {holder}" if holder else ""


def _held(holder: str) -> ChangedError:
    return ChangedError(
        f"another sipctl run is writing to this server{_of(holder)}",
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
        with os.fdopen(open_own(_holder_file(path), os.O_RDONLY), encoding="utf-8") as file:
            holder = json.load(file)
        return f"{holder['who']}, process {holder['pid']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _whoami() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}@{socket.gethostname()}"


@contextmanager
def _shared_lock(
    shared_url: str, url: str, wait_s: float, timeout_s: float, tell: Callable[[str], None]
) -> Iterator[CheckLock]:
    from sipctl.registry.locks import server_lock  # noqa: PLC0415 - SQLAlchemy, for those who share a database

    def awaited(holder: str) -> None:
        tell(_awaited(holder, wait_s))

    with server_lock(shared_url, url, _whoami(), wait_s=wait_s, timeout_s=timeout_s, on_wait=awaited) as (lock, other):
        if other is not None:
            raise _held(other)

        def check() -> None:
            if not lock.is_held():
                raise ChangedError(
                    "the lock of this server was lost: PostgreSQL ended the session that held it, or cannot be reached",
                    code="lock-lost",
                    hint="nothing more was begun: look at the database, then run it again",
                )

        yield check
