"""Where output goes: data to stdout, everything else to stderr."""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TextIO, TypeVar

from sipctl.output.outlet import while_read
from sipctl.output.people import for_people

T = TypeVar("T")

MEDIUM_FAULTS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})
"""What is wrong if not a reader, but the file or device behind a stream takes nothing more."""


def lead_nowhere(stream: TextIO) -> None:
    """Take what still waits to be written, and all that follows, without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@dataclass(frozen=True, slots=True)
class Streams:
    """The two streams of one run and what they can do. `quiet` drops notes and changes, never data or errors.

    `wide` tables are not cut to the width of the terminal.
    """

    out: TextIO
    err: TextIO
    quiet: bool = False
    verbose: bool = False
    wide: bool = False

    @classmethod
    def standard(cls, *, quiet: bool = False, verbose: bool = False, wide: bool = False) -> "Streams":
        """The process's own streams, set to write what their encoding cannot hold as backslash escapes."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure:
                reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, quiet=quiet, verbose=verbose, wide=wide)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads the data."""
        return self.out.isatty()

    def into_file(self) -> "Streams":
        """The same for data that goes into a file: no person reads it there, and it is UTF-8."""
        return replace(self, out=io.StringIO())

    def can_hold(self, text: str) -> bool:
        """Whether the encoding of stdout has every character of the text."""
        try:
            text.encode(self.out.encoding or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def write(self, chunks: Iterable[str]) -> None:
        """Write data, as long as it is read."""
        self.out.writelines(while_read(self.out, chunks))
        self.out.flush()

    def note(self, text: str) -> None:
        """A line for people on stderr; nothing with `--quiet`."""
        if not self.quiet:
            self.err.writelines(for_people([text], self.err))

    def progress(self, text: str) -> None:
        """A line for a person who waits at a terminal; nothing in a pipe, nor with `--quiet`."""
        if self.err.isatty():
            self.note(text)

    def detail(self, text: str) -> None:
        """A line on stderr that only `-v` shows."""
        if self.verbose:
            self.err.writelines(for_people([text], self.err))

    def warn(self, text: str) -> None:
        """A line on stderr that even `--quiet` does not drop."""
        self.err.writelines(for_people([text], self.err))

    @contextmanager
    def ticking(self, what: str) -> Iterator[Callable[[], None]]:
        """A count on stderr for a person who waits; what is called for each thing that ended."""
        if self.quiet or not self.err.isatty():
            yield lambda: None
            return
        from rich.console import Console  # noqa: PLC0415 - for people who wait, and no one else
        from rich.progress import Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

        columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed}"))
        with Progress(*columns, console=Console(file=self.err), transient=True) as progress:
            task = progress.add_task(what, total=None)
            yield lambda: progress.advance(task)

    def counted(self, items: Iterable[T], what: str) -> Iterator[T]:
        """The same items, with a count on stderr for a person who waits; nothing in a pipe, or between data."""
        if self.quiet or not self.err.isatty() or self.is_terminal:
            yield from items
            return
        from rich.console import Console  # noqa: PLC0415 - for people who wait, and no one else
        from rich.progress import track  # noqa: PLC0415

        yield from track(items, what, console=Console(file=self.err), total=None)
