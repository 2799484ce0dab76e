"""The man pages: every command has one, no checker complains, and `man`, `whatis` and `man -k` find them."""

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from sipctl.cli.tree import commands
from sipctl.findings.codes import CODES
from tests.support.needs import need

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "man").iterdir())


def plain(page: Path) -> str:
    return page.read_text().replace("\\-", "-")


def test_every_command_has_a_page_with_all_its_options() -> None:
    for leaf in commands():
        text = plain(ROOT / "man" / f"sipctl-{'-'.join(leaf.words)}.1")
        for option in (one.opts[0] for one in leaf.command.params if not getattr(one, "hidden", False)):
            assert option == "--help" or not option.startswith("-") or f"\\fB{option}\\fR" in text, leaf.name
        assert all(f".SH {part}" in text for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO"))


def test_every_variable_and_every_code_is_described() -> None:
    read = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    described = plain(ROOT / "man" / "sipctl.1")
    assert not [name for name in set(re.findall(r'"(SIPCTL_[A-Z_]+)"', read)) if name not in described]
    findings = (ROOT / "man" / "sipctl-findings.7").read_text()
    assert not [code for code in CODES if code not in findings]


def test_no_checker_complains() -> None:
    need("" if shutil.which("mandoc") else "no mandoc")
    linted = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *PAGES], capture_output=True, text=True, check=False
    )
    assert (linted.stdout, linted.returncode) == ("", 0)


def test_man_finds_them(tmp_path: Path) -> None:
    need(next((f"no {name}" for name in ("mandb", "whatis", "apropos") if not shutil.which(name)), ""))
    for page in PAGES:
        folder = tmp_path / f"man{page.suffix[1:]}"
        folder.mkdir(exist_ok=True)
        shutil.copy(page, folder)
    subprocess.run(["mandb", "-q", "-c", tmp_path], check=True, capture_output=True)
    for page in PAGES:
        found = subprocess.run(["whatis", "-M", tmp_path, page.stem], capture_output=True, text=True, check=True)
        assert found.stdout.startswith(f"{page.stem} ({page.suffix[1:]})"), found
    by_word = subprocess.run(["man", "-M", tmp_path, "-k", "stale"], capture_output=True, text=True, check=True)
    assert "sipctl-rules-sync (1)" in by_word.stdout


def test_their_day_is_the_one_that_a_packager_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    pages = runpy.run_path(str(ROOT / "docs" / "generate"))["generated"]()
    assert "1970-01-02" in pages[ROOT / "man" / "sipctl.1"].partition("\n")[0]


def test_roff_is_never_taken_for_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("" if shutil.which("mandoc") else "no mandoc")
    monkeypatch.syspath_prepend(ROOT / "docs" / "generate")
    roff = runpy.run_path(str(ROOT / "docs" / "generate" / "roff.py"))
    odd = ".TH is no macro, 'nor this; a\\b --x `--y` é … ~^"
    page = tmp_path / "odd.1"
    page.write_text(roff["page"]("odd", 1, odd, [("DESCRIPTION", roff["prose"](odd) + roff["verbatim"]([odd]))]))
    shown = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=200", page], capture_output=True, text=True, check=True
    )
    flat = re.sub(".\b", "", shown.stdout)
    assert flat.count(odd.replace("`", "")) + flat.count(odd) == 3
