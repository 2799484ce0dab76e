"""Checking configuration files, each by itself and all against each other."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sipctl.config.checks import CHECKS
from sipctl.config.checks.parts import SIP_VARIABLES
from sipctl.config.checks.secrets import open_own_files
from sipctl.config.deployment import Place, Source, fault, read_deployment
from sipctl.config.kinds import File, Kind
from sipctl.config.reading import read_text
from sipctl.errors import ConfigError
from sipctl.findings.check import skipped
from sipctl.findings.record import Finding, Level

SIP_KEYS_OF: Final = {variable: key for key, variable in SIP_VARIABLES.items()}
_MISSING: Final = re.compile(r"not set|missing|neither|no configuration|empty")
_WORD: Final = re.compile(r"\w+")


def read_sources(files: Iterable[File]) -> tuple[list[Source], list[Finding]]:
    """The files that can be read, each of a kind or of the one that its content tells; a finding for each other."""
    sources: list[Source] = []
    findings: list[Finding] = []
    for path, kind in files:
        try:
            sources.append(Source(path, read_text(path), kind))
        except ConfigError as error:
            findings.append(fault("CFG101", Place(path), error.message))
    return sources, findings


def check_files(
    files: Sequence[File],
    own_folders: Sequence[Path],
    stdin: Iterable[tuple[str, Kind | None]] = (),
) -> list[Finding]:
    """Every check over these files and what came from stdin; with none of them, the check of our own folders alone."""
    sources, unreadable = read_sources(files)
    sources += [Source(Path("<stdin>"), text, kind) for text, kind in stdin]
    if not (sources or unreadable):
        return [finding for folder in own_folders for finding in open_own_files(folder)]
    return [*unreadable, *validate(sources, own_folders)]


def validate(sources: Sequence[Source], own_folders: Sequence[Path] = ()) -> list[Finding]:
    """Every check over these files, in one run, and the check of sipctl's own folders."""
    deployment = replace(read_deployment(sources), own_folders=tuple(own_folders))
    findings = [finding for one in CHECKS for finding in one.outcome(deployment)]
    return [_unless_withheld(finding, deployment.withheld) for finding in findings]


def _unless_withheld(finding: Finding, withheld: Mapping[str, str]) -> Finding:
    """The finding, unless it says that a variable is missing which these files only refer to: that is not guessed."""
    if finding.level not in {Level.ERROR, Level.WARN} or not _MISSING.search(finding.detail):
        return finding
    words = set(_WORD.findall(finding.detail))
    names = [name for name in withheld if name in words or SIP_KEYS_OF.get(name) in words]
    if not names and "*" not in withheld:
        return finding
    place = withheld[names[0]] if names else withheld["*"]
    return skipped(finding.code, f"{names[0] if names else 'the value'} is in {place}, which is not given")
