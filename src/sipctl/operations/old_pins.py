"""The lists of old PINs that rotations leave, for `pin import` to bring them back."""

import json
import os
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sipctl.files import write_private
from sipctl.operations.audit import Journal
from sipctl.telephony.registered import Holding

KEPT: Final = timedelta(days=30)
"""How long a list of old PINs is kept: the next rotation after that removes it."""

_LISTS: Final = ("rotation-*.jsonl", ".sipctl-*")
"""The lists, and drafts of them that a killed run left behind."""


def write_old_pins(journal: Journal, rooms: Iterable[Holding]) -> Path:
    """Write the PINs of these rooms to a file that `pin import` reads, before they change; lists of long ago go.

    Raises:
        UncheckedError: it cannot be written.
    """
    folder = journal.folder
    file = folder / f"rotation-{journal.run}.jsonl"
    lines = (json.dumps({"room": one.room, "pin": one.pin}, ensure_ascii=False) + "\n" for one in rooms)
    write_private(file, lines)
    try:
        _remove_old_lists(folder, journal.now())
    except OSError as error:
        journal.tell(f"a list of old PINs in {folder} cannot be removed: {error.strerror}")
    return file


def kept_list(folder: Path, run: str) -> str:
    """The path of the list of old PINs that this run left, "" if it is gone."""
    path = folder / f"rotation-{run}.jsonl"
    return str(path) if path.exists() else ""


def _remove_old_lists(folder: Path, now: datetime) -> None:
    for path in (found for name in _LISTS for found in folder.glob(name)):
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and now.timestamp() - status.st_mtime > KEPT.total_seconds():
            path.unlink()
