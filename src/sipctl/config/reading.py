"""Configuration files as text, and the faults found in them."""

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from sipctl.errors import ConfigError

SIZE_LIMIT: Final = 1024 * 1024
LINES_LIMIT: Final = 10_000
LINE_LIMIT: Final = 32 * 1024
"""The most lines of a file, and characters of a line. Real files have some hundreds and a private key's; what their
parsers need grows faster than the text, to minutes at the size that any file may have."""


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


def read_text(path: Path) -> str:
    """The text of a configuration file.

    Raises:
        ConfigError: it is missing, unreadable, no file, over 1 MiB, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", code="unreadable") from error
    except ValueError:
        raise ConfigError(f"cannot read {str(path)!r}: no file has such a name", code="unreadable") from None
    if len(data) > SIZE_LIMIT:
        raise ConfigError(f"{path} is over {SIZE_LIMIT // 1024} KiB: no configuration file is", code="unreadable")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})", code="unreadable") from None


def read_secret(path: Path, origin: str) -> str:
    """A secret from its file, without one trailing newline, as Meet reads `_FILE` settings.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return read_text(path).removesuffix("\n")
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error.message}", code=error.code) from error
