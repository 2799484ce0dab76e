"""Checking configuration files, each by itself and all against each other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sipctl.config import checks
from sipctl.config.check import CHECKS, fault
from sipctl.config.deployment import Place, Source, read_deployment
from sipctl.config.kinds import Kind
from sipctl.config.profile import Profile, choose_config_path, choose_profile, exists
from sipctl.config.reading import read_text
from sipctl.errors import ConfigError
from sipctl.findings import Finding

__all__ = ["checks", "profile_files", "read_sources", "validate"]


def profile_files(option: Path | None, profile: str | None, environ: Mapping[str, str]) -> list[tuple[Path, Kind]]:
    """The configuration file, if there is one, and the files that its profile names, as far as it can be read.

    Raises:
        ConfigError: somebody named a profile that is not there.
    """
    path = choose_config_path(option, environ)
    if option is None and not environ.get("SIPCTL_CONFIG") and not exists(path):
        return []
    try:
        chosen = choose_profile(option, profile, environ)
    except ConfigError as error:
        if error.code == "no-profile" and (profile or environ.get("SIPCTL_PROFILE")):
            raise
        chosen = None  # what is wrong with the file is found with all the rest
    own = [(path, Kind.SIPCTL)]
    return own if chosen is None else [*own, *_component_files(chosen)]


def _component_files(chosen: Profile) -> Iterator[tuple[Path, Kind]]:
    table = chosen.table
    single = ((table.livekit_yaml, Kind.LIVEKIT), (table.sip_yaml, Kind.SIP), (table.compose_json, Kind.COMPOSE))
    for name, kind in (*((name, Kind.ENV) for name in table.env_files), *single):
        if name:
            yield chosen.resolve(name), kind


def read_sources(files: Iterable[tuple[Path, Kind | None]]) -> tuple[list[Source], list[Finding]]:
    """The files that can be read, each of a kind or of the one that its content tells; a finding for each other."""
    sources: list[Source] = []
    findings: list[Finding] = []
    for path, kind in files:
        try:
            sources.append(Source(path, read_text(path), kind))
        except ConfigError as error:
            findings.append(fault("CFG101", Place(path), error.message))
    return sources, findings


def validate(sources: Sequence[Source], own_folders: Sequence[Path] = ()) -> list[Finding]:
    """Every check over these files, in one run, and a look into sipctl's own folders."""
    deployment = replace(read_deployment(sources), own_folders=tuple(own_folders))
    return [finding for one in CHECKS for finding in one.outcome(deployment)]
