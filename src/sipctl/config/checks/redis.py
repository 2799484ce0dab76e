"""CFG120 and CFG121: the redis in which livekit-server and livekit-sip meet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sipctl.config.checks.parts import at, of_service, server_of, sip_of
from sipctl.config.deployment import Deployment, EnvValue, Place, clash, fault
from sipctl.config.schema import truth
from sipctl.config.urls import host_and_port
from sipctl.config.yamlfile import YamlFile
from sipctl.findings.check import Check
from sipctl.findings.codes.config import STILL_MEET
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_url

_HOMES: Final = ("address", "sentinel_addresses", "cluster_addresses")
_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Redis:
    """A redis as a program names it: its addresses, the database, whether TLS is spoken, and where each comes from."""

    addresses: tuple[str, ...]
    database: str
    uses_tls: bool
    places: tuple[Place, Place, Place]

    @property
    def doors(self) -> set[tuple[str, int]]:
        """Host and port of each address; all names of this machine itself are one host."""
        return {host_and_port(address, _PORT) for address in self.addresses}

    @property
    def hosts(self) -> set[str]:
        """The hosts alone."""
        return {host for host, _ in self.doors}

    @property
    def as_value(self) -> EnvValue:
        """Its addresses, as a finding names them."""
        return EnvValue(", ".join(map(shown_url, self.addresses)), self.places[0])

    @property
    def database_value(self) -> EnvValue:
        """Its database, as a finding names it."""
        return EnvValue(f"db {self.database}", self.places[1])

    @property
    def tls_value(self) -> EnvValue:
        """Whether it speaks TLS, as a finding names it."""
        return EnvValue("TLS" if self.uses_tls else "no TLS", self.places[2])


def named_redis(document: YamlFile) -> Redis | None:
    """Which redis a file names; None if none."""
    given = [(home, value) for home in _HOMES if (value := document.get("redis", home))]
    if not given:
        return None
    home, value = given[-1]
    uses_tls = truth(document.get("redis", "use_tls")) or truth(document.get("redis", "tls", "enabled"))
    return Redis(
        tuple(map(str, value)) if isinstance(value, list) else (str(value),),
        str(document.get("redis", "db") or 0),
        bool(uses_tls),
        (at(document, "redis", home), at(document, "redis", "db"), at(document, "redis")),
    )


def server_redis(deployment: Deployment) -> Redis | None:
    """The redis of livekit-server; None if it has none."""
    if found := named_redis(server_of(deployment)):
        return found
    beside = of_service(deployment, "REDIS_HOST", "--redis-host")
    return Redis((beside.text,), "0", uses_tls=False, places=(beside.place,) * 3) if beside else None


def no_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server on its own."""
    if server_redis(deployment) is None:
        place = at(server_of(deployment), "redis")
        yield fault("CFG120", place, "redis.address is not set", expected="redis: {address: host:6379}")


def two_redis(deployment: Deployment) -> Iterator[Finding]:
    """A server and a SIP node that do not meet. Two hosts may be two names of one, two ports of a host are not."""
    server, sip = server_redis(deployment), named_redis(sip_of(deployment))
    if server is None or sip is None:
        return
    who = "livekit-sip and livekit-server name"
    if server.doors.isdisjoint(sip.doors):
        is_one_host = not server.hosts.isdisjoint(sip.hosts)
        detail = f"{who} two ports of one host" if is_one_host else f"{who} two hosts, unless both lead to one redis"
        level = None if is_one_host else Level.WARN
        yield clash("CFG121", sip.as_value, server.as_value, detail, level)
    elif server.uses_tls != sip.uses_tls:
        detail = "only one of livekit-sip and livekit-server speaks TLS to redis"
        yield clash("CFG121", sip.tls_value, server.tls_value, detail)
    elif server.database != sip.database:
        detail = f"{who} two databases of one redis, {STILL_MEET}"
        yield clash("CFG121", sip.database_value, server.database_value, detail)


CHECKS: Final[tuple[Check[Deployment], ...]] = (
    Check("CFG120", no_redis, needs=("server",)),
    Check("CFG121", two_redis, needs=("server", "sip")),
)
