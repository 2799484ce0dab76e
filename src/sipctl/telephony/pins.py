"""What a PIN is, and how it is shown."""

import re

MIN_LENGTH = 4
MAX_LENGTH = 16
"""livekit-sip hangs up at the 17th digit (livekit/sip pkg/sip/inbound.go, pinPrompt)."""

_DIGITS = re.compile(rf"[0-9]{{{MIN_LENGTH},{MAX_LENGTH}}}\Z")
_MASKED_WHOLLY_BELOW = 6


def is_pin(text: str) -> bool:
    """Whether the text is 4 to 16 ASCII digits: a PIN that a caller can type."""
    return _DIGITS.match(text) is not None


def mask_pin(pin: str) -> str:
    """The PIN as screens show it: the last two digits, and none of one under six digits; "" stays ""."""
    shown = pin[-2:] if len(pin) >= _MASKED_WHOLLY_BELOW else ""
    return "•" * (len(pin) - len(shown)) + shown
