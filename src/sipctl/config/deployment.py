"""The configuration files of one installation, read together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sipctl.config.compose_yaml import parse_compose_yaml
from sipctl.config.composefile import ComposeFile, parse_compose
from sipctl.config.envfile import EnvFile, parse_env_file
from sipctl.config.file import ConfigFile, line_of, parse_config
from sipctl.config.kinds import Kind, detect_kind
from sipctl.config.kubernetes import Cluster, parse_kubernetes
from sipctl.config.reading import Fault
from sipctl.config.yamlfile import YamlFile, parse_yaml
from sipctl.findings.check import Lack, found
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

_MEETS_PREFIXES: Final = ("ROOM_TELEPHONY_", "ROOMKIT_", "DJANGO_", "LIVEKIT_WEBHOOK_", "LIVEKIT_API_URL")
_MEETS_IMAGE: Final = re.compile(r"(^|/)(lasuite/meet|meet-backend)(-backend)?(:|@|$)")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its text, and its kind if someone said it."""

    path: Path
    text: str
    kind: Kind | None = None


_NAMES: Final = {
    "env": "the backend's environment",
    "server": "livekit-server's yaml",
    "sip": "livekit-sip's yaml",
    "compose": "the compose file",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; 0 = the file as a whole."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


def fault(code: str, place: Place, detail: str, **more: Any) -> Finding:  # noqa: ANN401 - as Code.finding
    """A finding at a line, with what its code says anyway."""
    return found(code, str(place), detail, source=str(place), **more)


@dataclass(frozen=True, slots=True)
class EnvValue:
    """One setting of the backend's environment, and its place."""

    text: str
    place: Place


def clash(code: str, here: EnvValue, there: EnvValue, detail: str, level: Level | None = None) -> Finding:
    """A finding at the first of two values that should agree; it names both, and the place of the other one."""
    described = f"{detail}: {shown_url(here.text)} here, {shown_url(there.text)} in {there.place}"
    observed, expected = shown_url(here.text), shown_url(there.text)
    return fault(code, here.place, described, level=level, observed=observed, expected=expected)


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """sipctl's own file: its content, None if it holds faults."""

    path: Path
    text: str
    content: ConfigFile | None
    faults: tuple[Fault, ...]

    @property
    def table(self) -> Mapping[str, Any]:
        """What is written in the file, as nested mappings."""
        return self.content.model_dump(exclude_unset=True) if self.content else {}

    def place(self, *keys: str | int) -> Place:
        """The place of a key, or of its table."""
        return Place(self.path, line_of(self.text, tuple(map(str, keys))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What was given, every file by itself; what is compared with each other is the last readable one of a kind.

    `env` is the backend's environment, later files over earlier ones, None if none is given; `unknown` are files of
    no kind that we know, with what they seem to be; `own_folders` are those of sipctl's state and data.
    """

    env: Mapping[str, EnvValue] | None = None
    env_files: tuple[EnvFile, ...] = ()
    servers: tuple[YamlFile, ...] = ()
    sips: tuple[YamlFile, ...] = ()
    composes: tuple[ComposeFile, ...] = ()
    configs: tuple[ConfigSource, ...] = ()
    unknown: tuple[Source, ...] = ()
    own_folders: tuple[Path, ...] = ()

    def lack(self, needs: Sequence[str]) -> Lack | None:
        """Which of these parts are not given, or cannot be read."""
        missing = [need for need in needs if getattr(self, need) is None]
        return Lack(Level.SKIPPED, "; ".join(map(self._why_missing, missing))) if missing else None

    def _why_missing(self, need: str) -> str:
        is_given = getattr(self, f"{need}s", ())
        return f"{_NAMES[need]} cannot be read" if is_given else f"{_NAMES[need]} is not given"

    @property
    def server(self) -> YamlFile | None:
        """livekit-server's yaml; None if none is given that can be read."""
        return next((file for file in reversed(self.servers) if file.is_readable), None)

    @property
    def sip(self) -> YamlFile | None:
        """livekit-sip's yaml; None if none is given that can be read."""
        return next((file for file in reversed(self.sips) if file.is_readable), None)

    @property
    def compose(self) -> ComposeFile | None:
        """The compose project; None if none is given that can be read."""
        return next((file for file in reversed(self.composes) if file.is_readable), None)

    @property
    def cluster(self) -> Cluster | None:
        """The Kubernetes resources; None if none are given."""
        return next((one for one in self.composes if isinstance(one, Cluster)), None)

    @property
    def withheld(self) -> Mapping[str, str]:
        """Variables of which these files say where their value is, and not what it is; "*" = any."""
        return self.cluster.withheld if self.cluster else {}

    @property
    def faults(self) -> Iterator[tuple[Path, Fault]]:
        """What is wrong inside any of the files."""
        files: list[EnvFile | YamlFile | ComposeFile | ConfigSource] = [*self.env_files, *self.servers, *self.sips]
        for file in (*files, *self.composes, *self.configs):
            yield from ((file.path, fault) for fault in file.faults)

    @property
    def is_meets(self) -> bool:
        """Whether the environment is Meet's: that of compose always is, env files may be another client's."""
        return self.env is not None and (not self.env_files or is_of_meet(self.env))

    def text(self, name: str) -> str | None:
        """A setting of the backend's environment; None if it is not set, or empty."""
        value = (self.env or {}).get(name)
        return value.text if value and value.text else None


def is_of_meet(names: Iterable[str]) -> bool:
    """Whether an environment with these variables is Meet's: agents and other clients have LIVEKIT_URL and a key."""
    return any(name.startswith(_MEETS_PREFIXES) for name in names)


def read_deployment(sources: Iterable[Source]) -> Deployment:
    """Parse the files, each by its kind."""
    by_kind: dict[Kind | None, list[Source]] = {}
    for source in sources:
        by_kind.setdefault(source.kind or detect_kind(source.path, source.text), []).append(source)
    env_files = tuple(_env_files(by_kind.get(Kind.ENV, [])))
    manifests = [(source.path, source.text) for source in by_kind.get(Kind.KUBERNETES, ())]
    cluster = parse_kubernetes(manifests) if manifests else None
    composes = (*map(_compose, by_kind.get(Kind.COMPOSE, ())), *((cluster,) if cluster else ()))
    deployment = Deployment(
        env_files=env_files,
        composes=composes,
        configs=tuple(map(_config_source, by_kind.get(Kind.SIPCTL, ()))),
        unknown=tuple(by_kind.get(None, ())),
    )
    compose = deployment.compose
    return replace(
        deployment,
        env=_backend_env(env_files, compose),
        servers=_livekits(Kind.LIVEKIT, by_kind, deployment.cluster, compose, "LIVEKIT_CONFIG"),
        sips=_livekits(Kind.SIP, by_kind, deployment.cluster, compose, "SIP_CONFIG_BODY"),
    )


def _livekits(
    kind: Kind, given: Mapping[Kind | None, Iterable[Source]], cluster: Cluster | None, compose: ComposeFile | None,
    variable: str,
) -> tuple[YamlFile, ...]:  # fmt: skip
    """The yaml files of one program: files, what is mounted into a container, and what a variable hands over."""
    mounted = (text for text_kind, text in (cluster.embedded if cluster else ()) if text_kind is kind)
    return (*_yaml_files(given.get(kind, ())), *mounted, *_embedded(compose, variable))


def _compose(source: Source) -> ComposeFile:
    """A compose project: what compose prints as JSON, or the file as people keep it."""
    is_json = source.text.lstrip().startswith("{")
    return parse_compose(source.path, source.text) if is_json else parse_compose_yaml(source.path, source.text)


def _yaml_files(sources: Iterable[Source]) -> Iterator[YamlFile]:
    return (parse_yaml(source.path, source.text) for source in sources)


def _config_source(source: Source) -> ConfigSource:
    content, faults = parse_config(source.text)
    return ConfigSource(source.path, source.text, content, tuple(faults))


def _env_files(sources: Iterable[Source]) -> Iterator[EnvFile]:
    """The env files in order; each may refer to what an earlier one sets."""
    known: dict[str, str] = {}
    for source in sources:
        file = parse_env_file(source.path, source.text, known)
        known |= {name: entry.value for name, entry in file.entries.items()}
        yield file


def _backend_env(env_files: Iterable[EnvFile], compose: ComposeFile | None) -> Mapping[str, EnvValue] | None:
    """The env files, later ones winning; without any, the service of a compose project that runs Meet."""
    merged = {
        name: EnvValue(entry.value, Place(file.path, entry.line))
        for file in env_files
        for name, entry in file.entries.items()
    }
    if merged or compose is None:
        return merged or None
    for service in compose.services:
        environment = compose.environment(service)
        runs_meet = _MEETS_IMAGE.search(str(compose.services[service].get("image"))) or is_of_meet(environment)
        if service != compose.sip_service and environment and runs_meet:
            return {
                name: EnvValue(text, Place(compose.path, compose.line(service, "environment", name)))
                for name, text in environment.items()
            }
    return None


def _embedded(compose: ComposeFile | None, name: str) -> Iterator[YamlFile]:
    """A yaml that a compose project hands over in an environment variable, which the programs take over any file."""
    for service in compose.services if compose else ():
        text = compose.environment(service).get(name) if compose else None
        if compose and text:
            yield parse_yaml(compose.path, text, compose.line(service, "environment", name))
