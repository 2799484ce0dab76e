"""What commands read from a person or a pipe: a PIN, a file, never two things from one stdin."""

import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sipctl.errors import UsageError
from sipctl.files import names_stdout

STDIN: Final = Path("-")
_LIMIT: Final = 4 * 1024 * 1024
EXPORT_LIMIT: Final = 128 * 1024 * 1024
"""The most bytes of what an export wrote: some 250,000 rules, or ten times as many PINs."""

_LINE_LIMIT: Final = 4096
"""The most bytes of a line of stdin, a PIN or a name: names of rooms have 256."""


def read_document(path: Path, limit: int = _LIMIT, *, errors: str = "strict") -> str:
    """The text of a file, or of stdin for `-`.

    `errors` "surrogateescape" = bytes that are not UTF-8 come as lone surrogates.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or is over `limit` bytes (4 MiB).
    """
    try:
        with sys.stdin.buffer if path == STDIN else path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"cannot read {named(path)}: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError(f"{named(path)} is over {limit // 1024 // 1024} MiB")
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise UsageError(f"{named(path)} is not UTF-8 (byte {error.start})") from None


def or_stdout(path: Path | None) -> Path | None:
    """The file that a command writes; None for stdout, which `-` means, too."""
    return None if path is None or path == STDIN or names_stdout(path) else path


def named(path: Path) -> str:
    """The file as people call it."""
    return "stdin" if path == STDIN else str(path)


def read_secret_line(what: str) -> str:
    """One line that must not be seen: from a hidden prompt on a terminal, else from stdin.

    Raises:
        UsageError: stdin is empty, or not UTF-8.
    """
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    try:
        line = sys.stdin.buffer.readline(_LINE_LIMIT).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"the {what} on stdin is not UTF-8") from None
    if not line:
        raise UsageError(f"no {what} on stdin", hint=f"pipe the {what} into the command")
    return line


def read_lines(what: str) -> Iterator[str]:
    """The lines of stdin that are not empty, as they come; a mark that says UTF-8 is none of them.

    Raises:
        UsageError: there is none, or one is not UTF-8.
    """
    count = 0
    for number, line in enumerate(iter(lambda: sys.stdin.buffer.readline(_LINE_LIMIT), b""), 1):
        if len(line) == _LINE_LIMIT:
            raise UsageError(f"line {number} of stdin is over {_LINE_LIMIT} bytes")
        try:
            text = line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError(f"line {number} of stdin is not UTF-8") from None
        if text.strip():
            count += 1
            yield text
    if not count:
        raise UsageError(f"no {what} on stdin", hint=f"pipe {what}s in, one a line")
