"""Text from the network, made safe for a terminal."""

import re
from typing import Final

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# DEL and C1 drive terminals, as C0 does; U+2028/9 break lines; the bidirectional controls reorder what a person reads.
# U+FFFE and U+FFFF are no characters, and XML cannot hold them.
_STEERING: Final = "\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
_UNSAFE = re.compile(f"[\x00-\x1f{_STEERING}]")
_UNSAFE_IN_JSON = re.compile(f"[{_STEERING}]")
"""JSON escapes C0 inside strings itself, and uses it as white space outside."""


def printable(text: str) -> str:
    """The text with everything that could steer a terminal shown as a backslash escape."""
    return _UNSAFE.sub(_escaped, text)


def escaped_json(text: str) -> str:
    """JSON text with what could steer a terminal as JSON's own escapes; the values stay the same."""
    if text.isprintable():  # what Python prints as it is holds nothing of the kind, and to ask costs half a search
        return text
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def shortened(text: str, limit: int) -> str:
    """The text cut to `limit` characters, the last one an ellipsis if anything was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
