"""The documents name tests that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def named_in(text: str) -> Iterator[str]:
    """Every `path::Class::test` between backticks; `…::test` is one of the file that was named before it."""
    file = ""
    for named in re.findall(r"`(?:tests/)?((?:[\w/]+/)?test_[a-z\d_]+\.py(?:::\w+)*|…(?:::\w+)+)`", text):
        file = file if named.startswith("…") else named.partition("::")[0]
        yield file + named[named.find("::") :] if "::" in named else file


def definitions(path: Path) -> set[str]:
    """The tests of a file, and those of its classes behind `Class::`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def test_every_test_that_a_document_names_exists() -> None:
    missing = []
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")]:
        for named in named_in(document.read_text()):
            file, _, test = named.partition("::")
            paths = [ROOT / "tests" / file] if "/" in file else list((ROOT / "tests").rglob(file))
            if not any(path.exists() and (not test or test in definitions(path)) for path in paths):
                missing.append(f"{document.name}: {named}")
    assert not missing
