"""PINs: which can be typed, and how they are shown."""

import random
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.pins import PinPolicy, is_pin, mask_pin, weakness

POLICIES = st.builds(PinPolicy, length=st.integers(4, 16), leading_zero=st.booleans(), doubles=st.booleans())


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


@given(POLICIES, st.randoms(use_true_random=False))
def test_what_a_policy_draws_it_accepts(policy: PinPolicy, entropy: random.Random) -> None:
    pin = policy.draw(entropy.randrange)
    assert is_pin(pin)
    assert policy.accepts(pin)
    assert policy.leading_zero or pin[0] != "0"
    assert policy.doubles or all(one != other for one, other in pairwise(pin))


@pytest.mark.parametrize("leading_zero", [True, False])
@pytest.mark.parametrize("doubles", [True, False])
def test_every_pin_of_the_space_is_drawn_alike(leading_zero: bool, doubles: bool) -> None:
    """Chi-square over the whole space of four digits, with entropy that never changes."""
    policy = PinPolicy(length=4, leading_zero=leading_zero, doubles=doubles)
    entropy, each = random.Random(2026), 20
    drawn = Counter(policy.draw(entropy.randrange) for _ in range(policy.space * each))
    assert len(drawn) == policy.space == sum(policy.accepts(f"{number:04}") for number in range(10_000))
    chi_square = sum((count - each) ** 2 / each for count in drawn.values())
    degrees = policy.space - 1
    assert abs(chi_square - degrees) < 4 * (2 * degrees) ** 0.5


def test_the_draw_uses_all_of_the_entropy_it_asks_for() -> None:
    """The smallest and the largest draws are the ends of the space."""
    policy = PinPolicy(length=10)
    assert policy.draw(lambda _: 0) == "0000000000"
    assert policy.draw(lambda below: below - 1) == "9999999999"
    strict = PinPolicy(length=4, leading_zero=False, doubles=False)
    assert strict.draw(lambda _: 0) == "1010"
    assert strict.draw(lambda below: below - 1) == "9898"


@pytest.mark.parametrize(
    ("pin", "reason"),
    [
        ("7777", "one digit repeated"), ("1234567890", "digits in a row"), ("9876", "digits in a row"),
        ("7890", "digits in a row"), ("123123", "a block repeated"), ("47288274", "the same backwards"),
        ("19840229", "a date"), ("29021984", "a date"), ("12311999", "a date"),
        ("189900", "part of the number people dial"),
    ],
)  # fmt: skip
def test_pins_that_someone_tries_first(pin: str, reason: str) -> None:
    assert weakness(pin, "+33 1 70 18 99 00") == reason


@pytest.mark.parametrize("pin", ["5029384756", "4820", "19841332", "99999998", "30021984"])
def test_pins_that_no_one_thinks_of(pin: str) -> None:
    assert weakness(pin, "+33170189900") == ""


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_any_day_is_a_date(day: date) -> None:
    assert weakness(f"{day:%Y%m%d}") != ""
    assert weakness(f"{day + timedelta(0):%d%m%Y}") != ""
