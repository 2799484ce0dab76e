"""CFG101, CFG102, CFG111 and CFG139: what each file shows by itself."""

from collections.abc import Iterator
from typing import Final

from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.kinds import Stranger, stranger_of
from sipctl.config.reading import FaultKind
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level

_UNKNOWN: Final = "is no configuration file that sipctl knows"
_INSTEAD: Final = {
    Stranger.EGRESS: "leave it out",
    Stranger.INGRESS: "leave it out",
    Stranger.HELM: "render it with `helm template NAME CHART -f THIS-FILE`, and give what that prints",
}


def unreadable(deployment: Deployment) -> Iterator[Finding]:
    """Files that are no TOML, YAML, JSON or env file, or of no kind that we know."""
    for source in deployment.unknown:
        stranger = stranger_of(source.path, source.text)
        known = f"is {stranger}, which sipctl does not read" if stranger else ""
        level = Level.WARN if stranger in {Stranger.EGRESS, Stranger.INGRESS} else None
        fix = _INSTEAD[stranger] if stranger else "say what it is with --kind"
        yield fault("CFG101", Place(source.path), known or _UNKNOWN, level=level, fix=fix)
    for path, found in deployment.faults:
        if found.kind is FaultKind.SYNTAX:  # the key may be a piece of a secret that has a line of its own
            yield fault("CFG101", Place(path, found.line), found.message)


def twice(deployment: Deployment) -> Iterator[Finding]:
    """Keys that appear twice in a file: the later one wins in an env file, livekit's programs refuse theirs."""
    refused = {file.path for file in (*deployment.servers, *deployment.sips)}
    for path, found in deployment.faults:
        if found.kind is FaultKind.TWICE:
            level = Level.ERROR if path in refused else None
            yield fault("CFG102", Place(path, found.line), f"{found.key} {found.message}", level=level)


def unset_references(deployment: Deployment) -> Iterator[Finding]:
    """`${NAME}` of nothing."""
    for path, found in deployment.faults:
        if found.kind is FaultKind.UNSET:
            name = found.message.partition("{")[2].partition("}")[0]
            later = next((str(file.path) for file in deployment.env_files if name in file.entries), "")
            where = f"; {later} sets it: name that file first" if later and later != str(path) else ""
            yield fault("CFG111", Place(path, found.line), f"{found.key}: {found.message}{where}")


def left_out(deployment: Deployment) -> Iterator[Finding]:
    """Files that are checked by themselves only, because another one of their kind is compared with the rest."""
    for files, compared in (
        (deployment.servers, deployment.server),
        (deployment.sips, deployment.sip),
        (deployment.composes, deployment.compose),
    ):
        for file in files:
            if compared and file is not compared:
                other = "what compose hands over" if getattr(compared, "at", 0) else str(compared.path)
                yield fault("CFG139", Place(file.path), f"is not compared with the other files: {other} is")


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG101", unreadable),
    Check("CFG102", twice),
    Check("CFG111", unset_references),
    Check("CFG139", left_out),
)
