"""CFG106, CFG130-CFG132 and CFG135: ports, addresses and times of livekit-server and livekit-sip."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Any, Final

from sipctl.config.check import check, fault
from sipctl.config.deployment import Deployment, Place
from sipctl.config.yamlfile import YamlFile
from sipctl.findings import Finding

_LAST_PORT: Final = 65535
_RTP_DEFAULT: Final = (10000, 20000)
_SIP_PORT: Final = 5060
_RTP: Final = re.compile(r"(\d+)(?:-(\d+))?\Z")
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
_HOST_CHARACTERS: Final = re.compile(r"[$%{}\[\]:/| ]")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports from first to last, of whom, and where that is written."""

    owner: str
    first: int
    last: int
    place: Place

    def overlaps(self, other: "PortRange") -> bool:
        """Whether some port is in both."""
        return self.first <= other.last and other.first <= self.last


@check("CFG106")
def out_of_range(deployment: Deployment) -> Iterator[Finding]:
    """Numbers, times and addresses that the programs refuse or replace."""
    if deployment.server:
        yield from _bad_ports(deployment.server, _SERVER_PORTS)
        yield from _reversed_ranges(deployment.server)
    if deployment.sip:
        yield from _bad_ports(deployment.sip, _SIP_PORTS)
        yield from _bad_sip_values(deployment.sip)


def _bad_ports(document: YamlFile, names: tuple[tuple[str, ...], ...]) -> Iterator[Finding]:
    for keys in names:
        value = document.get(*keys)
        if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= _LAST_PORT:
            place = Place(document.path, document.line(*keys))
            yield fault(
                "CFG106", place, f"{'.'.join(keys)} is no port", observed=str(value), expected=f"0 to {_LAST_PORT}"
            )


def _reversed_ranges(server: YamlFile) -> Iterator[Finding]:
    for section, start, end in _SERVER_RANGES:
        first, last = server.get(section, start), server.get(section, end)
        if isinstance(first, int) and isinstance(last, int) and first > last > 0:
            place = Place(server.path, server.line(section, end))
            yield fault("CFG106", place, f"{section}.{end} is below {section}.{start}", observed=f"{first}-{last}")


def _bad_sip_values(sip: YamlFile) -> Iterator[Finding]:
    for key, problem in _sip_problems(sip):
        yield fault("CFG106", Place(sip.path, sip.line(key)), f"{key} {problem}", observed=str(sip.get(key)))


def _sip_problems(sip: YamlFile) -> Iterator[tuple[str, str]]:
    """Keys of livekit-sip whose values it refuses or replaces, and what is wrong with each."""
    rtp = _RTP.match(str(sip.get("rtp_port")))
    if rtp and rtp[2] and int(rtp[2]) <= int(rtp[1]):
        yield "rtp_port", "ends before it begins: livekit-sip does not start"
    ringing = _seconds(sip.get("sip_ringing_interval"))
    if ringing is not None and not 1 <= ringing <= 60:
        yield "sip_ringing_interval", "is not 1s to 60s: livekit-sip takes 1s"
    utilization = sip.get("max_cpu_utilization")
    if isinstance(utilization, int | float) and not 0 <= utilization <= 1:
        yield "max_cpu_utilization", "is not 0 to 1"
    if isinstance(sip.get("tls"), Mapping) and not sip.get("tls", "certs"):
        yield "tls", "has no certs: livekit-sip does not start"
    yield from _sip_address_problems(sip)


def _sip_address_problems(sip: YamlFile) -> Iterator[tuple[str, str]]:
    if _HOST_CHARACTERS.search(str(sip.get("sip_hostname") or "").replace("${IP}", "")):
        yield "sip_hostname", "is no host name: livekit-sip does not start"
    for key in ("nat_1_to_1_ip", "media_nat_1_to_1_ip", "listen_ip"):
        if (value := sip.get(key)) and not _is_address(str(value)):
            yield key, "is no IP address"
    if (net := sip.get("local_net")) and not _is_network(str(net)):
        yield "local_net", "is no network such as 10.0.0.0/8"


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - any YAML value
    match = re.fullmatch(r"([\d.]+)(ms|s|m|h)", str(value))
    return float(match[1]) * _SECONDS[match[2]] if match else None


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def _rtp_range(sip: YamlFile) -> PortRange:
    """The RTP ports of livekit-sip; anything but a scalar is silently the default."""
    match = _RTP.match(str(sip.get("rtp_port")))
    first, last = (int(match[1]), int(match[2] or _RTP_DEFAULT[1])) if match else _RTP_DEFAULT
    return PortRange("livekit-sip's rtp_port", first, last, Place(sip.path, sip.line("rtp_port")))


def _ranges(deployment: Deployment) -> Iterator[PortRange]:
    """The media port ranges of which something is known."""
    if deployment.sip:
        yield _rtp_range(deployment.sip)
    server = deployment.server
    for section, start, end in _SERVER_RANGES:
        first, last = (server.get(section, start), server.get(section, end)) if server else (None, None)
        if server and isinstance(first, int) and isinstance(last, int) and 0 < first <= last:
            yield PortRange(f"livekit-server's {section}", first, last, Place(server.path, server.line(section, start)))


@check("CFG130")
def overlapping_ranges(deployment: Deployment) -> Iterator[Finding]:
    """Two programs that take each other's ports."""
    for one, other in combinations(_ranges(deployment), 2):
        if one.overlaps(other):
            yield fault(
                "CFG130", other.place,
                f"{one.owner} {one.first}-{one.last} and {other.owner} {other.first}-{other.last} overlap",
                observed=f"{other.first}-{other.last}",
            )  # fmt: skip


@check("CFG131", "sip")
def rtp_as_mapping(deployment: Deployment) -> Iterator[Finding]:
    """An rtp_port that is read as nothing."""
    sip = deployment.sip
    value = sip.get("rtp_port") if sip else None
    if sip and value is not None and not _RTP.match(str(value)):
        place = Place(sip.path, sip.line("rtp_port"))
        yield fault("CFG131", place, "rtp_port is not of the form 10000-20000, so livekit-sip takes 10000-20000")


@check("CFG132", "sip")
def two_announced_addresses(deployment: Deployment) -> Iterator[Finding]:
    """Settings that exclude each other."""
    sip = deployment.sip
    for prefix in ("", "media_"):
        switch, address = f"{prefix}use_external_ip", f"{prefix}nat_1_to_1_ip"
        if sip and sip.get(switch) is True and sip.get(address):
            place = Place(sip.path, sip.line(address))
            yield fault("CFG132", place, f"{switch} and {address} are both set: livekit-sip does not start")


@check("CFG135", "sip", "compose")
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
            yield fault("CFG135", place, f"the SIP port {port} is not published over {protocol.upper()}")
    rtp = _rtp_range(sip)
    lost = [at for at in range(rtp.first, rtp.last + 1) if (at, at, "udp") not in published]
    if lost:
        yield fault(
            "CFG135",
            place,
            f"{len(lost)} of the RTP ports {rtp.first}-{rtp.last} are not published one to one over UDP",
        )
