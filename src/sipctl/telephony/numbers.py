"""Phone numbers as LiveKit compares them."""

import re

_DIALLABLE = re.compile(r"\+?[0-9\- ()]+\Z")
_PUNCTUATION = str.maketrans("", "", " -()")


def normalize_number(number: str) -> str:
    """LiveKit's NormalizeNumber (livekit/protocol livekit/sip.go): no country logic, only punctuation and a plus.

    Anything that is not digits, spaces, `-`, `(`, `)` after an optional plus comes back unchanged.
    """
    if not _DIALLABLE.match(number):
        return number
    bare = number.translate(_PUNCTUATION)
    return bare if bare.startswith("+") else f"+{bare}"
