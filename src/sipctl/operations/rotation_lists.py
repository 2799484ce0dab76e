"""The lists of old PINs that rotations leave in the state folder, so that they can be imported again."""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sipctl.telephony.registered import Holding

KEPT: Final = timedelta(days=30)
"""How long a list is kept: the next rotation after that removes it."""

_NAMES: Final = ("rotation-*.jsonl", ".sipctl-*")
"""The lists, and drafts of them that a killed run left behind."""


def list_of(folder: Path, run: str) -> Path:
    """The file of the rotation of this run."""
    return folder / f"rotation-{run}.jsonl"


def list_lines(rooms: Iterable[Holding]) -> Iterator[str]:
    """Its text, which `pin import` reads: one room and its PIN a line."""
    return (json.dumps({"room": one.room, "pin": one.pin}, ensure_ascii=False) + "\n" for one in rooms)


def remove_old_lists(folder: Path, now: datetime) -> None:
    """Remove the lists that were written more than 30 days ago.

    Raises:
        OSError: one of them cannot be removed.
    """
    for path in (found for name in _NAMES for found in folder.glob(name)):
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and now.timestamp() - status.st_mtime > KEPT.total_seconds():
            path.unlink()
