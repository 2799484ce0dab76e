"""A guesser's chances, against the formula itself in exact arithmetic."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.telephony.exposure import Exposure, odds
from sipctl.telephony.pins import PinPolicy


def exposure(length: int, live: int, lines: int, seconds: float = 8) -> Exposure:
    return Exposure(policy=PinPolicy(length=length), live=live, lines=lines, seconds_per_call=seconds)


@pytest.mark.parametrize(
    ("length", "live", "lines", "days", "chance"),
    [
        (10, 20, 1, 30, 0.00065), (10, 20, 30, 30, 0.019), (10, 100, 1, 30, 0.0032), (10, 100, 30, 30, 0.093),
        (12, 100, 30, 30, 0.0010), (6, 100, 1, 1, 0.66),
    ],
)  # fmt: skip
def test_known_figures(length: int, live: int, lines: int, days: int, chance: float) -> None:
    assert exposure(length, live, lines).chance(days) == pytest.approx(chance, rel=0.05)


@given(st.integers(4, 16), st.integers(1, 9_000), st.integers(1, 300), st.integers(1, 400))
def test_the_chance_is_the_formula(length: int, live: int, lines: int, guesses: int) -> None:
    one = Exposure(policy=PinPolicy(length=length), live=live, lines=lines, seconds_per_call=86_400 * lines / guesses)
    exact = 1 - (1 - Fraction(live, 10**length)) ** guesses
    assert one.chance(1) == pytest.approx(float(exact), rel=1e-12)
    assert one.bits == pytest.approx(math.log2(10**length / live), rel=1e-12)


@given(st.integers(1, 9_000), st.integers(1, 300), st.floats(1e-9, 0.5))
def test_the_minimum_length_is_the_first_that_is_enough(live: int, lines: int, target: float) -> None:
    shortest = exposure(10, live, lines).minimum_length(30, target)
    longest = shortest or 17
    assert shortest is None or exposure(shortest, live, lines).chance(30) <= target
    assert longest == 4 or exposure(longest - 1, live, lines).chance(30) > target


@given(st.integers(4, 16), st.integers(1, 9_000), st.floats(1e-6, 0.5))
def test_the_budget_is_where_the_chance_meets_the_target(length: int, live: int, target: float) -> None:
    budget = exposure(length, live, 1).budget_per_hour(30, target)
    spent = Exposure(policy=PinPolicy(length=length), live=live, lines=1, seconds_per_call=3600 / budget)
    assert spent.chance(30) == pytest.approx(target, rel=1e-9)


def test_the_ends() -> None:
    nobody = exposure(10, 0, 30)
    assert (nobody.chance(30), nobody.budget_per_hour(30, 0.01), nobody.minimum_length(30, 0.01)) == (0.0, math.inf, 4)
    full = exposure(4, 10_000, 1)
    assert (full.chance(1), full.budget_per_hour(30, 0.01)) == (1.0, 0.0)
    assert exposure(10, 5, 1).budget_per_hour(30, 1.0) == math.inf
    assert exposure(10, 9_000, 300).minimum_length(30, 1e-12) is None


def test_a_policy_makes_the_space_smaller() -> None:
    strict = PinPolicy(length=10, leading_zero=False, doubles=False)
    assert strict.space == 9**10
    assert Exposure(policy=strict, live=100, lines=30, seconds_per_call=8).chance(30) > exposure(10, 100, 30).chance(30)


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.0, "no chance"),
        (1 / 256, "1 chance in 256"),
        (1e-7, "1 chance in 10,000,000"),
        (0.34, "1 chance in 3"),
        (0.5, "50% chance"),
        (1.0, "100% chance"),
    ],
)
def test_a_chance_in_words(chance: float, words: str) -> None:
    assert odds(chance) == words
