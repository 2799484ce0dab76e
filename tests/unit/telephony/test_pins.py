"""PINs: which can be typed, and how they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.pins import is_pin, mask_pin


@given(st.from_regex(r"[0-9]{4,16}", fullmatch=True))
def test_four_to_sixteen_digits_are_a_pin(pin: str) -> None:
    assert is_pin(pin) is pin.isascii()


@pytest.mark.parametrize("text", ["", "123", "12345678901234567", "12a4", "1234\n", "١٢٣٤", "None", "12#4"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_pin(text)


@given(st.text(alphabet="0123456789", min_size=6, max_size=20))
def test_only_the_last_two_digits_of_a_pin_are_shown(pin: str) -> None:
    assert mask_pin(pin) == "•" * (len(pin) - 2) + pin[-2:]


@pytest.mark.parametrize(("pin", "shown"), [("", ""), ("1", "•"), ("12345", "•••••"), ("123456", "••••56")])
def test_short_pins_are_hidden_wholly(pin: str, shown: str) -> None:
    assert mask_pin(pin) == shown
