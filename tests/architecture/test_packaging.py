"""What is packed: the sdist names only what there is, and no key of any kind lies in the tree."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_sdist_names_only_what_there_is() -> None:
    missing = [
        name for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"] if not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_file_that_the_readme_links_to_is_in_the_sdist() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), link
        assert link.partition("/")[0] in included, link


def test_no_private_key_is_committed() -> None:
    words = ["git", "grep", "-lE", "BEGIN [A-Z ]*PRIVATE " + "KEY"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert found.returncode == 1, found.stderr
