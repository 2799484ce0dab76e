"""CFG101, CFG102, CFG107-CFG111 and CFG139: what each file shows by itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sipctl.config.checks.parts import shown_setting
from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.kinds import Stranger, stranger_of
from sipctl.config.own_files import is_open_folder, loose_files
from sipctl.config.reading import FaultKind
from sipctl.config.schema import dotted
from sipctl.config.yamlfile import leaves
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level

_PLACEHOLDER: Final = re.compile(r"<[A-Za-z][\w .,'-]*>(?!.*</)|\A(change[-_]?me|your[-_].+|xxx+)\Z", re.IGNORECASE)
"""What templates write for a value of one's own; tags, SIP URIs and mail addresses look alike and are none."""
_QUOTED_NAMES: Final = frozenset({"api_key", "api_secret", "password", "sentinel_password", "username"})
_FILE_KEY: Final = re.compile(r"(\A|\.)(key_file|cert_file|ca_cert_file|client_\w+_file|api_(key|secret)_file)\Z")
_OTHERS: Final = 0o007
_NAMED: Final = 5
_UNKNOWN: Final = "is no configuration file that sipctl knows"
_INSTEAD: Final = {
    Stranger.EGRESS: "leave it out",
    Stranger.INGRESS: "leave it out",
    Stranger.HELM: "render it with `helm template NAME CHART -f THIS-FILE`, and give what is in its ConfigMap",
    Stranger.KUBERNETES: "give the file that it holds: what stands under `data` of a ConfigMap, or under `env`",
    Stranger.COMPOSE: "give what `docker compose config --format json` prints",
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


def _values(deployment: Deployment) -> Iterator[tuple[str, Any, Place]]:
    """Every single value of every file, with its name."""
    for file in deployment.env_files:
        for name, entry in file.entries.items():
            yield name, entry.value, Place(file.path, entry.line)
    if not deployment.env_files:
        yield from ((name, value.text, value.place) for name, value in (deployment.env or {}).items())
    for document in (*deployment.servers, *deployment.sips):
        for keys, value in leaves(document.root):
            yield dotted(keys), value, Place(document.path, document.line(*keys))
    for config in deployment.configs:
        for keys, value in leaves(config.table):
            yield dotted(keys), value, config.place(*keys)


def placeholders(deployment: Deployment) -> Iterator[Finding]:
    """Values that still are the template's."""
    for name, value, place in _values(deployment):
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            yield fault("CFG107", place, f"{name} is a placeholder", observed=shown_setting(name, value))


def missing_secret_files(deployment: Deployment) -> Iterator[Finding]:
    """Secret files that this machine does not have."""
    for name, path, place in _secret_files(deployment):
        if not _is_there(place.path.parent / Path(path).expanduser()):
            yield fault("CFG108", place, f"{name} names {path}, which is not there")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _secret_files(deployment: Deployment) -> Iterator[tuple[str, str, Place]]:
    """Every setting that names a file with a key or secret: its name, the path, and its place."""
    for name, value, place in _values(deployment):
        if isinstance(value, str) and value and (name.endswith("_FILE") or _FILE_KEY.search(name)):
            yield name, value, place


def unquoted_numbers(deployment: Deployment) -> Iterator[Finding]:
    """Keys and secrets that YAML reads as numbers."""
    for document in (*deployment.servers, *deployment.sips):
        for keys, value in leaves(document.root):
            named = keys[-1] in _QUOTED_NAMES or (len(keys) == 2 and keys[0] == "keys")
            if named and isinstance(value, int | float):
                place = Place(document.path, document.line(*keys))
                name = dotted(keys)
                yield fault("CFG109", place, f"{name} is read as a number", observed=shown_setting(name, value))


def open_files(deployment: Deployment) -> Iterator[Finding]:
    """Files with secrets or PINs that others on the machine can read."""
    for config in deployment.configs:
        if config.content and config.content.holds_secrets and _others_read(config.path):
            yield fault("CFG110", Place(config.path), "holds an API secret and is open to other users")
    for server in deployment.servers:
        key_file = server.get("key_file")
        if key_file and _others_read(server.path.parent / str(key_file)):
            place = Place(server.path, server.line("key_file"))
            yield fault("CFG110", place, f"{key_file} is open to other users", level=Level.ERROR)
    for folder in deployment.own_folders:
        yield from open_own_files(folder)


def open_own_files(folder: Path) -> Iterator[Finding]:
    """What is wrong with sipctl's own files in one of its folders."""
    if is_open_folder(folder):
        yield fault("CFG110", Place(folder), "others can put files into this folder of sipctl's, and take them away")
    found = list(loose_files(folder))
    if found:
        described = ", ".join(f"{path.name} ({how})" for path, how in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield fault("CFG110", Place(folder), f"files of sipctl's that are not private: {described}{more}")


def _others_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except (OSError, ValueError):
        return False


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
    Check("CFG107", placeholders),
    Check("CFG108", missing_secret_files),
    Check("CFG109", unquoted_numbers),
    Check("CFG110", open_files),
    Check("CFG111", unset_references),
    Check("CFG139", left_out),
)
