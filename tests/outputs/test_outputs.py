"""Every command prints what it was recorded to print: a change of a word or a key is seen, and meant."""

import json
from pathlib import Path

import pytest

from sipctl.cli.tree import commands
from tests.support.scenario import FORMATS, STEPS, outputs, recorded
from tests.support.screens import SCREENS, screens

WITHOUT_END = {"sandbox run", "webhook listen", "webhook serve"}
"""Commands that run until they are stopped."""


@pytest.mark.parametrize("style", FORMATS)
def test_every_command_prints_what_was_recorded(style: str, tmp_path: Path) -> None:
    printed = list(outputs(style, tmp_path))
    known = json.loads(recorded(style).read_text())
    assert [step["command"] for step in printed] == [step["command"] for step in known]
    for now, then in zip(printed, known, strict=True):
        assert now == then, "if it is meant: python tests/outputs/record.py, and read the difference"


def test_every_command_is_recorded() -> None:
    """All but those that run until they are stopped, and the demo, which prints how long it took."""
    assert {leaf.name for leaf in commands()} - WITHOUT_END - {"demo"} == {step.command for step in STEPS}


def test_every_screen_is_as_it_was_recorded() -> None:
    shown = dict(screens())
    assert shown.keys() == {path.name for path in SCREENS.iterdir()}
    for name, text in shown.items():
        assert text == (SCREENS / name).read_text(), (
            "if it is meant: python tests/outputs/record.py, and read the difference"
        )
        longest = max(map(len, text.splitlines()), default=0)
        assert longest <= int(name.split("-")[-2]) or "color" in name or "wide" in name or "long" in name
