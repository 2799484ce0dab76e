"""CFG103-CFG105 and CFG146: the keys of each file, their types, and what newer releases refuse."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from itertools import chain, product
from typing import Any, Final

from sipctl.command_line import CommandLine, Prose
from sipctl.config.checks.parts import at, server_of, shown_setting
from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.reading import FaultKind
from sipctl.config.schema import SchemaFault, dotted, schema_faults
from sipctl.config.yamlfile import Keys, YamlFile
from sipctl.findings.check import Check
from sipctl.findings.record import Finding, Level

_GHOSTS: Final = {
    "log_level": "logging: {level: …}",
    "sip": "its settings at the top, such as sip_port",
    "bind_address": "listen_ip",
    "bind_addresses": "listen_ip",
    "port": "sip_port",
    "flood_protection": "",
    "rate_limits": "",
    "insecure": "",
    "room_mapper": "",
}
"""Keys that README files and issues of livekit-sip name and that it ignores, with what works instead."""

_MADE_BY_CALLS: Final = re.compile(r"(sip_)?((in|out)bound_)?(trunks?|dispatch(_rules?)?|rules?)\Z")
_CALLS: Final[Prose] = (
    "trunks and rules are not made in files: ", CommandLine.of("trunk", "create"), " and ",
    CommandLine.of("rules", "create"), " make them",
)  # fmt: skip
_LAST_STRICT: Final = (1, 13, 5)
"""The last livekit-server that refuses the later keys of its schema."""
_FORK: Final = "La Suite's livekit-sip"
_NOT_OF_THE_FORK: Final = ("rtp_draining_duration", "rtp_draining_idle_timeout")


def unknown_keys(deployment: Deployment) -> Iterator[Finding]:
    """Keys that livekit-server or sipctl does not know: both refuse them."""
    for file in deployment.servers:
        for place, found in _schema(file, "livekit-server"):
            if found.later:
                yield from _later_server_key(deployment, place, found)
            elif found.unknown:
                detail = f"livekit-server knows no {dotted(found.keys)}"
                yield fault("CFG103", place, detail, observed=_value(file, found.keys), fix=_instead(found))
    yield from _of_kind(deployment, "CFG103", FaultKind.UNKNOWN_KEY)


def _later_server_key(deployment: Deployment, place: Place, found: SchemaFault) -> Iterator[Finding]:
    """A key of newer releases: a warning, unless compose says which one runs."""
    version = deployment.compose.server_version if deployment.compose else None
    if version is not None and version > _LAST_STRICT:
        return
    runs = f"; compose runs {'.'.join(map(str, version))}" if version else ""
    detail = f"{dotted(found.keys)} is a key of {found.later}: older ones do not start with it{runs}"
    level = Level.ERROR if version else Level.WARN
    yield fault("CFG103", place, detail, level=level, fix="run such a version, or delete the key")


def ghost_keys(deployment: Deployment) -> Iterator[Finding]:
    """Keys that livekit-sip ignores."""
    is_fork = deployment.compose is not None and deployment.compose.runs_sip_of_la_suite
    for file in deployment.sips:
        for place, found in _schema(file, "livekit-sip"):
            if found.later:
                yield from _later_sip_key(place, found, is_fork=is_fork)
            elif found.unknown:
                ghost = _GHOSTS.get(str(found.keys[-1])) if len(found.keys) == 1 else ""
                fix = f"write {ghost}" if ghost else _instead(found)
                detail = f"livekit-sip ignores {dotted(found.keys)}"
                yield fault("CFG104", place, detail, observed=_value(file, found.keys), fix=fix)
        for key in _NOT_OF_THE_FORK if is_fork else ():
            if file.get(key) is not None:
                yield fault("CFG104", at(file, key), f"{_FORK} ignores {key}", fix="delete it")


def _later_sip_key(place: Place, found: SchemaFault, *, is_fork: bool) -> Iterator[Finding]:
    """A key that some releases know: no more than a note, for its author may well run such a release."""
    is_known = is_fork and found.later == _FORK
    if not is_known:
        detail = f"{dotted(found.keys)} is a key of {found.later}: others ignore it"
        level = Level.INFO if found.later == _FORK else Level.WARN
        yield fault("CFG104", place, detail, level=level, fix="nothing, if that is what runs")


def wrong_types(deployment: Deployment) -> Iterator[Finding]:
    """Values of another type than the program expects."""
    files = chain(product(deployment.servers, ["livekit-server"]), product(deployment.sips, ["livekit-sip"]))
    for file, schema in files:
        for place, found in _schema(file, schema):
            if not found.unknown:
                detail, observed = f"{dotted(found.keys)} is not {found.expected}", _value(file, found.keys)
                fix = _rewritten(found)
                yield fault("CFG105", place, detail, observed=observed, expected=found.expected, fix=fix)
    yield from _of_kind(deployment, "CFG105", FaultKind.VALUE)


def _rewritten(found: SchemaFault) -> str:
    """The line as it should be; where only its author can know the value, what kind of value it takes."""
    name = dotted(found.keys)
    return f"write {found.keys[-1]}: {shown_setting(name, found.instead)}" if found.instead else (
        f"write {found.expected} after {name}:"
    )  # fmt: skip


def _schema(file: YamlFile, name: str) -> Iterator[tuple[Place, SchemaFault]]:
    for found in schema_faults(file.root, name):
        yield at(file, *found.keys), found


def _of_kind(deployment: Deployment, code: str, kind: FaultKind) -> Iterator[Finding]:
    """A finding for every fault of this kind in any of the files."""
    for path, found in deployment.faults:
        if found.kind is kind:
            yield fault(code, Place(path, found.line), f"{found.key}: {found.message}".removeprefix(": "))


def _value(file: YamlFile, keys: Keys) -> str:
    value = file.get(*keys)
    return "" if value is None or isinstance(value, dict | list) else shown_setting(dotted(keys), value)


def _instead(found: SchemaFault) -> Prose:
    if _MADE_BY_CALLS.match(str(found.keys[-1])):
        return _CALLS
    return f"write {found.near}, or delete it" if found.near else ""


def later_refusals(deployment: Deployment) -> Iterator[Finding]:
    """What livekit-server 1.13.5 takes, and later releases refuse at their start."""
    server = server_of(deployment)
    given = [key for key in ("username", "password") if server.get("prometheus", key)]
    if len(given) == 1:
        lacking = "password" if given == ["username"] else "username"
        detail = f"prometheus.{given[0]} is set, and prometheus.{lacking} is not"
        yield fault("CFG146", at(server, "prometheus", given[0]), detail, fix="set both, or neither")
    turn_servers = server.get("rtc", "turn_servers")
    for number, turn in enumerate(turn_servers if isinstance(turn_servers, list) else ()):
        if not _has_credentials(turn):
            detail = f"rtc.turn_servers[{number}] has neither username and credential nor a secret"
            fix = "give it a username and a credential, or a secret or secret_file"
            yield fault("CFG146", at(server, "rtc", "turn_servers", number), detail, fix=fix)
    for key in ("allow_restricted_peer_cidrs", "deny_peer_cidrs"):
        networks = server.get("turn", key)
        for number, network in enumerate(networks if isinstance(networks, list) else ()):
            if not _is_network(network):
                place, detail = at(server, "turn", key, number), f"turn.{key}[{number}] is no network"
                yield fault("CFG146", place, detail, observed=str(network), fix="write it such as 10.0.0.0/8")


def _has_credentials(turn: Any) -> bool:  # noqa: ANN401 - any YAML value
    if not isinstance(turn, dict):
        return True  # its type is another finding
    return bool((turn.get("username") and turn.get("credential")) or turn.get("secret") or turn.get("secret_file"))


def _is_network(text: Any) -> bool:  # noqa: ANN401 - as above
    try:
        ip_network(str(text), strict=False)
    except ValueError:
        return False
    return "/" in str(text)


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG103", unknown_keys),
    Check("CFG104", ghost_keys, needs=("sip",)),
    Check("CFG105", wrong_types),
    Check("CFG146", later_refusals, needs=("server",)),
)
