"""CFG106, CFG130-CFG132, CFG135 and CFG142: ports, addresses and times of livekit-server and livekit-sip."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Any, Final

from sipctl.config.deployment import Deployment, Place, fault
from sipctl.config.schema import truth
from sipctl.config.yamlfile import Keys, YamlFile
from sipctl.findings.check import Check
from sipctl.findings.record import Finding

_LAST_PORT: Final = 65535
_RTC_DEFAULT: Final = (50000, 60000)
_TURN_DEFAULT: Final = (30000, 40000)
_RTP_DEFAULT: Final = (10000, 20000)
_SIP_PORT: Final = 5060
_RANGE: Final = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?\Z")
"""A port or a range of them, as livekit reads its PortRange."""
_SERVER_PORTS: Final = (
    ("port",), ("prometheus_port",), ("prometheus", "port"), ("rtc", "tcp_port"), ("rtc", "port_range_start"),
    ("rtc", "port_range_end"), ("turn", "tls_port"), ("turn", "udp_port"), ("turn", "relay_range_start"),
    ("turn", "relay_range_end"),
)  # fmt: skip
_SERVER_RANGES: Final = (
    ("rtc", "port_range_start", "port_range_end"),
    ("turn", "relay_range_start", "relay_range_end"),
)
_SIP_PORTS: Final = (
    ("sip_port",), ("sip_port_listen",), ("health_port",), ("prometheus_port",), ("pprof_port",), ("tls", "port"),
    ("tls", "port_listen"),
)  # fmt: skip
_NODE_SELECTORS: Final = ("any", "cpuload", "sysload", "regionaware", "random")
"""Kinds that livekit-server knows (livekit/livekit pkg/routing/selector/interfaces.go)."""
_HOST_CHARACTERS: Final = re.compile(r"[$%{}\[\]:/| ]")
_RATES: Final = {"opus": 48000}
"""Clock rates other than 8000, by codec."""
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports from first to last, of whom, and where that is written."""

    owner: str
    first: int
    last: int
    place: Place

    @property
    def ports(self) -> str:
        """The first and the last one, in words."""
        return f"{self.first}-{self.last}"

    def overlaps(self, other: "PortRange") -> bool:
        """Whether some port is in both."""
        return self.first <= other.last and other.first <= self.last


def _ports_of(value: Any) -> tuple[int, int | None] | None:  # noqa: ANN401 - any YAML value
    """The first and last port of a range, None as the last where there is only one; None for what is no range."""
    match = _RANGE.match(str(value)) if isinstance(value, int | str) else None
    return (int(match[1]), int(match[2]) if match[2] else None) if match else None


def out_of_range(deployment: Deployment) -> Iterator[Finding]:
    """Numbers, times and addresses that the programs refuse or replace."""
    for server in deployment.servers:
        yield from _bad_ports(server, _SERVER_PORTS)
        yield from _reversed_ranges(server)
        yield from _describe(server, _server_problems(server))
    for sip in deployment.sips:
        yield from _bad_ports(sip, _SIP_PORTS)
        yield from _describe(sip, _sip_problems(sip))


def _bad_ports(document: YamlFile, names: tuple[tuple[str, ...], ...]) -> Iterator[Finding]:
    for keys in names:
        value = document.get(*keys)
        if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= _LAST_PORT:
            place = Place(document.path, document.line(*keys))
            expected = f"0 to {_LAST_PORT}"
            yield fault("CFG106", place, f"{'.'.join(keys)} is no port", observed=str(value), expected=expected)


def _reversed_ranges(server: YamlFile) -> Iterator[Finding]:
    for section, start, end in _SERVER_RANGES:
        first, last = server.get(section, start), server.get(section, end)
        if isinstance(first, int) and isinstance(last, int) and first > last > 0:
            place = Place(server.path, server.line(section, end))
            yield fault("CFG106", place, f"{section}.{end} is below {section}.{start}", observed=f"{first}-{last}")


def _describe(document: YamlFile, problems: Iterator[tuple[Keys, str]]) -> Iterator[Finding]:
    for keys, problem in problems:
        place = Place(document.path, document.line(*keys))
        value = document.get(*keys)
        observed = "" if isinstance(value, dict | list) else str(value)
        yield fault("CFG106", place, f"{'.'.join(map(str, keys))} {problem}", observed=observed)


def _server_problems(server: YamlFile) -> Iterator[tuple[Keys, str]]:
    """Keys of livekit-server whose values keep it from starting, and what is wrong with each."""
    yield from _bad_udp_port(server)
    kind = server.get("node_selector", "kind")
    if isinstance(kind, str) and kind not in _NODE_SELECTORS:
        yield ("node_selector", "kind"), f"is none of {', '.join(_NODE_SELECTORS)}: livekit-server does not start"
    elif kind == "regionaware" and not server.get("region"):
        yield ("node_selector", "kind"), "is regionaware, and region is not set: livekit-server does not start"
    if (address := server.get("rtc", "node_ip")) and not _is(ip_address, address):
        yield ("rtc", "node_ip"), "is no IP address: livekit-server does not start"
    for key in ("includes", "excludes"):
        networks = server.get("rtc", "ips", key)
        if isinstance(networks, list) and not all("/" in str(net) and _is(_network, net) for net in networks):
            yield ("rtc", "ips", key), "is not all networks such as 10.0.0.0/8: livekit-server does not start"


