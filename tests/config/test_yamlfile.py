"""YAML with the line of everything, also of what is wrong with it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipctl.config.yamlfile import YamlFile, parse_yaml


def parse(text: str) -> YamlFile:
    return parse_yaml(Path("x.yaml"), text)


def test_lines_of_keys_that_exist_and_of_what_is_around_others() -> None:
    file = parse("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - e: 3\n")
    assert [file.line(*keys) for keys in (("a",), ("b", "c"), ("b", "d", 1), ("b", "d", 1, "e"))] == [1, 3, 6, 6]
    assert [file.line(*keys) for keys in (("b", "none"), ("none",), ())] == [2, 1, 1]
    assert (file.get("b", "d", 1, "e"), file.get("b", "d", 7), file.get("a", "x")) == (3, None, None)


def test_every_key_that_appears_twice() -> None:
    faults = parse("a: 1\nb:\n  c: 1\n  c: 2\nd: [{e: 1, e: 2}]\na: 3\n").faults
    assert [(fault.line, fault.key, fault.message) for fault in faults] == [
        (4, "c", "is set twice"), (5, "e", "is set twice"), (6, "a", "is set twice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a: [\n", "a: b: c\n", "\ta: 1\n", "a: 'open\n", "- x\n", "word\n", "a: !!int canary\n"]
)
def test_what_is_no_mapping_is_a_fault_and_empty(text: str) -> None:
    file = parse(text)
    assert file.faults
    assert file.root == {}
    assert "canary" not in str(file.faults)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["[" * 32_000, "{a: " * 8_000, "- " * 16_000], ids=["lists", "maps", "block"])
def test_what_nests_too_deep_is_given_up_at_once(text: str) -> None:
    assert "too deep" in parse(text).faults[0].message


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["a: 1", "- x", "  b:", "[", "}", "'", "&x", "*x", "!!set"])).map("\n".join)
    )
)
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(parse(text).faults, tuple)
