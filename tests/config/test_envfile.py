"""Env files: what a line means, and where what is wrong with it stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.envfile import EnvFile, parse_env_file, read_env_file
from sipctl.errors import ConfigError

HERE = Path("env")


def parse(text: str, **known: str) -> EnvFile:
    return parse_env_file(HERE, text, known)


def values(text: str, **known: str) -> dict[str, str]:
    return {name: entry.value for name, entry in parse(text, **known).entries.items()}


def faults(text: str, **known: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.key) for fault in parse(text, **known).faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", "1"), ("A = 1", "1"), ("A\t=\t1", "1"), ("  A=1", "1"), ("A=1  ", "1"), ("A=", ""), ('A=""', ""),
        ("export A=1", "1"), ("export  A = 1", "1"), ("exported=0\nA=1", "1"),
        ("A='x y'", "x y"), ('A="x y"', "x y"), ("A = 'x'", "x"), ('A="x#y"', "x#y"), ("A='it\"s'", 'it"s'),
        ("A=1 # comment", "1"), ("A=a#b", "a#b"), ('A="x" # comment', "x"), ("A='x' # comment", "x"),
        ("A=x=y", "x=y"), ("A=1\r\n", "1"), ("A='x\ny'", "x\ny"), ("A=1\nA=2", "2"),
    ],
)  # fmt: skip
def test_a_line(text: str, value: str) -> None:
    assert values(text)["A"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=${B}", "b"), ("A=${B}/x", "b/x"), ('A="${B}"', "b"), ("A='${B}'", "${B}"), ("A = '${B}'", "${B}"),
        ("B=c\nA=${B}", "c"), ("A=1\nA=${A}2", "12"), ("A=${C:-d}", "d"), ("A=${B:-d}", "b"), ("A=${C:-}", ""),
    ],
)  # fmt: skip
def test_references(text: str, value: str) -> None:
    file = parse(text, B="b")
    assert file.entries["A"].value == value
    assert [fault for fault in file.faults if "is not set" in fault.message] == []


@pytest.mark.parametrize("text", ["A=\"x='${B}'\"", "A=${B} # not A='x'", "# B='x'\nA=\"${B}\""])
def test_a_single_quote_elsewhere_makes_nothing_literal(text: str) -> None:
    assert "${B}" not in values(text, B="b")["A"]


def test_an_empty_value_takes_the_default() -> None:
    assert values("A=${B:-d}", B="")["A"] == "d"  # as compose and shells read `:-`


def test_a_reference_forward_or_to_nothing_is_a_fault() -> None:
    assert faults("A=${B}\nB=1") == [(1, "A")]
    assert values("A=x${B}y")["A"] == "xy"
    assert faults("A='${B}'") == []


def test_a_name_alone_takes_the_value_from_the_environment() -> None:
    file = parse("A\nexport B\nC=${A}", A="1", B="2")  # as compose and docker read it
    assert ({name: entry.value for name, entry in file.entries.items()}, file.faults) == (
        {"A": "1", "B": "2", "C": "1"},
        (),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nonsense", [(1, "nonsense")]), ("\n\nnonsense", [(3, "nonsense")]), ("A=1\n\n\nB", [(4, "B")]),
        ("# c\n\nB", [(3, "B")]), ("A='x\ny'\nB", [(3, "B")]), ("\r\n\r\nB\r\n", [(3, "B")]),
        ("A='open\nB=1", [(1, "")]),
        ("A=1\n\nA=2", [(3, "A")]), ("A=1\nA=2\nA=3", [(2, "A"), (3, "A")]), ("1A=x", [(1, "1A")]),
        ("A=1\n\n=2\n", [(3, "")]), ("", []), ("\n\n# only this\n", []),
    ],
)  # fmt: skip
def test_faults_stand_at_their_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert faults(text) == expected


def test_entries_know_their_line() -> None:
    entries = parse("\n\nA=1\n# c\nB='x\ny'\n\nC=3\nA=4\n").entries
    assert {name: entry.line for name, entry in entries.items()} == {"A": 9, "B": 5, "C": 8}


def test_a_name_set_twice_says_which_line_loses() -> None:
    (fault,) = parse("A=1\n\nA=2\n").faults
    assert "line 1 loses" in fault.message


def test_reading_a_file(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(b"\xef\xbb\xbfA=${B}\n")
    assert read_env_file(path, {"B": "b"}).entries["A"].value == "b"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_env_file(path, {})
    with pytest.raises(ConfigError, match="cannot read"):
        read_env_file(tmp_path, {})


LINES = st.lists(st.sampled_from(["A=1", "A='", '"', "${A}", "A=${B:-", "export", "\\", "=", "#", "\r", "", " "]))


@given(st.one_of(st.text(), LINES.map("\n".join), LINES.map("".join)))
def test_no_text_raises_and_lines_exist(text: str) -> None:
    file = parse(text)
    lines = [entry.line for entry in file.entries.values()] + [fault.line for fault in file.faults]
    assert all(1 <= line <= len(text.splitlines()) for line in lines)
