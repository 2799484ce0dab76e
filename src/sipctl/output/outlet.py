"""Standard streams that outlast their reader. Imported before everything else, so it imports next to nothing."""

import errno
import io
import sys
from collections.abc import Iterable
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

_STDERR: Final = 2


class Outlet(io.FileIO):
    """Where a standard stream leads.

    What has no reader any more is dropped, and the process goes on to an end of its own: that no one reads is no error
    of a write that it makes, nor of what it found. Of stderr whatever cannot be written is dropped, for there is
    nowhere left to say so. `gone` are the errors that tell of a reader that went away.
    """

    has_reader = True
    gone = frozenset({errno.EPIPE})

    def write(self, data: "Buffer", /) -> int:
        """Write, or drop what no one takes."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in self.gone and self.fileno() != _STDERR:
                raise
            self.has_reader = False
            return memoryview(data).nbytes


def open_outlets() -> None:
    """Let stdout and stderr of this process lead through outlets, for our own writes and for every library's."""
    sys.stdout, sys.stderr = map(_through_outlet, (sys.stdout, sys.stderr))


def _through_outlet(stream: TextIO) -> TextIO:
    raw = Outlet(stream.fileno(), "w", closefd=False)
    if stream.isatty():
        raw.gone |= {errno.EIO}  # what a terminal answers that was closed
    outlet = io.BufferedWriter(raw)
    by_line = stream is sys.stderr or stream.isatty()
    return io.TextIOWrapper(outlet, stream.encoding, stream.errors, line_buffering=by_line)


def is_read(stream: TextIO) -> bool:
    """Whether nothing that was written so far was dropped."""
    outlet = _outlet_of(stream)
    return outlet is None or outlet.has_reader


def while_read(stream: TextIO, chunks: Iterable[str]) -> Iterable[str]:
    """The chunks up to the moment at which the first of them is dropped."""
    outlet = _outlet_of(stream)
    return chunks if outlet is None else takewhile(lambda _: outlet.has_reader, chunks)


def _outlet_of(stream: TextIO) -> Outlet | None:
    outlet = getattr(getattr(stream, "buffer", None), "raw", None)
    return outlet if isinstance(outlet, Outlet) else None
