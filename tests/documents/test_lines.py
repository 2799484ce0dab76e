"""Every line of README and docs that starts sipctl works, one after the other, against the sandbox."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sipctl.sandbox.server import Sandbox
from tests.support.pasting import Paster, sections
from tests.support.peers.hostile import hostile, says

ROOT = Path(__file__).parents[2]
CI = (ROOT / "docs" / "ci.md").read_text()
README = sections(ROOT / "README.md")
OTHERS = {one.name: sections(one) for one in sorted((ROOT / "docs").glob("*.md")) if one.name != "meet.md"}
TEXTS = README | {name: [line for part in parts.values() for line in part] for name, parts in OTHERS.items() if parts}
"""The lines that belong together: those of a section of the README, and those of each other document.

docs/meet.md is a story on a database of Meet, and has a test of its own.
"""
SAYS_NO = {"-o nagios": 2}
"""Lines with an end of their own: a plugin says critical."""
FOUND = {0, 1, 3, 5, 143}
"""Done, findings, no SIP node there, a safeguard, stopped by the test."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("lines", TEXTS.values(), ids=TEXTS)
def test_the_lines_of(lines: list[str], sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with hostile(says(200, "ok")) as backend, closing(Paster(sandbox, tmp_path, backend.url)) as paster:
        for line in lines:
            ended = paster.paste(line)
            expected = next((code for part, code in SAYS_NO.items() if part in line), None)
            assert ended.code in (FOUND if expected is None else {expected}), (line, ended)
            assert "Traceback" not in ended.stderr


def test_there_are_such_lines() -> None:
    assert sum(map(len, README.values())) > 30
    assert {"deployments.md", "ci.md", "troubleshooting.md", "routing.md", "cron.md"} <= set(TEXTS)


def test_every_picture_of_the_readme_is_there_on_light_and_on_dark() -> None:
    shown = re.findall(r'(?:srcset|src)="(docs/pictures/[^"]+)"', (ROOT / "README.md").read_text())
    drawn = {one.relative_to(ROOT).as_posix() for one in (ROOT / "docs" / "pictures").glob("*.svg")}
    assert set(shown) == drawn
    assert {one.replace("-dark", "-light") for one in shown} == {one for one in shown if "-light" in one}


def test_the_jobs_for_ci_are_sound_and_run_commands_of_this_version(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    github, gitlab = map(YAML(typ="safe").load, re.findall(r"^```yaml\n(.*?)^```$", CI, re.MULTILINE | re.DOTALL))
    steps = [step["run"] for step in github["jobs"]["telephony"]["steps"] if "run" in step]
    with hostile(says(200, "ok")) as backend:
        paster = Paster(sandbox, tmp_path, backend.url)
        for line in {*steps, *gitlab["telephony"]["script"]}:
            if line.startswith("sipctl"):
                assert paster.paste(line).code in {0, 1}, line
