"""Sound files as people have them stay silent: Meet's published examples, filled in, and the developers' own set."""

import pytest

from sipctl.config.deployment import Source
from sipctl.config.discover import found_files
from sipctl.config.validate import validate
from sipctl.findings.record import Level
from tests.support.checked_files import FOLDER


@pytest.mark.parametrize(
    ("case", "known"),
    [
        ("meet-production", set()), ("meet-development", {("CFG134", "warn"), ("CFG119", "info")}),
        ("one-host", set()), ("template-folder", set()),
    ],
)  # fmt: skip
def test_a_folder_of_sound_files(case: str, known: set[tuple[str, str]]) -> None:
    """Each by the names in the folder, so that their modes on this machine do not count."""
    folder = FOLDER / case
    sources = [Source(path.relative_to(folder), path.read_text(), kind) for path, kind in found_files(folder)]
    findings = validate(sources)
    said = {(one.code, one.level.value) for one in findings if one.level not in {Level.OK, Level.SKIPPED}}
    assert said == known


def test_every_kind_of_file_is_among_them() -> None:
    kinds = {str(kind) for case in ("meet-production", "meet-development") for _, kind in found_files(FOLDER / case)}
    assert kinds == {"env", "livekit", "sip"}
