"""The torture messages of RFC 4475, read from the project's own notation (tests/data/sip/torture.txt says how)."""

import re
from pathlib import Path

NOTATION = Path(__file__).parents[1] / "data" / "sip" / "torture.txt"

_MESSAGE = re.compile(r"^== (\w+), (\d+) octets\n(.*?)(?=^== |\Z)", re.MULTILINE | re.DOTALL)
_OCTETS = re.compile("⟨([0-9A-F]{2}(?:[ \n][0-9A-F]{2})*)⟩")
_REPEATED = re.compile("⟨([0-9]+) times ([^⟩]+)⟩")


def torture_messages() -> dict[str, bytes]:
    """Every message by its name in the RFC."""
    messages = {}
    for name, octets, text in _MESSAGE.findall(NOTATION.read_text(encoding="utf-8")):
        messages[name] = _octets(text)
        assert len(messages[name]) == int(octets), name
    return messages


def _octets(text: str) -> bytes:
    repeated = _REPEATED.sub(lambda found: found[2] * int(found[1]), text)
    data = b""
    for at, part in enumerate(_OCTETS.split(repeated)):
        data += bytes.fromhex(part) if at % 2 else part.replace("\n", "\r\n").encode()
    return data
