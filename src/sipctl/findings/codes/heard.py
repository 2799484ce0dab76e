"""What callers hear, where several codes say the same."""

from typing import Final

RINGING: Final = "Ringing without end, then the provider's own message."
NO_RULE: Final = "No rule is made for a meeting: ringing without end, or the wrong-PIN message."
NOTHING: Final = "Nothing unusual."
BUSY: Final = "A short ring, then the provider's error tone: LiveKit answers 503 to every call concerned."
