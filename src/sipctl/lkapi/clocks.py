"""The clock of a server beside ours."""

from email.utils import parsedate_to_datetime
from time import time
from typing import Final

CLOCKS_AGREE_S: Final = 10.0
"""How far the two may be apart, in seconds: Date is to the second (RFC 9110 6.6.1), and an answer takes time."""


def skew_s(date: str) -> float | None:
    """The server's clock minus ours, in seconds, from the Date of an answer that came just now; None if it is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - time()
    except (ValueError, OverflowError):
        return None
