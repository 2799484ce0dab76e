"""What `helm template`, `helm get manifest` and `kubectl get … -o yaml|json` print, as services that run containers.

Sources: kubernetes.io/docs (env, envFrom, ConfigMap, Secret, Ingress), livekit-helm, suitenumerique/meet src/helm.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from sipctl.config.composefile import ComposeFile
from sipctl.config.kinds import Kind, detect_kind
from sipctl.config.reading import Fault, crowd, sprawl
from sipctl.config.yamlfile import YamlFile, parse_yaml

_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Pod", "ReplicaSet", "Job", "CronJob"})
_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")
_LENGTH_LIMIT: Final = 1024 * 1024

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A path of an ingress: the host ("" = any), the path, and whether longer ones belong to it."""

    host: str
    path: str
    is_prefix: bool

    def takes(self, host: str, path: str) -> bool:
        """Whether a request goes this way."""
        if self.host and self.host != host and not (self.host[:1] == "*" and host.endswith(self.host[1:])):
            return False
        return path == self.path or (self.is_prefix and f"{path}/".startswith(f"{self.path.rstrip('/')}/"))


@dataclass(frozen=True)
class Cluster(ComposeFile):
    """Containers as services, what they are given and what is mounted into them.

    `withheld` are variables whose value is not in these files, with the place where it is; "*" = any of a container.
    `embedded` are the yaml files of livekit that ConfigMaps and Secrets hold, `routes` the paths of ingresses.
    """

    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    embedded: tuple[tuple[Kind, YamlFile], ...] = ()
    routes: tuple[Route, ...] = ()

    def line(self, service: str, *words: str) -> int:
        """The 1-based line of what is under these names in a container; 0 where several files were read."""
        return self.lines.get((service, *words)) or self.lines.get((service,), 0)


def parse_kubernetes(files: Iterable[tuple[Path, str]]) -> Cluster:
    """Read manifests that belong together, whichever files they are in; what cannot be read is a fault."""
    given = list(files)
    faults: list[Fault] = []
    documents = [one for _, text in given for one in _documents(text, faults)]
    path = given[0][0] if len(given) == 1 else Path(", ".join(str(one) for one, _ in given))
    reader = _Reader(documents, with_lines=len(given) == 1)
    services = reader.services()
    embedded = tuple((kind, parse_yaml(path, text, line or 1)) for kind, text, line in reader.files(services))
    return Cluster(
        path, given[0][1], services, tuple(faults), lines=reader.lines, withheld=reader.withheld, embedded=embedded,
        routes=tuple(reader.routes()),
    )  # fmt: skip


def _documents(text: str, faults: list[Fault]) -> Iterator[Mapping[str, Any]]:
    """Each resource of a text; those of a `List` are its own."""
    found = crowd(text) or (None if text.lstrip().startswith("{") else sprawl(text, 100_000))
    if found or len(text) > _LENGTH_LIMIT * 16:
        faults.append(found or Fault(0, "", "is too long for a manifest"))
        return
    try:
        loaded = [json.loads(text)] if text.lstrip().startswith("{") else list(YAML(typ="rt").load_all(StringIO(text)))
    except Exception as error:  # noqa: BLE001 - ruamel.yaml fails in ways of its own on tags that do not fit
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        faults.append(Fault(line, "", "is neither YAML nor JSON"))
        return
    for one in loaded:
        if isinstance(one, Mapping):
            items = one.get("items") if str(one.get("kind", "")).endswith("List") else None
            yield from (item for item in items if isinstance(item, Mapping)) if isinstance(items, list) else (one,)


