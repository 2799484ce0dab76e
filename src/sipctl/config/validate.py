"""Checking configuration files, each by itself and all against each other."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sipctl.config.checks import CHECKS
from sipctl.config.checks.secrets import open_own_files
from sipctl.config.deployment import Place, Source, fault, read_deployment
from sipctl.config.kinds import File, Kind
from sipctl.config.reading import read_text
from sipctl.errors import ConfigError
from sipctl.findings.record import Finding


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
    return [finding for one in CHECKS for finding in one.outcome(deployment)]
