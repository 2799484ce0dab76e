"""CFG107-CFG110: secrets, and the files that hold them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sipctl.config.checks.parts import shown_setting
from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.own_files import is_open_folder, loose_files
from sipctl.config.schema import dotted
from sipctl.config.yamlfile import leaves
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

_PLACEHOLDER: Final = re.compile(r"<[A-Za-z][\w .,'-]*>(?!.*</)|\A(change[-_]?me|your[-_].+|xxx+)\Z", re.IGNORECASE)
"""What templates write for a value of one's own; tags, SIP URIs and mail addresses look alike and are none."""
_QUOTED_NAMES: Final = frozenset({"api_key", "api_secret", "password", "sentinel_password", "username"})
_FILE_KEY: Final = re.compile(
    r"(\A|\.)(key_file|cert_file|ca_cert_file|client_\w+_file|secret_file|api_(key|secret)_file)\Z"
)
_PUBLIC_FILE: Final = re.compile(r"cert_file\Z|api_key_file\Z|CERT(IFICATE)?_FILE\Z|API_KEY_FILE\Z|CONFIG_FILE\Z")
"""Settings that name a file without a secret: certificates, and keys that are names."""
_REFUSED_FILE: Final = "key_file"
_SECRET: Final = re.compile(
    r"\Akeys\.|\ALIVEKIT_KEYS\Z|(secret|secret_key|secret_access_key|password|token|credentials?)\Z", re.IGNORECASE
)
_OTHERS: Final = 0o007
_NAMED: Final = 5


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
    """Secret files that this machine does not have: for sipctl, which runs here, an error."""
    own = {config.path for config in deployment.configs}
    for name, path, place in _secret_files(deployment):
        if not _is_there(place.path.parent / Path(path).expanduser()):
            level = Level.ERROR if place.path in own else None
            yield fault("CFG108", place, f"{name} names {path}, which is not there", level=level)


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
    for path, name in dict(_holders(deployment)).items():
        if _others_read(path):
            yield fault("CFG110", Place(path), f"holds {name} and is open to other users")
    for name, file, place in _secret_files(deployment):
        path = place.path.parent / Path(file).expanduser()
        if _PUBLIC_FILE.search(name) is None and _others_read(path):
            level = Level.ERROR if name == _REFUSED_FILE else None  # livekit-server does not start with it
            yield fault("CFG110", place, f"{file} is open to other users", level=level)
    for folder in deployment.own_folders:
        yield from open_own_files(folder)


def _holders(deployment: Deployment) -> Iterator[tuple[Path, str]]:
    """Each file that holds a secret, and the name of one."""
    for config in deployment.configs:
        if config.content and config.content.holds_secrets:
            yield config.path, "a secret"
    for name, value, place in (*_values(deployment), *_compose_values(deployment)):
        if _is_secret(name, value):
            yield place.path, name.partition(".")[0] if name.startswith("keys.") else name


def _compose_values(deployment: Deployment) -> Iterator[tuple[str, str, Place]]:
    """What compose hands to every service."""
    for compose in deployment.composes:
        for service in compose.services:
            yield from ((name, text, Place(compose.path)) for name, text in compose.environment(service).items())


def _is_secret(name: str, value: Any) -> bool:  # noqa: ANN401 - any YAML value
    """Whether a setting holds a secret: by its name, or a database's address with a password in it."""
    if value is None or not str(value):
        return False
    return bool(_SECRET.search(name)) or (name.endswith("_URL") and shown_url(str(value)) != str(value))


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


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG107", placeholders),
    Check("CFG108", missing_secret_files),
    Check("CFG109", unquoted_numbers),
    Check("CFG110", open_files),
)
