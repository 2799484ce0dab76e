"""Nothing from the network drives the terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sipctl.output.text import printable, shortened


def test_control_characters_become_visible() -> None:
    assert printable("a\x1b[31mb\nc\td\x9b\u202ee") == "a\\x1b[31mb\\nc\\td\\x9b\\u202ee"


def test_ordinary_text_passes() -> None:
    assert printable("Réunion [red] 会议 +33 •56") == "Réunion [red] 会议 +33 •56"


@given(st.text(st.characters()))
def test_no_control_or_surrogate_character_survives(text: str) -> None:
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in printable(text))


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_shortened_text_fits(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")
