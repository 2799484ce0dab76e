"""Configuration files, checked as `config validate` checks them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sipctl.config.deployment import Source
from sipctl.config.validate import validate
from sipctl.findings.record import Finding, Level

FOLDER: Final = Path(__file__).parents[1] / "data" / "config"
_PROBLEMS: Final = {Level.ERROR, Level.WARN, Level.UNKNOWN}


def check(files: Mapping[str, str]) -> list[Finding]:
    """What is found in these texts, each under its name."""
    return validate([Source(Path(name), text) for name, text in files.items()])


def problems(files: Mapping[str, str]) -> list[Finding]:
    """The same, without what is all right, skipped, or a mere note."""
    return [finding for finding in check(files) if finding.level in _PROBLEMS]


def texts(case: str, *names: str) -> dict[str, str]:
    """Files of a folder of `tests/data/config`, by their names there."""
    return {name: (FOLDER / case / name).read_text() for name in names}


def marks(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Code, level and place of each finding."""
    return [(one.code, one.level.value, one.resource) for one in findings]
