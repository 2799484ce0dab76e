"""The profile in force: which one of the configuration file, and what it says."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sipctl.command_line import CommandLine
from sipctl.config.kinds import Kind
from sipctl.config.paths import config_path as default_config_path
from sipctl.config.reading import Fault, read_text
from sipctl.errors import Cause, ConfigError

if TYPE_CHECKING:
    from sipctl.config.file import ConfigFile, ProfileTable


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile of a configuration file. `named` = someone asked for it, so it goes over the environment."""

    name: str
    named: bool
    path: Path
    table: "ProfileTable"

    def resolve(self, name: str) -> Path:
        """A path of the profile; relative ones start at the file's folder."""
        return self.path.parent / Path(name).expanduser()


def choose_config_path(option: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file that is meant; it need not exist."""
    return option or Path(environ.get("SIPCTL_CONFIG") or default_config_path())


def exists(path: Path) -> bool:
    """Whether there is a file.

    Raises:
        ConfigError: no one can tell: a folder on the way cannot be searched, or the name is too long.
    """
    try:
        return path.exists()
    except OSError as error:
        raise ConfigError(f"cannot look for {path}: {error.strerror}", code="unreadable") from error


def refuse_missing(paths: Iterable[Path]) -> None:
    """Stop at a file that someone named and that is not there.

    Raises:
        ConfigError: there is one, or no one can tell.
    """
    for path in paths:
        if not exists(path):
            raise ConfigError(f"cannot read {path}: No such file or directory", code="unreadable")


def choose_profile(option: Path | None, name: str | None, environ: Mapping[str, str]) -> Profile | None:
    """The profile in force; None without a configuration file, or with a file that has none.

    Raises:
        ConfigError: a file or profile that someone named is not there, or the file holds a fault.
    """
    path = choose_config_path(option, environ)
    name = name or environ.get("SIPCTL_PROFILE") or None
    asked_for_file = option is not None or bool(environ.get("SIPCTL_CONFIG"))
    if not asked_for_file and name is None and not exists(path):
        return None
    if not asked_for_file and not exists(path):
        raise ConfigError(
            f"no profile {name!r}: there is no {path}",
            code=Cause.NO_PROFILE,
            hint=(CommandLine.of("config", "init"), " writes one"),
        )
    file = _load(path)
    wanted = name or file.default_profile or (next(iter(file.profiles)) if len(file.profiles) == 1 else None)
    if wanted is None:
        return None
    if wanted not in file.profiles:
        known = ", ".join(sorted(file.profiles)) or "none"
        raise ConfigError(f"no profile {wanted!r} in {path}", code=Cause.NO_PROFILE, hint=f"its profiles: {known}")
    return Profile(wanted, name is not None, path, file.profiles[wanted])


def profile_names(option: Path | None, environ: Mapping[str, str]) -> list[str]:
    """The profiles of the configuration file; none without one.

    Raises:
        ConfigError: the file that someone named is not there, or it holds a fault.
    """
    path = choose_config_path(option, environ)
    is_named = option is not None or bool(environ.get("SIPCTL_CONFIG"))
    return list(_load(path).profiles) if is_named or exists(path) else []


def _load(path: Path) -> "ConfigFile":
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> "ConfigFile":
    """What the text of the configuration file says.

    Raises:
        ConfigError: it holds a fault.
    """
    from sipctl.config.file import parse_config  # noqa: PLC0415 - pydantic, for those who have a file

    file, faults = parse_config(text)
    if file is None:
        raise ConfigError(_describe(path, faults), hint=(CommandLine.of("config", "validate"), " lists every fault"))
    return file


def _describe(path: Path, faults: list[Fault]) -> str:
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{path}:{first.line}: {f'{first.key}: ' if first.key else ''}{first.message}{more}"


def profile_files(option: Path | None, profile: str | None, environ: Mapping[str, str]) -> list[tuple[Path, Kind]]:
    """The configuration file, if there is one, and the files that its profile names, as far as it can be read.

    Raises:
        ConfigError: someone named a file or a profile that is not there.
    """
    path = choose_config_path(option, environ)
    if option is None and not environ.get("SIPCTL_CONFIG") and not exists(path):
        return []
    refuse_missing([path])
    try:
        chosen = choose_profile(option, profile, environ)
    except ConfigError as error:
        if error.code == Cause.NO_PROFILE and (profile or environ.get("SIPCTL_PROFILE")):
            raise
        chosen = None  # what is wrong with the file is found with all the rest
    own = [(path, Kind.SIPCTL)]
    return own if chosen is None else [*own, *_component_files(chosen)]


def _component_files(chosen: Profile) -> Iterator[tuple[Path, Kind]]:
    table = chosen.table
    single = ((table.livekit_yaml, Kind.LIVEKIT), (table.sip_yaml, Kind.SIP), (table.compose_json, Kind.COMPOSE))
    env_files = ((name, Kind.ENV) for name in table.env_files)
    manifests = ((name, Kind.KUBERNETES) for name in table.manifests)
    for name, kind in (*env_files, *single, *manifests):
        if name:
            yield chosen.resolve(name), kind
