"""Number normalisation, by the vectors of LiveKit's own tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.numbers import normalize_number


@pytest.mark.parametrize(
    ("number", "normal"),
    [
        ("", ""),
        ("123", "+123"),
        ("+123", "+123"),
        ("user", "user"),
        ("(123) 456 7890", "+1234567890"),
        ("0033 1 23-45", "+003312345"),
        ("01.23.45", "01.23.45"),
        ("()", "+"),
        ("+", "+"),
        ("++1", "++1"),
        ("123\n", "123\n"),
        ("١٢٣", "١٢٣"),
    ],
)
def test_vectors(number: str, normal: str) -> None:
    assert normalize_number(number) == normal


@given(st.text(alphabet="+0123456789-() abc.", max_size=12))
def test_normalising_twice_changes_nothing(number: str) -> None:
    once = normalize_number(number)
    assert normalize_number(once) == once
