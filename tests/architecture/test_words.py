"""One word for one thing: words that readers had to translate do not come back. CONTRIBUTING.md has the glossary."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "sipctl").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TEXTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs" / "schemas").iterdir()]
TEXTS += (ROOT / "man").iterdir()

INSTEAD: Final = {
    r"\b(a|an|the|this|each|every|first|second|earlier|last|next|another|one|two|no|between|several) looks?\b": (
        "observation (of a run), check (of the doctor), reading"
    ),
    r"\brails?\b(?!-)": "safeguard",
    r"\bdeeds?\b": "action",
    r"\btold\b": "reported, described, named; a backend gets a webhook",
    r"\bweather\b": "faults",
    r"\bworlds?\b": "state",
    r"\bsecond truth\b": "two systems hand out different PINs",
    r"\b(some|no|any|every)body\b": "caller, someone, no one, anyone, everyone",
    r"\bwhoever\b": "the caller, the reader, anyone who",
    r"\bbrakes?\b": "stop switch",
    r"\b(came|comes?|coming) alive\b": "became live",
    r"\bstands? (in|beside|between|twice|half-way)\b": "is in, is described in, appears, exists",
    r"\b(tell|tells|telling) (it |the backend )?again\b": "send the missed webhook again",
    r"\bis no (way|part|time|level)\b": "unknown value; errors.unknown_value",
    r"\blifts? no\b": "unknown value; errors.unknown_value",
    r"\bseveral things have\b": "ambiguous",
    r"\bgot around\b": "leaked",
}
WORDS = re.compile("|".join(INSTEAD), re.IGNORECASE)

ALLOWED: Final = {
    "rail": "an error code, which scripts may rely on; so are those that begin with `rail-`",
    "sipctl-nobody": "what LiveKit is asked for to find ghosts: an identity that no participant has",
}
"""Strings that stay, each with its reason."""


def found_in(text: str) -> list[str]:
    return [match.group() for match in WORDS.finditer(" ".join(text.split()))]


def strings_of(file: Path) -> Iterator[str]:
    """Every string of a module, its docstrings and the fixed parts of its f-strings among them; then its comments."""
    text = file.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in ALLOWED:
            yield node.value
    yield from re.findall(r"#.*", text)


def names_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name.replace("_", " ")


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_people_read_is_in_plain_words(file: Path) -> None:
    assert not found_in(file.read_text())


def test_strings_and_comments_are_in_plain_words() -> None:
    found = {str(file.relative_to(ROOT)): found_in("\n".join(strings_of(file))) for file in SOURCES}
    assert not {file: words for file, words in found.items() if words}


def test_names_are_plain_words() -> None:
    found = {f"{file.relative_to(ROOT)}: {name}" for file in (*SOURCES, *TESTS) for name in names_of(file)}
    assert not {name for name in found if found_in(name.partition(": ")[2])}


def test_what_is_allowed_is_still_there() -> None:
    nodes = (node for file in SOURCES for node in ast.walk(ast.parse(file.read_text())))
    assert {node.value for node in nodes if isinstance(node, ast.Constant)} >= ALLOWED.keys()
