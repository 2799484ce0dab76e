"""The configuration files of one installation, read together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipctl.config.composefile import ComposeFile, parse_compose
from sipctl.config.envfile import EnvFile, parse_env_file
from sipctl.config.kinds import Kind, detect_kind
from sipctl.config.reading import Fault
from sipctl.config.yamlfile import YamlFile, parse_yaml

MEET_MARKS: Final = ("LIVEKIT_API_", "ROOM_TELEPHONY_")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its text, and its kind if somebody said it."""

    path: Path
    text: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; 0 = the file as a whole."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True, slots=True)
class EnvValue:
    """One setting of the backend's environment, and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What was given. None = nobody gave it, so nothing is compared with it.

    `env` is the backend's environment, later files over earlier ones; `unknown` are files of no kind that we know.
    """

    env: Mapping[str, EnvValue] | None = None
    env_files: tuple[EnvFile, ...] = ()
    server: YamlFile | None = None
    sip: YamlFile | None = None
    compose: ComposeFile | None = None
    config: Source | None = None
    unknown: tuple[Path, ...] = ()

    @property
    def faults(self) -> Iterable[tuple[Path, Fault]]:
        """What could not be read in any of the files."""
        files: list[EnvFile | YamlFile | ComposeFile | None] = [*self.env_files, self.server, self.sip, self.compose]
        return ((file.path, fault) for file in files if file for fault in file.faults)

    def text(self, name: str) -> str | None:
        """A setting of the backend's environment; None if it is not set, or empty."""
        value = (self.env or {}).get(name)
        return value.text if value and value.text else None


def read_deployment(sources: Iterable[Source]) -> Deployment:
    """Parse the files, each by its kind; of several yaml files of one kind the last counts."""
    env_files: list[EnvFile] = []
    unknown: list[Path] = []
    yaml: dict[Kind, YamlFile] = {}
    compose = config = None
    for source in sources:
        match source.kind or detect_kind(source.path, source.text):
            case Kind.ENV:
                known = {name: entry.value for file in env_files for name, entry in file.entries.items()}
                env_files.append(parse_env_file(source.path, source.text, known))
            case Kind.LIVEKIT | Kind.SIP as kind:
                yaml[kind] = parse_yaml(source.path, source.text)
            case Kind.COMPOSE:
                compose = parse_compose(source.path, source.text)
            case Kind.SIPCTL:
                config = source
            case _:
                unknown.append(source.path)
    return Deployment(
        env=_backend_env(env_files, compose),
        env_files=tuple(env_files),
        server=yaml.get(Kind.LIVEKIT) or _embedded(compose, "LIVEKIT_CONFIG"),
        sip=yaml.get(Kind.SIP) or _embedded(compose, "SIP_CONFIG_BODY"),
        compose=compose,
        config=config,
        unknown=tuple(unknown),
    )


def _backend_env(env_files: Iterable[EnvFile], compose: ComposeFile | None) -> Mapping[str, EnvValue] | None:
    """The env files, later ones winning; without any, the service of a compose project that looks like the backend."""
    merged = {
        name: EnvValue(entry.value, Place(file.path, entry.line))
        for file in env_files
        for name, entry in file.entries.items()
    }
    if merged or compose is None:
        return merged or None
    for service in compose.services:
        environment = compose.environment(service)
        if service != compose.sip_service and any(name.startswith(MEET_MARKS) for name in environment):
            return {
                name: EnvValue(text, Place(compose.path, compose.line(service, "environment", name)))
                for name, text in environment.items()
            }
    return None


def _embedded(compose: ComposeFile | None, name: str) -> YamlFile | None:
    """A yaml that a compose project hands over in an environment variable."""
    for service in compose.services if compose else ():
        text = compose.environment(service).get(name) if compose else None
        if compose and text:
            line = compose.line(service, "environment", name)
            inner = parse_yaml(compose.path, text)
            faults = tuple(Fault(line, found.key, found.message) for found in inner.faults)
            return YamlFile(inner.path, inner.root, faults, line - 1)
    return None
