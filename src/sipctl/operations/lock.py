"""One writing run at a time against one server."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sipctl.errors import ChangedError, UncheckedError


@contextmanager
def run_lock(folder: Path, url: str) -> Iterator[None]:
    """Hold the lock of this server while the body runs; the system releases it even after kill -9.

    Raises:
        ChangedError: another run holds it.
        UncheckedError: the state folder cannot hold a lock.
    """
    path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    lock = FileLock(path, blocking=False, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise ChangedError(
            "another sipctl run is writing to this server", code="locked", hint="wait for it to end, then try again"
        ) from None
    except OSError as error:
        raise UncheckedError(f"cannot lock {path}: {error.strerror}", hint="check the state folder") from error
    try:
        yield
    finally:
        lock.release()
