"""How far a replay came: a file to which each acknowledged event adds a line, so that not even kill -9 loses one."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sipctl.errors import UncheckedError, UsageError

_SCHEMA: Final = "sipctl/webhook-resume/v1"


@dataclass(slots=True)
class Progress:
    """The place of the last acknowledged event of each room, in the order of the files, counted from 0."""

    path: Path
    _descriptor: int
    _last: dict[str, int] = field(default_factory=dict)

    @classmethod
    def opened(cls, path: Path, files: Iterable[Path]) -> "Progress":
        """The progress that this file keeps; a new one is made for its owner alone.

        Raises:
            UsageError: it keeps the progress of other files, or is no file.
            UncheckedError: it cannot be read or written.
        """
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot keep the progress in {path}: it is no file")
        head = {"schema": _SCHEMA, "files": [str(file) for file in files]}
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                lines = file.read().splitlines(keepends=True)
        except OSError as error:
            raise UncheckedError(f"cannot keep the progress in {path}: {error.strerror}") from error
        progress = cls(path, descriptor)
        if lines:
            progress._read(head, lines)
        else:
            progress._write(head)
        return progress

    def _read(self, head: object, lines: Sequence[bytes]) -> None:
        if _parsed(lines[0]) != head:
            raise UsageError(
                f"{self.path} is no progress of these files", hint="name the same files again, or another --resume FILE"
            )
        for value in map(_parsed, lines[1:]):
            if isinstance(value, list) and len(value) == 2:
                index, room = value
                self._last[room] = max(index, self._last.get(room, -1))
        if not lines[-1].endswith(b"\n"):
            os.write(self._descriptor, b"\n")  # the process died in the middle of a line

    def is_done(self, index: int, room: str) -> bool:
        """Whether this event, or a later one of its room, was acknowledged."""
        return index <= self._last.get(room, -1)

    def note(self, index: int, room: str) -> None:
        """Remember that an event was acknowledged.

        Raises:
            UncheckedError: it cannot be written down.
        """
        self._write([index, room])

    def _write(self, value: object) -> None:
        try:
            os.write(self._descriptor, json.dumps(value).encode() + b"\n")
        except OSError as error:
            raise UncheckedError(f"cannot keep the progress in {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