class _Reader:
    """Makes services of resources. A value that is not there is never guessed."""

    def __init__(self, documents: list[Mapping[str, Any]], *, with_lines: bool) -> None:
        self._documents = documents
        self._with_lines = with_lines
        self.lines: dict[tuple[str, ...], int] = {}
        self.withheld: dict[str, str] = {}

    @cached_property
    def _held(self) -> dict[tuple[str, str], Values]:
        """What each ConfigMap and Secret holds, by its kind and name."""
        return {
            (kind, _name(one)): dict(_data(one))
            for one in self._documents
            if (kind := str(one.get("kind"))) in {"ConfigMap", "Secret"}
        }

    def services(self) -> dict[str, dict[str, Any]]:
        """Every container of every workload, by the name of both."""
        found: dict[str, dict[str, Any]] = {}
        for one in self._documents:
            if one.get("kind") in _WORKLOADS:
                pod = _pod_of(one)
                for container in _items(pod, "containers"):
                    name = f"{_name(one)}/{container.get('name', '')}"
                    found[name] = self._service(name, pod, container)
        return found

    def _service(self, name: str, pod: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, Any]:
        self._note((name,), container)
        return {
            "image": str(container.get("image", "")),
            "environment": dict(self._environment(name, container)),
            "command": [str(word) for key in ("command", "args") for word in _list(container.get(key))],
            "network_mode": "host",  # which ports reach a pod is what Services and hostPorts say
            "volumes": [{"target": str(one.get("mountPath", ""))} for one in _items(container, "volumeMounts")],
            "hostNetwork": bool(pod.get("hostNetwork")),
        }

    def _note(self, keys: tuple[str, ...], node: Any) -> None:  # noqa: ANN401 - ruamel's own
        position = getattr(node, "lc", None)
        if self._with_lines and position is not None and position.line is not None:
            self.lines[keys] = position.line + 1

    def _environment(self, service: str, container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        known: Values = {}
        for source in _items(container, "envFrom"):
            known |= self._all_of(source)
        for entry in _items(container, "env"):
            name = str(entry.get("name", ""))
            self._note((service, "environment", name), entry)
            value = self._value(name, entry)
            if value is None:
                known.pop(name, None)
            else:
                known[name] = _REFERENCE.sub(lambda match: known.get(match[1], match[0]), value)
        yield from known.items()

    def _all_of(self, source: Mapping[str, Any]) -> Values:
        """What `envFrom` takes from a ConfigMap or a Secret."""
        prefix = str(source.get("prefix") or "")
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = source.get(key)
            if isinstance(reference, Mapping):
                held = self._held.get((kind, str(reference.get("name"))))
                if held is None:
                    self.withheld["*"] = f"{kind} {reference.get('name')}"
                return {f"{prefix}{name}": value for name, value in (held or {}).items()}
        return {}

    def _value(self, name: str, entry: Mapping[str, Any]) -> str | None:
        """The value of a variable; None if it is not in these files."""
        source = entry.get("valueFrom")
        if not isinstance(source, Mapping):
            return "" if entry.get("value") is None else str(entry["value"])
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            reference = source.get(key)
            if isinstance(reference, Mapping):
                held = self._held.get((kind, str(reference.get("name"))), {}).get(str(reference.get("key")))
                if held is None:
                    self.withheld[name] = f"{kind} {reference.get('name')}, key {reference.get('key')}"
                return held
        return None

    def files(self, services: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Kind, str, int]]:
        """The yaml files of livekit that are mounted, those that no variable hands over already; with their lines."""
        handed = {value for spec in services.values() for value in spec["environment"].values()}
        for one in self._documents:
            if one.get("kind") in {"ConfigMap", "Secret"}:
                for name, value in _data(one):
                    kind = detect_kind(Path(_name(one), name), value)
                    if value not in handed and kind in {Kind.LIVEKIT, Kind.SIP}:
                        yield kind, value, self._line_of(one, name)

    def _line_of(self, one: Mapping[str, Any], name: str) -> int:
        marks = getattr(getattr(one.get("data"), "lc", None), "data", None) or {}
        return int(marks[name][0]) + 1 if self._with_lines and name in marks else 0

    def routes(self) -> Iterator[Route]:
        """The paths of every ingress."""
        for one in self._documents:
            if one.get("kind") == "Ingress":
                for rule in _items(_mapping(one.get("spec")), "rules"):
                    for path in _items(_mapping(rule.get("http")), "paths"):
                        is_prefix = path.get("pathType") != "Exact"
                        yield Route(str(rule.get("host") or ""), str(path.get("path") or "/"), is_prefix)


def _name(resource: Mapping[str, Any]) -> str:
    return str(_mapping(resource.get("metadata")).get("name", ""))


def _data(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The values of a ConfigMap or a Secret."""
    is_encoded = resource.get("kind") == "Secret"
    for name, value in _mapping(resource.get("data")).items():
        text = str(value)
        if is_encoded:
            try:
                text = base64.b64decode(text, validate=True).decode()
            except (binascii.Error, ValueError):
                continue
        yield str(name), text
    yield from ((str(name), str(value)) for name, value in _mapping(resource.get("stringData")).items())


def _pod_of(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = _mapping(workload.get("spec"))
    if workload.get("kind") == "CronJob":
        spec = _mapping(_mapping(spec.get("jobTemplate")).get("spec"))
    return spec if workload.get("kind") == "Pod" else _mapping(_mapping(spec.get("template")).get("spec"))


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any YAML value
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any YAML value
    return value if isinstance(value, list) else []


def _items(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [one for one in _list(value.get(key)) if isinstance(one, Mapping)]
