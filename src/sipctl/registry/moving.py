"""An embedded registry that gets another file, because its profile got a name."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sipctl.command_line import CommandLine
from sipctl.config.own_files import secure_database
from sipctl.errors import SafeguardError, UncheckedError

_PARTS = ("", "-wal", "-shm")
"""The files of an SQLite database: what is not yet in the first one is in the second (sqlite.org/wal.html)."""


def move_database(source: Path, target: Path) -> None:
    """Move all that a database holds into a new file, and only then remove the old one.

    Raises:
        SafeguardError: there is a file already, or others could read it.
        UncheckedError: one of the files cannot be read or written; the old one is still there.
    """
    if target.exists():
        hint = (CommandLine.of("pin", "export"), " and ", CommandLine.of("pin", "import"), " move PINs one by one")
        raise SafeguardError(f"{target} exists", code="exists", hint=hint)
    try:
        secure_database(target)
        target.touch(mode=0o600)
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
        for part in _PARTS:
            source.with_name(source.name + part).unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise UncheckedError(f"cannot move {source} to {target}: {error}", hint="check the data folder") from error
