"""The services of a compose project with everything filled in, as `docker compose config --format json` prints them."""

import json
import re
import shlex
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sipctl.config.reading import LINES_LIMIT, Fault, FaultKind, crowd

_SIP_IMAGE: Final = re.compile(r"(^|/)livekit/sip(:|@|$)|(^|/)livekit-sip(:|@|$)")
_FORK_IMAGE: Final = re.compile(r"(^|/)lasuite/livekit-sip(:|@|$)")
_VERSION: Final = re.compile(r":v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})\Z")
_SERVER_IMAGE: Final = re.compile(r"livekit-server(:|@|$)")


@dataclass(frozen=True)
class ComposeFile:
    """The services of a compose project."""

    path: Path
    text: str
    services: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = field(default=())

    @property
    def is_readable(self) -> bool:
        """Whether there are services to compare with other files."""
        return bool(self.services) and not any(fault.kind is FaultKind.SYNTAX for fault in self.faults)

    def line(self, service: str, *words: str) -> int:
        """The 1-based line of what is under these names in a service; of the last of them that is there."""
        return bisect(self._line_starts, _offset(self.text, ("services", service, *words)))

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def environment(self, service: str) -> dict[str, str]:
        """The environment of one service."""
        given = self.services[service].get("environment") or {}
        if isinstance(given, list):
            given = dict(str(line).partition("=")[::2] for line in given)
        if not isinstance(given, Mapping):
            return {}
        return {name: "" if value is None else str(value) for name, value in given.items()}

    def option(self, service: str, name: str) -> str | None:
        """The value of an option in the command of one service; "" for one without a value, None if it is not there."""
        spec = self.services[service]
        words = [*_words(spec.get("entrypoint")), *_words(spec.get("command"))]
        for at, word in enumerate(words):
            if word.partition("=")[0] == name:
                following = words[at + 1] if at + 1 < len(words) else ""
                return word.partition("=")[2] or ("" if following.startswith("-") else following)
        return None

    def mounts(self, service: str) -> Iterator[str]:
        """The paths in a service's container at which files or folders of others stand."""
        spec = self.services[service]
        for part in ("volumes", "configs", "secrets"):
            given = spec.get(part)
            for one in given if isinstance(given, list) else ():
                target = one.get("target") if isinstance(one, Mapping) else str(one).partition(":")[2].partition(":")[0]
                if isinstance(target, str) and target:
                    yield target

    def service_of(self, image: re.Pattern[str]) -> str | None:
        """The first service that runs this image."""
        return next((name for name, spec in self.services.items() if image.search(str(spec.get("image", "")))), None)

    @property
    def sip_service(self) -> str | None:
        """The service that runs livekit-sip."""
        return self.service_of(_SIP_IMAGE)

    @property
    def server_service(self) -> str | None:
        """The service that runs livekit-server."""
        return self.service_of(_SERVER_IMAGE)

    @property
    def server_version(self) -> tuple[int, ...] | None:
        """The version that the tag of livekit-server's image names; None for `latest` and the like."""
        service = self.server_service
        tag = _VERSION.search(str(self.services[service].get("image"))) if service else None
        return tuple(map(int, tag.groups())) if tag else None

    @property
    def runs_sip_of_la_suite(self) -> bool:
        """Whether the SIP node is La Suite's fork, which reads other keys."""
        return self.service_of(_FORK_IMAGE) is not None

    def published(self, service: str) -> Iterator[tuple[int, int, str]]:
        """Host port, container port and protocol of each port that a service publishes."""
        ports = self.services[service].get("ports")
        for port in ports if isinstance(ports, list) else ():
            if isinstance(port, Mapping):
                published, target = (str(port.get(name, "")) for name in ("published", "target"))
                if published.isdecimal() and target.isdecimal():
                    yield int(published), int(target), str(port.get("protocol", "tcp"))


_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def _offset(text: str, names: Sequence[str]) -> int:
    """Where the last of these names is, each inside the one before, in a text that is JSON."""
    found = at = _blanks_end(text, 0)
    for name in names:
        member = next((one for one in _members(text, at) if one[0] == name), None)
        if member is None:
            break
        _, found, at = member
    return found


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Each member of the object that begins here: its name, where that is, and where its value begins."""
    decoder = json.JSONDecoder()
    if text[at] != "{":
        return
    at = _blanks_end(text, at + 1)
    while text[at] == '"':
        name, end = decoder.raw_decode(text, at)
        value = _blanks_end(text, _blanks_end(text, end) + 1)
        yield name, at, value
        after = _blanks_end(text, decoder.raw_decode(text, value)[1])
        at = _blanks_end(text, after + 1) if text[after] == "," else after


def _blanks_end(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _words(command: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """The words of a command; none of one that no shell could split."""
    if isinstance(command, list):
        return list(map(str, command))
    try:
        return shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return []


def parse_compose(path: Path, text: str) -> ComposeFile:
    """Read the JSON; what cannot be read is a fault, and there are no services then."""
    if found := crowd(text):
        return ComposeFile(path, text, {}, (found,))
    try:
        value = json.loads(text)
    except RecursionError:
        return ComposeFile(path, text, {}, (Fault(1, "", "is not JSON: it nests too deep"),))
    except ValueError as error:
        return ComposeFile(path, text, {}, (Fault(getattr(error, "lineno", 1), "", f"is not JSON: {error}"),))
    if text.count("\\n") > LINES_LIMIT:
        return ComposeFile(path, text, {}, (Fault(0, "", f"holds texts of over {LINES_LIMIT:,} lines"),))
    services = value.get("services") if isinstance(value, dict) else None
    if not isinstance(services, dict):
        return ComposeFile(
            path,
            text,
            {},
            (Fault(1, "", "has no services: it is not what `docker compose config --format json` prints"),),
        )
    return ComposeFile(path, text, {name: spec for name, spec in services.items() if isinstance(spec, dict)})
