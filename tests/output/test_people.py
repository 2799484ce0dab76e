"""Lines for people: width, indents, colour."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.output.people import GOOD, for_people
from sipctl.output.text import printable
from tests.support.hostile_text import ANY_TEXT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def shown(*lines: str, stream: io.StringIO | None = None) -> list[str]:
    return "".join(for_people(lines, stream or Terminal())).splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "        fix: delete the rule and create it with the PIN",
            ["        \x1b[36mfix:\x1b[0m delete the rule and create", "             it with the PIN"],
        ),
        (
            "rules   one two three four five six seven eight",
            ["rules   one two three four five six", "        seven eight"],
        ),
        (
            "  ✓ a b c d e f g h i j k l m n o p q r s t",
            ["  \x1b[32m✓\x1b[0m a b c d e f g h i j k l m n o p q r", "    s t"],
        ),
        (
            "hint: type `sipctl rules sync --room standup`",
            ["\x1b[36mhint:\x1b[0m type", "      `sipctl rules sync --room standup`"],
        ),
    ],
)
def test_further_lines_stand_below_the_text(line: str, expected: list[str]) -> None:
    assert shown(line) == expected


@pytest.mark.parametrize(
    "line", ["        $ sipctl rules sync --room standup --apply --allow x", "undo: " + "word " * 20]
)
def test_a_command_is_never_broken(line: str) -> None:
    assert len(shown(line)) == 1


def test_a_pipe_gets_whole_lines_without_color() -> None:
    line = "ERROR   RUL404  " + "word " * 40
    assert shown(line, stream=io.StringIO()) == [line]


def test_color_always_colors_a_pipe_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert shown("ERROR   x", stream=io.StringIO()) == shown("ERROR   x") == ["\x1b[1;31mERROR\x1b[0m   x"]
    assert "".join(for_people(["Ready."], io.StringIO(), GOOD)) == "\x1b[1;32mReady.\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown("ERROR   x") == ["ERROR   x"]


@given(text=ANY_TEXT, width=st.integers(30, 200))
def test_nothing_is_lost_or_left_to_steer_the_terminal(text: str, width: int) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", str(width))
        environment.setenv("NO_COLOR", "1")
        lines = shown(f"error: {text}")
    assert all(printable(line) == line for line in lines)
    assert "".join("".join(lines).split()) == "".join(f"error:{printable(text)}".split())


def test_the_undo_of_a_detail_is_one_line_however_long_it_is() -> None:
    line = "undo      sipctl pin import " + "a-long-folder/" * 12 + "rotation.jsonl --apply"
    assert shown(line) == [line]
