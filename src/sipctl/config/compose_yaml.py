"""A compose file as people keep it, with everything filled in as `docker compose config` does.

Source: compose-spec/compose-spec (interpolation, extends, env_file, ports) and compose-go, whose output tests compare.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sipctl.config.composefile import ComposeFile
from sipctl.config.envfile import parse_env_file
from sipctl.config.reading import Fault, FaultKind, read_text
from sipctl.config.yamlfile import Keys, YamlFile, parse_yaml
from sipctl.errors import ConfigError

_REFERENCE: Final = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<rule>:?[-?+])(?P<word>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*))?\})"
)
_PORT: Final = re.compile(
    r"(?:(?:\[[0-9a-fA-F:]+\]|\d+(?:\.\d+){3}):)?(?:(?P<published>\d{1,5}(?:-\d{1,5})?)?:)?(?P<target>\d{1,5}(?:-\d{1,5})?)"
    r"(?:/(?P<protocol>\w+))?\Z"
)
_DEPTH_LIMIT: Final = 10
"""How deep `extends` and defaults of defaults may nest."""
_MERGED: Final = frozenset({"environment", "labels", "annotations", "build", "logging", "deploy"})
_APPENDED: Final = frozenset({"ports", "volumes", "env_file", "configs", "secrets", "expose", "networks"})


@dataclass(frozen=True)
class ComposeYaml(ComposeFile):
    """The services of a compose file that is YAML."""

    yaml: YamlFile | None = None

    def line(self, service: str, *words: str) -> int:
        """The 1-based line of what is under these names in a service; of the last of them that is there."""
        keys: Keys = ("services", service, *words)
        listed = self.yaml.get(*keys[:-1]) if self.yaml and words else None
        if isinstance(listed, list):
            at = next((at for at, one in enumerate(listed) if str(one).partition("=")[0] == words[-1]), 0)
            keys = (*keys[:-1], at)
        return self.yaml.line(*keys) if self.yaml else 0


def parse_compose_yaml(path: Path, text: str) -> ComposeYaml:
    """Read a compose file with the files that it names; what cannot be read is a fault."""
    yaml = parse_yaml(path, text)
    if not isinstance(yaml.get("services"), Mapping):
        return ComposeYaml(path, text, {}, (*yaml.faults, Fault(1, "", "has no services")), yaml)
    project = _Project(yaml, _dot_env(path))
    services = {str(name): project.service(str(name)) for name in yaml.get("services")}
    return ComposeYaml(path, text, services, (*yaml.faults, *project.faults), yaml)


def _dot_env(path: Path) -> dict[str, str]:
    """What the `.env` beside the file says."""
    place = path.parent / ".env"
    try:
        return {name: one.value for name, one in parse_env_file(place, read_text(place), {}).entries.items()}
    except ConfigError:
        return {}


@dataclass
class _Project:
    """A compose file in the making, or one that it takes services from."""

    yaml: YamlFile
    variables: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)
    depth: int = 0

    def service(self, name: str) -> dict[str, Any]:
        """A service as compose runs it."""
        spec = self.extended(name)
        environment = dict(self._from_files(name, spec.pop("env_file", [])))
        environment |= {key: value for key, value in self._given(spec.get("environment", {})) if value is not None}
        return spec | ({"environment": environment} if environment else {}) | {"ports": list(self._ports(name, spec))}

    def extended(self, name: str) -> dict[str, Any]:
        """A service with what it takes from others, its env files still to be read."""
        given = self.yaml.get("services", name)
        spec = _normal(self._filled(given, ("services", name))) if isinstance(given, Mapping) else {}
        spec["env_file"] = [self._resolved(one) for one in _listed(spec.get("env_file"))]
        parent = spec.pop("extends", None)
        return _merged(self._parent(name, parent), spec) if parent else spec

    def _parent(self, name: str, parent: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML value
        base = parent.get("service", name) if isinstance(parent, Mapping) else parent
        file = parent.get("file") if isinstance(parent, Mapping) else None
        place = self.yaml.line("services", name, "extends")
        if self.depth >= _DEPTH_LIMIT:
            self._fault(place, name, "extends itself, or others too deep")
            return {}
        if not file:
            inner = replace(self, depth=self.depth + 1)
            return inner.extended(str(base))
        try:
            path = self.yaml.path.parent / str(file)
            other = _Project(parse_yaml(path, read_text(path)), self.variables, self.faults, self.depth + 1)
        except ConfigError as error:
            self._fault(place, name, f"extends what cannot be read: {error.message}")
            return {}
        return other.extended(str(base))

    def _fault(self, line: int, key: str, message: str, kind: FaultKind = FaultKind.VALUE) -> None:
        self.faults.append(Fault(line, key, message, kind))

    def _filled(self, value: Any, keys: Keys) -> Any:  # noqa: ANN401 - any YAML value
        """The value with every `${X}` replaced."""
        if isinstance(value, Mapping):
            return {str(key): self._filled(inner, (*keys, str(key))) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, (*keys, at)) for at, inner in enumerate(value)]
        return self._text(value, keys) if isinstance(value, str) else value

    def _text(self, text: str, keys: Keys, depth: int = 0) -> str:
        if "$" not in text or depth > _DEPTH_LIMIT:
            return text
        return _REFERENCE.sub(lambda match: self._value(match, keys, depth), text)

    def _value(self, match: re.Match[str], keys: Keys, depth: int) -> str:
        if match["dollar"]:
            return "$"
        name, rule, word = match["name"] or match["bare"], match["rule"] or "", match["word"] or ""
        held = self.variables.get(name)
        is_set = held is not None and (bool(held) or ":" not in rule)
        if "+" in rule:
            return self._text(word, keys, depth + 1) if is_set else ""
        if is_set:
            return str(held)
        if "-" in rule:
            return self._text(word, keys, depth + 1)
        self._fault(self.yaml.line(*keys), str(keys[-1]), f"${{{name}}} is not set in .env", FaultKind.UNSET)
        return ""

    def _resolved(self, entry: Any) -> tuple[Path, bool]:  # noqa: ANN401 - any YAML value
        """An env file, and whether it must be there."""
        path, required = (
            (entry.get("path"), entry.get("required", True)) if isinstance(entry, Mapping) else (entry, True)
        )
        return self.yaml.path.parent / Path(str(path)).expanduser(), bool(required)

    def _from_files(self, name: str, files: list[tuple[Path, bool]]) -> Iterator[tuple[str, str]]:
        known = dict(self.variables)
        for path, required in files:
            try:
                file = parse_env_file(path, read_text(path), known)
            except ConfigError as error:
                if required:
                    self._fault(self.yaml.line("services", name, "env_file"), name, error.message)
                continue
            read = {key: entry.value for key, entry in file.entries.items()}
            known |= read
            yield from read.items()

    def _given(self, environment: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 - any YAML value
        """Each variable; one without a value is that of `.env`, or none."""
        for key, value in environment.items():
            yield key, self.variables.get(key) if value is None else _as_text(value)

    def _ports(self, name: str, spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for port in _listed(spec.get("ports")):
            if isinstance(port, Mapping):
                yield from _long_ports(port)
            elif found := _PORT.match(str(port)):
                target, published = _range(found["target"]), _range(found["published"] or found["target"])
                pairs = zip(published, target, strict=False) if found["published"] else ()
                yield from (_port(here, there, found["protocol"]) for here, there in pairs)
            else:
                self._fault(self.yaml.line("services", name, "ports"), name, f"{str(port)[:60]!r} is no port")


def _normal(spec: dict[str, Any]) -> dict[str, Any]:
    """A service whose environment is a mapping, however it was written."""
    given = spec.get("environment")
    if isinstance(given, list):
        pairs = (str(one).partition("=") for one in given)
        spec["environment"] = {name: value if mark else None for name, mark, value in pairs}
    elif not isinstance(given, Mapping):
        spec.pop("environment", None)
    return spec


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A service on top of another one: mappings are merged, lists go on, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        held = merged.get(key)
        if key in _MERGED and isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = {**held, **value}
        elif key in _APPENDED and isinstance(held, list) and isinstance(value, list):
            merged[key] = [*held, *(one for one in value if one not in held)]
        else:
            merged[key] = value
    return merged


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any YAML value
    return value if isinstance(value, list) else [] if value is None else [value]


def _as_text(value: Any) -> str:  # noqa: ANN401 - any YAML value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _long_ports(port: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    target, published = str(port.get("target", "")), str(port.get("published") or "")
    if re.fullmatch(r"\d{1,5}(-\d{1,5})?", target) and re.fullmatch(r"\d{1,5}(-\d{1,5})?", published):
        for here, there in zip(_range(published), _range(target), strict=False):
            yield _port(here, there, port.get("protocol"))


def _port(published: int, target: int, protocol: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML value
    return {"published": str(published), "target": target, "protocol": str(protocol or "tcp")}
