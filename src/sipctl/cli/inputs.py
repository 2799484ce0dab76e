"""What commands read: files, lines, stdin; never two things from one stdin."""

import getpass
import gzip
import json
import re
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

from sipctl.config.reading import DOCUMENT_LIMIT, is_document
from sipctl.errors import PartialError, SipctlError, UsageError
from sipctl.files import names_stdout
from sipctl.telephony.naming import counted
from sipctl.telephony.pins import typed_pin

T = TypeVar("T")

STDIN: Final = Path("-")
_LIMIT: Final = 4 * 1024 * 1024
EXPORT_LIMIT: Final = 128 * 1024 * 1024
"""The most bytes of what an export wrote: some 250,000 rules, or ten times as many PINs."""

_WORDS_LIMIT: Final = 4096
"""The most bytes of a line of stdin, a PIN or a name: names of rooms have 256."""
_LINE_LIMIT: Final = 64 * 1024 * 1024
"""The most bytes of a line of a file."""
_DESCRIBED: Final = 5
"""How many broken lines are described one by one."""
_NOTHING: Final[Iterator[object]] = iter(())
_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])\Z")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def check_stdin(readers: Mapping[str, bool], hint: str) -> None:
    """Refuse a command line of which two parts read stdin; `readers` are the parts, and whether each does.

    Raises:
        UsageError: two do.
    """
    both = [words for words, reads in readers.items() if reads]
    if len(both) > 1:
        raise UsageError(f"{both[0]} and {both[1]} both read stdin", hint=hint)


def check_stdin_files(paths: Iterable[Path]) -> None:
    """Refuse files of which two are stdin.

    Raises:
        UsageError: two are.
    """
    if list(paths).count(STDIN) > 1:
        raise UsageError("stdin can be read once", hint="give - once, and the other files by name")


def read_document(
    path: Path, limit: int = _LIMIT, *, errors: str = "strict", limit_of: Callable[[bytes], int] | None = None
) -> str:
    """The text of a file, or of stdin for `-`.

    `errors` "surrogateescape" = bytes that are not UTF-8 come as lone surrogates. `limit_of` gives a higher limit to
    what begins so.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or is over `limit` bytes (4 MiB).
    """
    try:
        with sys.stdin.buffer if path == STDIN else path.open("rb") as file:
            data = file.read(limit + 1)
            higher = limit_of(data) if limit_of else limit
            data, limit = data + file.read(max(higher - limit, 0)), max(higher, limit)
    except OSError as error:
        raise UsageError(f"cannot read {named(path)}: {error.strerror}") from error
    _check_size(data, limit, named(path))
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise UsageError(f"{named(path)} is not UTF-8 (byte {error.start})") from None


def read_configuration() -> str:
    """A configuration file from stdin, which may be as large as one on the disk.

    Raises:
        UsageError: as of `read_document`.
    """
    return read_document(STDIN, limit_of=lambda start: DOCUMENT_LIMIT if is_document(start) else 0)


def _check_size(data: bytes, limit: int, what: str) -> None:
    if len(data) > limit:
        raise UsageError(f"{what} is over {limit // 1024 // 1024} MiB")


def or_stdout(path: Path | None) -> Path | None:
    """The file that a command writes; None for stdout, which `-` means, too."""
    return None if path is None or path == STDIN or names_stdout(path) else path


def named(path: Path) -> str:
    """The file as people call it."""
    return "stdin" if path == STDIN else str(path)


def read_moment(option: str, text: str) -> float:
    """A time as RFC 3339 writes it (UTC unless it says otherwise), or how long ago: 90s, 15m, 2h, 1d; Unix seconds.

    Raises:
        UsageError: it is neither.
    """
    ago = _AGO.match(text)
    try:
        moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r} is not a time", hint="write 15m, 2h, 1d or 2026-11-22T21:17:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_secret_line(what: str) -> str:
    """One line that must not be seen: from a hidden prompt on a terminal, else from stdin.

    Raises:
        UsageError: stdin is empty, or not UTF-8.
    """
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    try:
        line = sys.stdin.buffer.readline(_WORDS_LIMIT).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"the {what} on stdin is not UTF-8") from None
    if not line:
        raise UsageError(f"no {what} on stdin", hint=f"pipe the {what} into the command")
    return line


def read_pin() -> str:
    """A PIN from a person, in any form that Meet shows.

    Raises:
        UsageError: as `read_secret_line`.
    """
    return typed_pin(read_secret_line("PIN"))


def read_lines(what: str, *, may_be_none: bool = False) -> Iterator[str]:
    """The lines of stdin that are not empty, as they come; a mark that says UTF-8 is none of them.

    Raises:
        UsageError: there is none and it may not be so, or one is not UTF-8.
    """
    count = 0
    for number, line in enumerate(iter(lambda: sys.stdin.buffer.readline(_WORDS_LIMIT), b""), 1):
        if len(line) == _WORDS_LIMIT:
            raise UsageError(f"line {number} of stdin is over {_WORDS_LIMIT} bytes")
        try:
            text = line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError(f"line {number} of stdin is not UTF-8") from None
        if text.strip():
            count += 1
            yield text
    if not (count or may_be_none):
        raise UsageError(f"no {what} on stdin", hint=f"pipe {what}s in, one a line")


@dataclass(slots=True)
class Lines:
    """A file of one thing a line, read as it comes: plain, gzipped or stdin. A broken line does not end the rest.

    `describe` writes a line to stderr: the first few broken lines are described one by one.
    """

    path: Path
    describe: Callable[[str], None]
    broken: int = 0

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Each line that is not blank, with its number.

        Raises:
            UsageError: the file cannot be read, or one line is over 64 MiB.
        """
        try:
            with self._opened() as file:
                for number, line in enumerate(iter(lambda: file.readline(_LINE_LIMIT + 1), b""), 1):
                    if len(line) > _LINE_LIMIT:
                        raise UsageError(
                            f"line {number} of {named(self.path)} is over {_LINE_LIMIT // 1024 // 1024} MiB"
                        )
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
        """What `parse` makes of the JSON of each line; a line that is none, or that it refuses, is skipped."""
        for number, line in self.read():
            try:
                yield parse(json.loads(line))
            except (ValueError, RecursionError) as error:
                self.skip(number, f"not JSON: {error}")
            except SipctlError as error:
                self.skip(number, error.message)

    def skip(self, number: int, reason: str) -> None:
        """Describe and count a line that means nothing."""
        self.broken += 1
        if self.broken <= _DESCRIBED:
            self.describe(f"line {number} of {named(self.path)}: {reason}")

    def conclude(self, rest: Iterator[object] = _NOTHING) -> None:
        """End with the right exit code, also if no one read the output to its end: the `rest` of a file counts, too.

        The rest of a pipe does not: it may never come.

        Raises:
            PartialError: some lines were broken.
        """
        if self.path.is_file():
            deque(rest, maxlen=0)
        if self.broken:
            lines = counted(self.broken, "line")
            raise PartialError(f"{lines} of {named(self.path)} could not be read", hint="the rest was done")
