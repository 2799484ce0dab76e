"""Checking configuration files, each by itself and all against each other."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sipctl.config import checks
from sipctl.config.check import CHECKS, fault
from sipctl.config.deployment import Deployment, Place, Source, read_deployment
from sipctl.config.kinds import Kind
from sipctl.config.profile import choose_config_path, choose_profile, exists
from sipctl.config.reading import read_text
from sipctl.errors import ConfigError
from sipctl.findings import Finding

__all__ = ["checks", "profile_paths", "read_sources", "validate"]


def profile_paths(option: Path | None, profile: str | None, environ: Mapping[str, str]) -> list[Path]:
    """The configuration file, if there is one, and the files that its profile names, as far as it can be read.

    Raises:
        ConfigError: somebody named a profile that is not there.
    """
    path = choose_config_path(option, environ)
    if option is None and not exists(path):
        return []
    try:
        chosen = choose_profile(option, profile, environ)
    except ConfigError as error:
        if error.code == "no-profile":
            raise
        return [path]
    if chosen is None:
        return [path]
    table = chosen.table
    named = (*table.env_files, table.livekit_yaml, table.sip_yaml, table.compose_json)
    return [path, *(chosen.resolve(name) for name in named if name)]


def read_sources(paths: Iterable[Path], kind: Kind | None = None) -> tuple[list[Source], list[Finding]]:
    """The files that can be read, and a finding for each that cannot."""
    sources: list[Source] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            sources.append(Source(path, read_text(path), kind))
        except ConfigError as error:
            findings.append(fault("CFG101", Place(path), error.message))
    return sources, findings


def validate(sources: Sequence[Source]) -> list[Finding]:
    """Every check over these files, in one run."""
    return check_deployment(read_deployment(sources))


def check_deployment(deployment: Deployment) -> list[Finding]:
    """Every check over a deployment."""
    return [finding for one in CHECKS for finding in one.outcome(deployment)]
