"""Files of one thing a line, read as they come: plain, gzipped or from stdin; a broken line does not end the rest."""

import gzip
import json
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

from sipctl.cli.stdin import STDIN, named
from sipctl.errors import PartialError, SipctlError, UsageError

T = TypeVar("T")

_LIMIT: Final = 64 * 1024 * 1024
"""The most bytes of one line."""

_TOLD: Final = 5
_NOTHING: Final[Iterator[object]] = iter(())


@dataclass(slots=True)
class Lines:
    """The lines of a file; `tell` says on stderr which are broken, the first few one by one."""

    path: Path
    tell: Callable[[str], None]
    broken: int = 0

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Each line that is not blank, with its number.

        Raises:
            UsageError: the file cannot be read, or one line is over 64 MiB.
        """
        try:
            with self._opened() as file:
                for number, line in enumerate(iter(lambda: file.readline(_LIMIT + 1), b""), 1):
                    if len(line) > _LIMIT:
                        raise UsageError(f"line {number} of {named(self.path)} is over {_LIMIT // 1024 // 1024} MiB")
                    if line.strip():
                        yield number, line
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "it is no whole gzip file"
            raise UsageError(f"cannot read {self.path}: {reason}") from error

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self.path == STDIN:
            yield sys.stdin.buffer
            return
        with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as file:
            yield cast("IO[bytes]", file)

    def parsed(self, parse: Callable[[Any], T]) -> Iterator[T]:
        """What `parse` makes of the JSON of each line; a line that is none, or that it refuses, is told and counted."""
        for number, line in self.read():
            try:
                yield parse(json.loads(line))
            except (ValueError, RecursionError) as error:
                self.skip(number, f"not JSON: {error}")
            except SipctlError as error:
                self.skip(number, error.message)

    def skip(self, number: int, reason: str) -> None:
        """Tell and count a line that means nothing."""
        self.broken += 1
        if self.broken <= _TOLD:
            self.tell(f"line {number} of {named(self.path)}: {reason}")

    def conclude(self, rest: Iterator[object] = _NOTHING) -> None:
        """End with the right exit code, also if nobody read the output to its end: the `rest` of a file counts, too.

        The rest of a pipe does not: it may never come.

        Raises:
            PartialError: some lines were broken.
        """
        if self.path.is_file():
            deque(rest, maxlen=0)
        if self.broken:
            lines = f"{self.broken} line{'s' if self.broken != 1 else ''}"
            raise PartialError(f"{lines} of {named(self.path)} could not be read", hint="the rest was done")
