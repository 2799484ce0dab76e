"""Writes what is generated: a page for each finding code, the JSON Schemas, man pages, and what shells complete.

Run `python docs/generate` after a change of codes, of commands, or of what they print; a test says when it was
forgotten.
"""

from pathlib import Path

from completions import scripts, tree
from manpages import manpages
from schemas import schemas

from findings import pages

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {DOCS / "findings" / name: text for name, text in pages()}
    files |= {DOCS / "schemas" / name: text for name, text in schemas()}
    files |= {ROOT / "man" / name: text for name, text in manpages()}
    files |= {ROOT / "completions" / name: text for name, text in scripts()}
    return files | {ROOT / "src" / "sipctl" / "completion" / "tree.tsv": tree()}


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
