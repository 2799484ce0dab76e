"""Writes what is generated in docs: a page for each finding code, their index, and the JSON Schemas.

Run `python docs/generate` after a change of codes or of what a command prints; a test says when it was forgotten.
"""

from pathlib import Path

from findings import pages
from schemas import schemas

DOCS = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {DOCS / "findings" / name: text for name, text in pages()}
    return files | {DOCS / "schemas" / name: text for name, text in schemas()}


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
