"""Text as Go's `%q` prints it, which LiveKit's error texts use (Go strconv.Quote)."""

from collections.abc import Iterable
from typing import Final

_NAMED: Final = {
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", '"': r"\"", "\\": r"\\",
}  # fmt: skip


def go_quote(text: str) -> str:
    """The text in double quotes, with Go's escapes."""
    return '"' + "".join(map(_escaped, text)) + '"'


def go_quote_all(texts: Iterable[str]) -> str:
    """A list as `%q` prints it: `["a" "b"]`."""
    return "[" + " ".join(map(go_quote, texts)) + "]"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
