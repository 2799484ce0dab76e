"""Configuration files as text, and the faults found in them."""

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from sipctl.errors import ConfigError

SIZE_LIMIT: Final = 1024 * 1024
DOCUMENT_LIMIT: Final = 16 * 1024 * 1024
"""The most bytes of a file, and of one that is JSON: compose writes 100 for each port that a range publishes."""
LINES_LIMIT: Final = 10_000
LINE_LIMIT: Final = 32 * 1024
"""The most lines of a file, and characters of a line. Real files have some hundreds and a private key's; what their
parsers need grows faster than the text, to minutes at the size that any file may have."""

_PARTS_LIMIT: Final = 600_000
"""The most objects and lists: three bytes make one of sixty-four, and a project of 100,000 ports has as many."""


class FaultKind(Enum):
    """What sort of fault it is: no valid file at all, a key twice, `${X}` of nothing, a strange key, a bad value."""

    SYNTAX = auto()
    TWICE = auto()
    UNSET = auto()
    UNKNOWN_KEY = auto()
    VALUE = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: its 1-based line (0 = the file as a whole), the key concerned, and what it is."""

    line: int
    key: str
    message: str
    kind: FaultKind = FaultKind.SYNTAX


def sprawl(text: str, lines_limit: int = LINES_LIMIT) -> Fault | None:
    """What is wrong with a text that is too much for a parser; None if nothing is.

    It has over 10,000 lines, or one of over 32,768 characters.
    """
    lines = text.split("\n", lines_limit)
    if len(lines) > lines_limit and lines[-1]:
        return Fault(lines_limit + 1, "", f"has over {lines_limit:,} lines: no file of this kind has")
    long = next((at for at, line in enumerate(lines, 1) if len(line) > LINE_LIMIT), 0)
    return Fault(long, "", f"is a line of over {LINE_LIMIT:,} characters: no setting is so long") if long else None


def crowd(text: str) -> Fault | None:
    """What is wrong with JSON of more objects and lists than a memory holds; None if nothing is."""
    is_one = text.count("{") + text.count("[") > _PARTS_LIMIT
    return Fault(0, "", f"holds over {_PARTS_LIMIT:,} objects and lists") if is_one else None


def read_text(path: Path) -> str:
    """The text of a configuration file.

    Raises:
        ConfigError: it is missing, unreadable, no file, over 1 MiB (16 if it is JSON), or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
            limit = DOCUMENT_LIMIT if is_document(data) else SIZE_LIMIT
            data += file.read(limit - SIZE_LIMIT)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", code="unreadable") from error
    except ValueError:
        raise ConfigError(f"cannot read {str(path)!r}: no file has such a name", code="unreadable") from None
    if len(data) > limit:
        raise ConfigError(f"{path} is over {limit // 1024} KiB: no configuration file is", code="unreadable")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})", code="unreadable") from None


def is_document(data: bytes) -> bool:
    """Whether a file that begins so is JSON, if it is anything."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def read_secret(path: Path, origin: str) -> str:
    """A secret from its file, without one trailing newline, as Meet reads `_FILE` settings.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return read_text(path).removesuffix("\n")
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error.message}", code=error.code) from error