def _bad_udp_port(server: YamlFile) -> Iterator[tuple[Keys, str]]:
    value = server.get("rtc", "udp_port")
    ports = _ports_of(value)
    if isinstance(value, str) and ports is None:
        yield ("rtc", "udp_port"), "is neither a port nor a range such as 7882-7892: livekit-server does not start"
    elif ports and ports[1] is not None and ports[1] <= ports[0]:
        yield ("rtc", "udp_port"), "ends before it begins: livekit-server does not start"


def _sip_problems(sip: YamlFile) -> Iterator[tuple[Keys, str]]:
    """Keys of livekit-sip whose values it refuses or replaces, and what is wrong with each."""
    yield from _bad_rtp_port(sip)
    ringing = _seconds(sip.get("sip_ringing_interval"))
    if ringing is not None and not 1 <= ringing <= 60:
        yield ("sip_ringing_interval",), "is not 1s to 60s: livekit-sip takes 1s"
    utilization = sip.get("max_cpu_utilization")
    if isinstance(utilization, int | float) and not 0 <= utilization <= 1:
        yield ("max_cpu_utilization",), "is not 0 to 1"
    if isinstance(sip.get("tls"), dict) and not sip.get("tls", "certs"):
        yield ("tls",), "has no certs: livekit-sip does not start"
    yield from _sip_address_problems(sip)


def _bad_rtp_port(sip: YamlFile) -> Iterator[tuple[Keys, str]]:
    ports = _ports_of(sip.get("rtp_port"))
    if ports is None:
        return
    first, last = ports[0], ports[1] if ports[1] is not None else _RTP_DEFAULT[1]
    if last <= first:
        is_implied = "" if ports[1] is not None else f" (its end is {_RTP_DEFAULT[1]})"
        yield ("rtp_port",), f"ends before it begins{is_implied}: livekit-sip does not start, or has no port for a call"
    elif last > _LAST_PORT:
        yield ("rtp_port",), f"holds ports above {_LAST_PORT}"


def _sip_address_problems(sip: YamlFile) -> Iterator[tuple[Keys, str]]:
    if _HOST_CHARACTERS.search(str(sip.get("sip_hostname") or "").replace("${IP}", "")):
        yield ("sip_hostname",), "is no host name: livekit-sip does not start"
    for key in ("nat_1_to_1_ip", "media_nat_1_to_1_ip", "listen_ip"):
        if (value := sip.get(key)) and not _is(ip_address, value):
            yield (key,), "is no IP address: livekit-sip does not start"
    if (net := sip.get("local_net")) and not _is(_network, net):
        yield ("local_net",), "is no network such as 10.0.0.0/8"


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - any YAML value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
    return float(match[1]) * _SECONDS[match[2]] if match else None


def _network(text: str) -> object:
    return ip_network(text, strict=False)


def _is(read: Callable[[str], object], value: Any) -> bool:  # noqa: ANN401 - any YAML value
    """Whether a value can be read so."""
    try:
        read(str(value))
    except ValueError:
        return False
    return True


def _ranges(deployment: Deployment) -> Iterator[PortRange]:
    """The media port ranges of which something is known, the defaults where nothing is written."""
    if sip := deployment.sip:
        first, last = _ports_of(sip.get("rtp_port")) or _RTP_DEFAULT
        place = Place(sip.path, sip.line("rtp_port"))
        yield PortRange("livekit-sip's rtp_port", first, last if last is not None else _RTP_DEFAULT[1], place)
    if server := deployment.server:
        udp = _ports_of(server.get("rtc", "udp_port"))
        if udp and udp[0]:
            yield PortRange("livekit-server's rtc.udp_port", udp[0], udp[1] or udp[0], _at(server, "rtc", "udp_port"))
        else:
            yield _server_range(server, *_SERVER_RANGES[0], _RTC_DEFAULT)
        if truth(server.get("turn", "enabled")):
            yield _server_range(server, *_SERVER_RANGES[1], _TURN_DEFAULT)


def _at(document: YamlFile, *keys: str) -> Place:
    return Place(document.path, document.line(*keys))


def _server_range(server: YamlFile, section: str, start: str, end: str, default: tuple[int, int]) -> PortRange:
    first, last = server.get(section, start), server.get(section, end)
    if not (isinstance(first, int) and isinstance(last, int) and 0 < first <= last):
        first, last = default
    return PortRange(f"livekit-server's {section}", first, last, _at(server, section, start))


