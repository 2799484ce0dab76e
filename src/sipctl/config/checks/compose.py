"""CFG147 and CFG151: what compose gives to livekit-sip."""

import re
from collections.abc import Iterator
from typing import Final

from sipctl.config.composefile import ComposeFile
from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.kinds import SIP_KEYS
from sipctl.findings.check import Check
from sipctl.findings.record import Finding

_READ: Final = frozenset(
    {"LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_WS_URL", "SIP_CONFIG_FILE", "SIP_CONFIG_BODY"}
)
"""Every variable that livekit-sip reads (livekit/sip cmd/livekit-sip/main.go, pkg/config/config.go)."""
_LIKE_A_SETTING: Final = re.compile(r"(LIVEKIT|REDIS|SIP|RTP|LOG|LOGGING)_|USE_JITTER_BUFFER\Z")
_INSTEAD: Final = {"LIVEKIT_URL": "set LIVEKIT_WS_URL, or ws_url in its yaml"}
_DEFAULT_FILE: Final = "/sip/config.yaml"
"""What the entrypoint of the image livekit/sip passes to `--config`."""


def unread_variables(deployment: Deployment) -> Iterator[Finding]:
    """Variables that look like settings of livekit-sip, and that it never reads."""
    compose, service = _sip_service(deployment)
    for name in compose.environment(service) if service else ():
        is_like_one = _LIKE_A_SETTING.match(name) or name.lower() in SIP_KEYS
        if is_like_one and name not in _READ:
            place = Place(compose.path, compose.line(service, "environment", name))
            fix = _INSTEAD.get(name, "write the setting into its yaml, which SIP_CONFIG_BODY or a file holds")
            yield fault("CFG147", place, f"livekit-sip never reads {name}", fix=fix)


def no_configuration(deployment: Deployment) -> Iterator[Finding]:
    """A livekit-sip that is given no yaml, by no variable and no file.

    An image that is built may hold the file; where its yaml was given here, it reaches livekit-sip some way.
    """
    compose, service = _sip_service(deployment)
    if not service or deployment.sips or compose.services[service].get("build"):
        return
    body = compose.environment(service).get("SIP_CONFIG_BODY") or compose.option(service, "--config-body")
    if body:
        return
    file = compose.option(service, "--config") or compose.environment(service).get("SIP_CONFIG_FILE") or _DEFAULT_FILE
    if not any(file == target or file.startswith(f"{target.rstrip('/')}/") for target in compose.mounts(service)):
        detail = f"livekit-sip gets no configuration: no SIP_CONFIG_BODY, and nothing is mounted at {file}"
        yield fault("CFG151", Place(compose.path, compose.line(service)), detail)


def _sip_service(deployment: Deployment) -> tuple[ComposeFile, str]:
    """The project, and its service that runs livekit-sip, "" = none."""
    if deployment.compose is None:
        raise LookupError("a check reads a file that it does not declare")
    return deployment.compose, deployment.compose.sip_service or ""


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG147", unread_variables, needs=("compose",)),
    Check("CFG151", no_configuration, needs=("compose",)),
)
