"""Lines for people: escaped, wrapped to the width of a terminal, in colour where colour is wanted."""

import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final, TextIO

from sipctl.output.text import printable

_STYLES: Final = {
    "ERROR": "1;31", "WARN": "33", "UNKNOWN": "35", "INFO": "36", "OK": "32", "SKIPPED": "2",
    "✓": "32", "✗": "31", "error:": "1;31", "hint:": "36", "note:": "36", "fix:": "36", "undo:": "36", "do it:": "36",
}  # fmt: skip
"""The codes of Select Graphic Rendition (ECMA-48, 8.3.117) for the words with which lines of ours begin."""
GOOD: Final = "1;32"
BAD: Final = "1;31"
_WORD: Final = re.compile(rf"( *)({'|'.join(map(re.escape, _STYLES))})(?= |$)")
_HEAD: Final = re.compile(r" *(?:[✓✗] |fix: |hint: |note: |[\w-]+ {2,})?")
"""The start of a line up to the text that its further lines stand below."""
_COMMAND: Final = re.compile(r" *(?:\$|undo:?|do it:) ")
"""A line that is copied as a whole is not wrapped."""
_QUOTED: Final = re.compile(r"`[^`]*`")
_KEPT_BLANK: Final = "\0"
_NARROWEST: Final = 30


def in_color(stream: TextIO) -> bool:
    """Whether what goes into the stream is coloured: on a terminal, and as NO_COLOR and FORCE_COLOR say.

    `--color` sets one of the two, which rich and the help understand as well (no-color.org).
    """
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def for_people(lines: Iterable[str], stream: TextIO, style: str = "") -> Iterator[str]:
    """The lines as the stream shows them, each with its line break; in one `style`, or as their first words say."""
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if stream.isatty() else 0
    is_colored = in_color(stream)
    for line in lines:
        for at, part in enumerate(_wrapped(printable(line), width)):
            if is_colored and style:
                yield f"\x1b[{style}m{part}\x1b[0m\n"
            else:
                yield f"{_colored(part) if is_colored and at == 0 else part}\n"


def _colored(line: str) -> str:
    return _WORD.sub(lambda found: f"{found[1]}\x1b[{_STYLES[found[2]]}m{found[2]}\x1b[0m", line, count=1)


def _wrapped(line: str, width: int) -> list[str]:
    """The line in pieces of at most this many characters, unless a word or a quoted command is longer; 0 = whole."""
    if not width or len(line) <= width or _COMMAND.match(line):
        return [line]
    found = _HEAD.match(line)
    head = found[0] if found else ""
    indent = " " * len(head)
    text = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", _KEPT_BLANK), line[len(head) :])
    kept = head.replace(" ", _KEPT_BLANK) + text
    pieces = textwrap.wrap(
        kept, width, subsequent_indent=indent, drop_whitespace=True, break_long_words=False, break_on_hyphens=False
    )
    return [piece.replace(_KEPT_BLANK, " ") for piece in pieces]