def overlapping_ranges(deployment: Deployment) -> Iterator[Finding]:
    """Two programs that take each other's ports."""
    for one, other in combinations(_ranges(deployment), 2):
        if one.overlaps(other):
            detail = f"{other.owner} {other.ports} and {one.owner} {one.ports} ({one.place}) overlap"
            yield fault("CFG130", other.place, detail, observed=other.ports, expected=f"none of {one.ports}")


def two_server_addresses(deployment: Deployment) -> Iterator[Finding]:
    """A node_ip that livekit-server replaces by what a STUN server sees."""
    server = deployment.server
    if server and server.get("rtc", "node_ip") and truth(server.get("rtc", "use_external_ip")):
        place, observed = _at(server, "rtc", "node_ip"), str(server.get("rtc", "node_ip"))
        detail = f"rtc.node_ip is ignored beside use_external_ip ({_at(server, 'rtc', 'use_external_ip')})"
        yield fault("CFG149", place, detail, observed=observed)


def codecs_without_rate(deployment: Deployment) -> Iterator[Finding]:
    """Codecs by names that livekit-sip does not know."""
    sip = deployment.sip
    codecs = sip.get("codecs") if sip else None
    for name in codecs if sip and isinstance(codecs, dict) else ():
        if sip and "/" not in str(name):
            rate = _RATES.get(str(name).lower(), 8000)
            place, fix = _at(sip, "codecs", name), f"write {name}/{rate}"
            yield fault("CFG150", place, f"livekit-sip knows no codec {name}: its names have a rate", fix=fix)


def rtp_as_mapping(deployment: Deployment) -> Iterator[Finding]:
    """An rtp_port that is read as nothing."""
    sip = deployment.sip
    value = sip.get("rtp_port") if sip else None
    if sip and value is not None and _ports_of(value) is None:
        detail = "rtp_port is not of the form 10000-20000: livekit-sip takes that range, or does not start"
        yield fault("CFG131", _at(sip, "rtp_port"), detail)


def two_announced_addresses(deployment: Deployment) -> Iterator[Finding]:
    """Settings that exclude each other."""
    sip = deployment.sip
    for prefix in ("", "media_"):
        switch, address = f"{prefix}use_external_ip", f"{prefix}nat_1_to_1_ip"
        if sip and truth(sip.get(switch)) and sip.get(address):
            yield fault("CFG132", _at(sip, address), f"{switch} and {address} are both set: livekit-sip does not start")


def announced_address(deployment: Deployment) -> Iterator[Finding]:
    """An address in livekit-sip's answers that no phone reaches."""
    sip, compose = deployment.sip, deployment.compose
    if sip is None:
        return
    address = str(sip.get("nat_1_to_1_ip") or "")
    if _is(ip_address, address) and (ip_address(address).is_loopback or ip_address(address).is_unspecified):
        detail = "nat_1_to_1_ip is an address of this machine alone"
        yield fault("CFG142", _at(sip, "nat_1_to_1_ip"), detail, observed=address)
    service = compose.sip_service if compose else None
    if compose is None or service is None or compose.services[service].get("network_mode") == "host":
        return
    if not address and not truth(sip.get("use_external_ip")):
        container = f"its container's address ({Place(compose.path, compose.line(service))})"
        detail = f"neither use_external_ip nor nat_1_to_1_ip is set: livekit-sip announces {container}"
        yield fault("CFG142", _at(sip, "use_external_ip"), detail)


def unpublished_ports(deployment: Deployment) -> Iterator[Finding]:
    """Ports of livekit-sip that no packet reaches."""
    compose, sip = deployment.compose, deployment.sip
    service = compose.sip_service if compose else None
    if compose is None or sip is None or service is None or compose.services[service].get("network_mode") == "host":
        return
    place = Place(compose.path, compose.line(service))
    published = set(compose.published(service))
    port = sip.get("sip_port_listen") or sip.get("sip_port") or _SIP_PORT
    for protocol in ("udp", "tcp"):
        if not any(target == port and used == protocol for _, target, used in published):
            place_of_port = _at(sip, "sip_port_listen" if sip.get("sip_port_listen") else "sip_port")
            detail = f"the SIP port {port} ({place_of_port}) is not published over {protocol.upper()}"
            yield fault("CFG135", place, detail)
    rtp = next(_ranges(deployment))
    reached = sum(at == target and used == "udp" and rtp.first <= at <= rtp.last for at, target, used in published)
    if lost := max(rtp.last - rtp.first + 1 - reached, 0):
        ports = f"RTP ports {rtp.first}-{rtp.last} ({rtp.place})"
        yield fault("CFG135", place, f"{lost} of the {ports} are not published one to one over UDP")


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG106", out_of_range),
    Check("CFG130", overlapping_ranges),
    Check("CFG131", rtp_as_mapping, needs=("sip",)),
    Check("CFG132", two_announced_addresses, needs=("sip",)),
    Check("CFG149", two_server_addresses, needs=("server",)),
    Check("CFG150", codecs_without_rate, needs=("sip",)),
    Check("CFG142", announced_address, needs=("sip",)),
    Check("CFG135", unpublished_ports, needs=("sip", "compose")),
)
