"""What a PIN is, how one is drawn, and how it is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from sipctl.errors import UsageError

MIN_LENGTH = 4
MAX_LENGTH = 16
"""livekit-sip hangs up at the 17th digit (livekit/sip pkg/sip/inbound.go, pinPrompt)."""

_DIGITS = re.compile(rf"[0-9]{{{MIN_LENGTH},{MAX_LENGTH}}}\Z")
_KEYS = re.compile(r"[0-9*]*\Z")
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]+")
"""What separates groups of digits: blanks and dashes of any kind."""

MASK: Final = "•"
"""Stands for a digit that is not shown."""

_MASKED_WHOLLY_BELOW = 6
_BLOCKS = re.compile(r"(\d+)\1+\Z")
_DATE_LENGTH = 8
_PART_OF_NUMBER = 5


def is_pin(text: str) -> bool:
    """Whether the text is 4 to 16 ASCII digits: a PIN that a caller can type."""
    return _DIGITS.match(text) is not None


def typed_pin(text: str) -> str:
    """The PIN that a person means: Meet shows ten digits as "625 068 0119#". What is none in any form stays."""
    digits = _BETWEEN.sub("", text.strip().removesuffix("#"))
    return digits if digits.isascii() and digits.isdigit() else text


def is_typable(text: str) -> bool:
    """Whether phone keys can type the text before `#`, as far as LiveKit listens or further."""
    return _KEYS.match(text) is not None


def can_be_typed(pin: str) -> bool:
    """Whether a caller can type the PIN, however short, before LiveKit hangs up."""
    return 0 < len(pin) <= MAX_LENGTH and is_typable(pin)


def check_pin(pin: str) -> None:
    """Refuse a PIN that no caller can type; "" is no PIN.

    Raises:
        UsageError: it is not 4 to 16 digits.
    """
    if pin and not is_pin(pin):
        raise UsageError(
            f"the PIN is not {MIN_LENGTH} to {MAX_LENGTH} digits (it has {len(pin)} characters)",
            hint="callers can only type digits, and LiveKit hangs up at the 17th",
        )


def mask_pin(pin: str) -> str:
    """The PIN as screens show it: the last two digits, and none of one under six digits; "" stays ""."""
    shown = pin[-2:] if len(pin) >= _MASKED_WHOLLY_BELOW else ""
    return MASK * (len(pin) - len(shown)) + shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPolicy:
    """Which PINs are drawn: their length in digits, and whether they may start with 0 or repeat a digit at once.

    Some carriers swallow leading zeros and repeated digits; forbidding them makes the space smaller.
    """

    length: int = 10
    leading_zero: bool = True
    doubles: bool = True

    @property
    def space(self) -> int:
        """How many PINs the policy can draw."""
        first = 10 if self.leading_zero else 9
        return int(first * (10 if self.doubles else 9) ** (self.length - 1))

    def draw(self, below: Callable[[int], int]) -> str:
        """A PIN, uniform over the space. `below(n)` is a uniform integer from 0 up to n, of cryptographic quality."""
        if self.leading_zero and self.doubles:
            return f"{below(10**self.length):0{self.length}d}"
        digits = [below(10) if self.leading_zero else 1 + below(9)]
        while len(digits) < self.length:
            digit = below(10) if self.doubles else below(9)
            digits.append(digit + (not self.doubles and digit >= digits[-1]))
        return "".join(map(str, digits))

    def accepts(self, pin: str) -> bool:
        """Whether the policy could have drawn this PIN."""
        return (
            len(pin) == self.length
            and is_pin(pin)
            and (self.leading_zero or pin[0] != "0")
            and (self.doubles or all(one != other for one, other in pairwise(pin)))
        )


def weakness(pin: str, number: str = "") -> str:
    """Why someone would try this PIN first; "" if nothing stands out. `number` is the one people dial."""
    steps = {(int(other) - int(one)) % 10 for one, other in pairwise(pin)}
    reasons = {
        "one digit repeated": steps == {0},
        "digits in a row": steps in ({1}, {9}),
        "a block repeated": _BLOCKS.match(pin) is not None,
        "the same backwards": pin == pin[::-1],
        "a date": _is_date(pin),
        "part of the number people dial": len(pin) >= _PART_OF_NUMBER and pin in re.sub(r"\D", "", number),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _is_date(pin: str) -> bool:
    """Whether the digits read as a day of 1900 to 2099, year first or last."""
    if len(pin) != _DATE_LENGTH:
        return False
    readings = ((pin[:4], pin[4:6], pin[6:]), (pin[4:], pin[2:4], pin[:2]), (pin[4:], pin[:2], pin[2:4]))
    return any(1900 <= int(year) <= 2099 and _is_day(int(year), int(month), int(day)) for year, month, day in readings)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
