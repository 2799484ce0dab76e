"""Text as man(7) pages have it."""

import os
import re
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from sipctl import __version__

_EPOCH: Final = 1_795_824_000
"""The day of this version, in seconds; SOURCE_DATE_EPOCH says another one."""
_ESCAPES: Final = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti"}
_BOLD: Final = re.compile(r"`([^`]+)`")
_OPTION: Final = re.compile(r"(?<![\w`-])(--[a-z][a-z-]+)(?![\w`-])")


def page(name: str, section: int, summary: str, parts: Iterable[tuple[str, str]]) -> str:
    """A page: its name, its section of the manual, one line, and parts of a heading and its text in roff."""
    day = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", _EPOCH)), UTC).date()
    head = f'.TH {name.upper()} {section} {day} "sipctl {__version__}" "sipctl manual"\n'
    named = f".SH NAME\n{escaped(name)} \\- {escaped(summary.rstrip('.'))}\n"
    return head + named + "".join(f".SH {heading}\n{text}" for heading, text in parts if text)


def escaped(text: str) -> str:
    """The text as it is, on lines that roff takes for text."""
    plain = "".join(_ESCAPES.get(one, one) if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)
    return re.sub(r"(?m)^\.", r"\\&.", plain)


def prose(text: str) -> str:
    """Running text, in which options and what is between backticks are bold."""
    marked = _OPTION.sub(r"`\1`", " ".join(text.split()))
    parts = _BOLD.split(marked)
    return "\n".join(textwrap.wrap(
        "".join(f"\\fB{escaped(part)}\\fR" if at % 2 else escaped(part) for at, part in enumerate(parts)),
        width=100, break_long_words=False, break_on_hyphens=False,
    )).replace("\n.", "\n\\&.") + "\n"  # fmt: skip


def paragraphs(texts: Iterable[str]) -> str:
    """Paragraphs of running text."""
    return ".PP\n".join(map(prose, texts))


def tagged(entries: Iterable[tuple[str, str]]) -> str:
    """A list of terms, each in roff already, and what they mean in plain text."""
    return "".join(f".TP\n{term}\n{prose(text)}" for term, text in entries)


def bold(text: str) -> str:
    """Words that are typed as they are."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """A word in whose place another one is typed."""
    return f"\\fI{escaped(text)}\\fR"


def verbatim(lines: Iterable[str]) -> str:
    """Lines that keep their form."""
    return ".nf\n" + "".join(f"{escaped(line)}\n" for line in lines) + ".fi\n"
