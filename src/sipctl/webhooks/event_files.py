"""Event files: lines as recordings have them, bare bodies one a line, one body a file, a JSON array; gzip or not.

Files are read as they come, one event after the other: a file may be longer than the memory.
"""

import codecs
import gzip
import io
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Final, ParamSpec, cast

from sipctl.errors import UsageError
from sipctl.webhooks.event import Event
from sipctl.webhooks.event_lines import read_line, read_value

P = ParamSpec("P")

STDIN: Final = Path("-")
_LIMIT: Final = 16 * 1024 * 1024
"""The most bytes of one line or body; LiveKit's have some thousand."""
_GZIP: Final = b"\x1f\x8b"
_DESCRIBED: Final = 5
_CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class EventFiles:
    """Some files, read one after the other. `describe` is given a line about each of the first broken ones.

    `count` are the events so far, `others` what recordings hold beside events, `broken` what means nothing.
    """

    paths: tuple[Path, ...]
    describe: Callable[[str], None]
    count: int = 0
    others: int = 0
    broken: int = 0

    @classmethod
    def named(cls, paths: Iterable[Path], describe: Callable[[str], None]) -> "EventFiles":
        """These files, and the files of these folders by their names; folders inside them are passed over.

        Raises:
            UsageError: one cannot be read, is not there, or a folder holds no file.
        """
        return cls(tuple(found for path in paths for found in _expanded(path, describe)), describe)

    def read(self) -> Iterator[Event]:
        """Every event in order. What is broken is described, counted, and ends nothing.

        Raises:
            UsageError: a file cannot be read to its end.
        """
        for path in self.paths:
            name = "stdin" if path == STDIN else str(path)
            try:
                with _opened(path) as file:
                    yield from self._of_file(file, name)
            except (OSError, EOFError, zlib.error) as error:
                reason = getattr(error, "strerror", None) or "it is no whole gzip file"
                raise UsageError(f"cannot read {name}: {reason}") from error

    def refuse_none(self) -> None:
        """Refuse files that held no event at all.

        Raises:
            UsageError: they did not.
        """
        if not self.count:
            what = f"{self.broken} broken lines and no event" if self.broken else "no event"
            raise UsageError(f"{', '.join(map(str, self.paths))}: {what}", hint="docs/event-files.md says what is read")

    def _of_file(self, file: IO[bytes], name: str) -> Iterator[Event]:
        opening = _opening(file).removeprefix(codecs.BOM_UTF8)
        bare = opening.lstrip()
        if bare.startswith(b"["):
            yield from self._of_array(bare, file, name)
        elif bare.startswith(b"{") and not _is_json(bare):
            head = opening + file.read(_LIMIT)
            if _is_json(head):
                yield from self._kept(name, read_line, head, name)
                return
            yield from self._of_lines(chain(io.BytesIO(head + file.readline(_LIMIT)), _lines(file)), name)
        else:
            yield from self._of_lines(chain(io.BytesIO(opening), _lines(file)), name)

    def _of_lines(self, lines: Iterable[bytes], name: str) -> Iterator[Event]:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield from self._kept(f"{name}:{number}", _read_limited, line, f"{name}:{number}")

    def _of_array(self, opening: bytes, file: IO[bytes], name: str) -> Iterator[Event]:
        number = 0
        try:
            for number, (value, text) in enumerate(_elements(opening, file), 1):
                yield from self._kept(f"{name}[{number}]", read_value, value, text.encode(), f"{name}[{number}]")
        except UsageError as error:
            self._skip(f"{name}[{number + 1}]", error.message)

    def _kept(self, place: str, read: Callable[P, Event | None], *args: P.args, **kwargs: P.kwargs) -> Iterator[Event]:
        try:
            event = read(*args, **kwargs)
        except UsageError as error:
            self._skip(place, error.message)
            return
        if event is None:
            self.others += 1
            return
        self.count += 1
        yield event

    def _skip(self, place: str, reason: str) -> None:
        self.broken += 1
        if self.broken <= _DESCRIBED:
            self.describe(f"{place}: {reason}")


def _expanded(path: Path, describe: Callable[[str], None]) -> list[Path]:
    """The files that a word of the command line names, each of which can be opened."""
    if path == STDIN:
        return [path]
    try:
        if not path.is_dir():
            path.open("rb").close()
            return [path]
        inside = sorted(path.iterdir())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    for folder in filter(Path.is_dir, inside):
        describe(f"{folder}: a folder inside a folder is passed over")
    files = [file for file in inside if file.is_file()]
    if not files:
        raise UsageError(f"{path} holds no file")
    return files


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, or of stdin, unpacked if they are gzip's."""
    with _stdin() if path == STDIN else path.open("rb") as file:
        yield _unpacked(file)


def _stdin() -> io.BufferedReader:
    """Stdin, with a buffer of its own: a thread that waits for a pipe may hold it when the process ends."""
    try:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except (OSError, ValueError):  # a stream that is no file
        return cast("io.BufferedReader", sys.stdin.buffer)


def _unpacked(file: io.BufferedReader) -> IO[bytes]:
    head = file.peek(2)[:2] if hasattr(file, "peek") else b""
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file) if head == _GZIP else file)


def _opening(file: IO[bytes]) -> bytes:
    """The file up to the end of its first line that is not blank; a mark that says UTF-8 is none."""
    read = bytearray()
    while line := file.readline(_LIMIT + 1):
        read += line
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    return bytes(read)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines that follow; of one that is too long only so much that this shows."""
    while line := file.readline(_LIMIT + 1):
        rest = line
        while len(rest) > _LIMIT and not rest.endswith(b"\n"):
            rest = file.readline(_LIMIT + 1)
        yield line


def _read_limited(line: bytes, place: str) -> Event | None:
    if len(line) > _LIMIT:
        raise UsageError(f"over {_LIMIT // 1024 // 1024} MiB")
    return read_line(line, place)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _elements(opening: bytes, file: IO[bytes]) -> Iterator[tuple[object, str]]:
    """Each element of a JSON array, and the text that it stands as.

    Raises:
        UsageError: the array is broken, cut, or an element is too long; what came before it was good.
    """
    source = _Text(opening, file)
    source.drop(1)  # the bracket
    while source.next_character() != "]":
        yield source.take_value()
        if source.next_character() == ",":
            source.drop(1)
        elif source.next_character() != "]":
            raise UsageError("the array is broken or cut here")


class _Text:
    """A file of UTF-8, read as far as is needed."""

    def __init__(self, opening: bytes, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = self._decode(opening)
        self._at = 0

    def drop(self, count: int) -> None:
        self._at += count

    def next_character(self) -> str:
        """The next one that is no white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text) or not self._more(_CHUNK):
                return self._text[self._at : self._at + 1]

    def take_value(self) -> tuple[object, str]:
        """The next JSON value and its text; the more is read at once the longer it is."""
        decode, step = json.JSONDecoder().raw_decode, _CHUNK
        while True:
            try:
                value, end = decode(self._text, self._at)
            except RecursionError:
                raise UsageError("nested too deep") from None
            except ValueError:
                if len(self._text) - self._at > _LIMIT or not self._more(step):
                    raise UsageError("the array is broken or cut here") from None
                step *= 2
                continue
            begin, self._at = self._at, end
            return value, self._text[begin:end]

    def _more(self, size: int) -> bool:
        """Read on; False at the end."""
        chunk = self._file.read(size)
        self._text, self._at = self._text[self._at :] + self._decode(chunk), 0
        return bool(chunk)

    def _decode(self, chunk: bytes) -> str:
        try:
            return self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise UsageError(f"not UTF-8 ({error.reason})") from None
