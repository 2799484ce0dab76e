"""CFG101-CFG111: what each file shows by itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sipctl.config.check import check, fault
from sipctl.config.deployment import Deployment, Place
from sipctl.config.file import parse_config
from sipctl.config.reading import Fault
from sipctl.config.schema import SchemaFault, load_schema, schema_faults
from sipctl.config.yamlfile import YamlFile, leaves
from sipctl.findings import Finding, Level
from sipctl.telephony.secret import MASK

_PLACEHOLDER: Final = re.compile(r"<[^<>]*[A-Za-z][^<>]*>|\A(change[-_]?me|your[-_].+|xxx+)\Z", re.IGNORECASE)
_SECRET_NAME: Final = re.compile(r"secret|password|token|credential|private", re.IGNORECASE)
_QUOTED_NAMES: Final = frozenset({"api_key", "api_secret", "password", "sentinel_password", "username"})
_OTHERS: Final = 0o007

_GHOSTS: Final = {
    "log_level": "logging: {level: …}",
    "bind_address": "listen_ip",
    "bind_addresses": "listen_ip",
    "port": "sip_port",
    "flood_protection": "",
    "rate_limits": "",
    "insecure": "",
    "room_mapper": "",
}
"""Keys that README files and issues of livekit-sip name and that it ignores, with what works instead."""


def _faults(deployment: Deployment) -> Iterator[tuple[Path, Fault]]:
    yield from deployment.faults
    if deployment.config:
        yield from ((deployment.config.path, found) for found in parse_config(deployment.config.text)[1])


def _is_syntax(found: Fault) -> bool:
    return found.message.startswith(("is not ", "is no mapping", "no `NAME=", "there are none"))


@check("CFG101")
def unreadable(deployment: Deployment) -> Iterator[Finding]:
    """Files that are no TOML, YAML, JSON or env file, or of no kind that we know."""
    for path in deployment.unknown:
        yield fault(
            "CFG101", Place(path), "is no configuration file that sipctl knows", fix="say what it is with --kind"
        )
    for path, found in _faults(deployment):
        if _is_syntax(found):
            yield fault("CFG101", Place(path, found.line), f"{found.key} {found.message}".strip())


@check("CFG102")
def twice(deployment: Deployment) -> Iterator[Finding]:
    """Keys that stand twice in a file."""
    for path, found in _faults(deployment):
        if found.message.startswith("is set twice"):
            yield fault("CFG102", Place(path, found.line), f"{found.key} {found.message}")


@check("CFG103")
def unknown_keys(deployment: Deployment) -> Iterator[Finding]:
    """Keys that livekit-server or sipctl does not know: both refuse them."""
    for keys, found in _schema(deployment.server, "livekit-server"):
        if found.unknown:
            yield fault("CFG103", keys, f"livekit-server knows no {_dotted(found)}", fix=_meant(found))
    if deployment.config:
        for config_fault in parse_config(deployment.config.text)[1]:
            if config_fault.message.startswith("unknown key"):
                place = Place(deployment.config.path, config_fault.line)
                yield fault("CFG103", place, f"{config_fault.key}: {config_fault.message}")


@check("CFG104", "sip")
def ghost_keys(deployment: Deployment) -> Iterator[Finding]:
    """Keys that livekit-sip ignores."""
    for place, found in _schema(deployment.sip, "livekit-sip"):
        if found.unknown:
            instead = _GHOSTS.get(str(found.keys[-1])) if len(found.keys) == 1 else ""
            fix = f"write {instead}" if instead else _meant(found)
            yield fault("CFG104", place, f"livekit-sip ignores {_dotted(found)}", fix=fix)


@check("CFG105")
def wrong_types(deployment: Deployment) -> Iterator[Finding]:
    """Values of another type than the program expects."""
    for document, schema in ((deployment.server, "livekit-server"), (deployment.sip, "livekit-sip")):
        for place, found in _schema(document, schema):
            if not found.unknown:
                yield fault("CFG105", place, f"{_dotted(found)} is no {found.expected}", expected=found.expected)
    if deployment.config:
        for config_fault in parse_config(deployment.config.text)[1]:
            if not _is_syntax(config_fault) and not config_fault.message.startswith("unknown key"):
                place = Place(deployment.config.path, config_fault.line)
                yield fault("CFG105", place, f"{config_fault.key}: {config_fault.message}")


def _schema(document: YamlFile | None, name: str) -> Iterator[tuple[Place, SchemaFault]]:
    if document:
        for found in schema_faults(document.root, load_schema(name)):
            yield Place(document.path, document.line(*found.keys)), found


def _dotted(found: SchemaFault) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in found.keys).lstrip(".")


def _meant(found: SchemaFault) -> str:
    return f"write {found.near}, or delete it" if found.near else ""


def _values(deployment: Deployment) -> Iterator[tuple[str, Any, Place]]:
    """Every single value of every file, with its name."""
    for file in deployment.env_files:
        for name, entry in file.entries.items():
            yield name, entry.value, Place(file.path, entry.line)
    for document in filter(None, (deployment.server, deployment.sip)):
        for keys, value in leaves(document.root):
            name = next((key for key in reversed(keys) if isinstance(key, str)), "")
            yield ".".join(map(str, keys[:-1])) + f".{name}", value, Place(document.path, document.line(*keys))


@check("CFG107")
def placeholders(deployment: Deployment) -> Iterator[Finding]:
    """Values that still are the template's."""
    for name, value, place in _values(deployment):
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            shown = MASK if _SECRET_NAME.search(name) else value
            yield fault("CFG107", place, f"{name.lstrip('.')} is a placeholder", observed=shown)


