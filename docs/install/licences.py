"""Writes licences.md: what the constraints install, and under which licence.

Run `python docs/install/licences.py > docs/install/licences.md` where the constraints are installed.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

CONSTRAINTS = Path(__file__).with_name("constraints.txt")


def licence_of(name: str) -> str:
    """The licence that a package declares: its expression, its classifiers, or the first line of its text."""
    held = metadata(name)
    classifiers = [
        one.rpartition(" :: ")[2] for one in held.get_all("Classifier") or () if one.startswith("License ::")
    ]
    text = str(held.get("License") or "").strip().partition("\n")[0]
    return str(held.get("License-Expression") or text or ", ".join(classifiers) or "not declared")


def rows() -> list[str]:
    """A line of the table for each package."""
    names = re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(), re.MULTILINE)
    return [f"| {name} | {licence_of(name)} |" for name in names]


if __name__ == "__main__":
    head = ["# Licences", "", "Of each package that `constraints.txt` installs, by what it declares.", ""]
    try:
        table = rows()
    except PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed here")
    sys.stdout.write("\n".join([*head, "| package | licence |", "| --- | --- |", *table]) + "\n")
