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


def never_dialled(number: str) -> str:
    """Why a trunk's number equals none that a provider sends, though someone meant it so; "" if nothing is odd.

    LiveKit compares what is no number as it is written, with the user part of the To header.
    """
    if wildcard := next((one for one in "*?%" if one in number), ""):
        return f"LiveKit knows no wildcards: {wildcard!r} is an ordinary character"
    if number.lower().startswith(("sip:", "sips:", "tel:")) or "@" in number:
        return "LiveKit compares an address, as it is written, with the number alone"
    return ""
