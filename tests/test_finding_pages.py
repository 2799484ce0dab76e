"""The pages of findings: what they say to paste is as it must be pasted."""

from pathlib import Path

from sipctl.command_line import prose_text
from sipctl.findings.codes import CODES
from tests.support.running import run

PAGES = Path(__file__).parents[1] / "docs" / "findings"


def test_words_of_a_fix_stay_as_they_are() -> None:
    for name, code in CODES.items():
        assert prose_text(code.fix) in (PAGES / f"{name}.md").read_text()


def test_on_a_terminal_too() -> None:
    for name in ("CFG110", "CFG127"):
        assert prose_text(CODES[name].fix) in run("doctor", "--explain", name).stdout
