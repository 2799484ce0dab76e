"""What `docker compose config --format json` prints: the services with everything filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sipctl.config.reading import Fault

_SIP_IMAGE: Final = re.compile(r"(^|/)livekit/sip(:|@|$)|(^|/)livekit-sip(:|@|$)")
_SERVER_IMAGE: Final = re.compile(r"livekit-server(:|@|$)")


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """The services of a compose project."""

    path: Path
    text: str
    services: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = field(default=())

    def line(self, *words: str) -> int:
        """The 1-based line where these names stand one after the other; the last that is found."""
        at = 0
        for word in words:
            found = self.text.find(f"{json.dumps(word)}:", at)
            if found < 0:
                break
            at = found
        return self.text.count("\n", 0, at) + 1

    def environment(self, service: str) -> dict[str, str]:
        """The environment of one service."""
        given = self.services[service].get("environment") or {}
        return {name: "" if value is None else str(value) for name, value in given.items()}

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

    def published(self, service: str) -> Iterator[tuple[int, int, str]]:
        """Host port, container port and protocol of each port that a service publishes."""
        for port in self.services[service].get("ports") or ():
            if isinstance(port, Mapping) and str(port.get("published", "")).isdigit():
                yield int(port["published"]), int(port.get("target", 0)), str(port.get("protocol", "tcp"))


def parse_compose(path: Path, text: str) -> ComposeFile:
    """Read the JSON; what cannot be read is a fault, and there are no services then."""
    try:
        value = json.loads(text)
    except RecursionError:
        return ComposeFile(path, text, {}, (Fault(1, "", "is not JSON: it nests too deep"),))
    except ValueError as error:
        return ComposeFile(path, text, {}, (Fault(getattr(error, "lineno", 1), "", f"is not JSON: {error}"),))
    services = value.get("services") if isinstance(value, dict) else None
    if not isinstance(services, dict):
        return ComposeFile(path, text, {}, (Fault(1, "services", "there are none"),))
    return ComposeFile(path, text, {name: spec for name, spec in services.items() if isinstance(spec, dict)})
