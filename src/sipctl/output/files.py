"""Files that are written whole or not at all."""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from sipctl.errors import UncheckedError


def write_private(path: Path, chunks: Iterable[str]) -> None:
    """Write a file with 0600, in one step; an older one is replaced.

    Raises:
        UncheckedError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.writelines(chunks)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink()
            raise
    except OSError as error:
        raise UncheckedError(f"cannot write {path}: {error.strerror}") from error