@check("CFG108")
def missing_secret_files(deployment: Deployment) -> Iterator[Finding]:
    """Secret files that this machine does not have."""
    for file in deployment.env_files:
        for name, entry in file.entries.items():
            if name.endswith("_FILE") and entry.value and not (file.path.parent / entry.value).exists():
                yield fault("CFG108", Place(file.path, entry.line), f"{name} names {entry.value}, which is not there")
    server = deployment.server
    key_file = server.get("key_file") if server else None
    if server and key_file and not (server.path.parent / str(key_file)).exists():
        yield fault("CFG108", Place(server.path, server.line("key_file")), f"key_file names {key_file}, not there")


@check("CFG109")
def unquoted_numbers(deployment: Deployment) -> Iterator[Finding]:
    """Keys and secrets that YAML reads as numbers."""
    for document in filter(None, (deployment.server, deployment.sip)):
        for keys, value in leaves(document.root):
            named = keys[-1] in _QUOTED_NAMES or (len(keys) == 2 and keys[0] == "keys")
            if named and isinstance(value, int | float):
                shown = MASK if _SECRET_NAME.search(str(keys[-1])) or keys[0] == "keys" else str(value)
                place = Place(document.path, document.line(*keys))
                yield fault("CFG109", place, f"{'.'.join(map(str, keys))} is read as a number", observed=shown)


@check("CFG110")
def open_files(deployment: Deployment) -> Iterator[Finding]:
    """Files with secrets that everyone on the machine can read."""
    config = deployment.config
    if config and "api_secret " in config.text.replace("=", " ") and _others_read(config.path):
        yield fault("CFG110", Place(config.path), "holds an API secret and is open to other users")
    server = deployment.server
    key_file = server.get("key_file") if server else None
    if server and key_file and _others_read(server.path.parent / str(key_file)):
        yield fault(
            "CFG110",
            Place(server.path, server.line("key_file")),
            f"{key_file} is open to other users",
            level=Level.ERROR,
        )


def _others_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


@check("CFG111")
def unset_references(deployment: Deployment) -> Iterator[Finding]:
    """`${NAME}` of nothing."""
    for path, found in _faults(deployment):
        if "is not set before this line" in found.message:
            yield fault("CFG111", Place(path, found.line), f"{found.key}: {found.message}")
