"""From a SIP URI to the targets of its requests (RFC 3263, and `maddr` of RFC 3261 19.1.1)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sipctl.errors import UsageError
from sipctl.masking import shown_words
from sipctl.sip.uri import Uri
from sipctl.transport.targets import Address, Failure, Query, Target, Transport, is_ip

if TYPE_CHECKING:
    from sipctl.transport.queries import Dns

HOSTS_FILE: Final = Path("/etc/hosts")
"""It goes before DNS, as in every other program."""

_NAPTR_SERVICES: Final = {"sip+d2u": Transport.UDP, "sip+d2t": Transport.TCP, "sips+d2t": Transport.TLS}
_SRV_NAMES: Final = {Transport.UDP: "_sip._udp", Transport.TCP: "_sip._tcp", Transport.TLS: "_sips._tcp"}
_STAGES: Final = 3
"""NAPTR, SRV and addresses are asked for one after the other."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The targets in the order in which a caller tries them, and all that was asked.

    `refused` are transports that the domain says it does not serve: their SRV record is "." (RFC 2782).
    """

    targets: tuple[Target, ...]
    queries: tuple[Query, ...] = ()
    refused: tuple[Transport, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """The gravest failure where there are no targets: a resolver that is dead counts more than a name unknown."""
        failures = [query.failure for query in self.queries if query.failure]
        order = list(Failure)
        return max(failures, key=order.index, default=None) if not self.targets else None


@dataclass(frozen=True, slots=True)
class _Service:
    """A host that serves a transport, before its addresses are known."""

    transport: Transport
    host: str
    port: int
    priority: int | None = None
    weight: int | None = None


def wanted_transport(uri: Uri) -> Transport | None:
    """The one transport that a URI allows, by its scheme or its parameter; None = any.

    Raises:
        UsageError: no request can be sent to it.
    """
    shown = shown_words(str(uri))
    if uri.scheme not in {"sip", "sips"}:
        raise UsageError(
            f"{shown}: not the address of a SIP node", hint="write it as sip:HOST[:PORT] or sips:HOST[:PORT]"
        )
    if uri.headers:
        raise UsageError(
            f"{shown}: a request cannot carry these headers", hint="leave out what follows the question mark"
        )
    if uri.port == 0:
        raise UsageError(f"{shown}: port 0 takes no requests", hint="leave the port out, or give one from 1 to 65535")
    named = (uri.params.get("transport") or "").lower()
    if named not in {"", *Transport}:
        raise UsageError(
            f"{shown}: unknown transport {named!r}", hint="choose transport=udp, transport=tcp or transport=tls"
        )
    if uri.scheme == "sips":
        if named == Transport.UDP:
            raise UsageError(f"{shown}: sips: never goes over UDP", hint="leave transport=udp out, or write sip:")
        return Transport.TLS
    return Transport(named) if named else None


async def resolve(uri: Uri, *, nameservers: Sequence[tuple[str, int]] = (), within_s: float = 6.0) -> Resolution:
    """Find the targets of a URI: all of them, alternatives included.

    `nameservers` are addresses and ports, none = those of the system. An address needs no DNS, and does not import it.

    Raises:
        UsageError: no request can be sent to this URI.
    """
    transport = wanted_transport(uri)
    host = uri.params.get("maddr") or uri.host
    if is_ip(host):
        chosen = transport or Transport.UDP  # RFC 3263 4.1
        address = Address(host, uri.port or chosen.default_port)
        return Resolution((Target(transport=chosen, address=address, host=host),))
    from sipctl.transport.queries import Dns  # noqa: PLC0415 - an address does not wait for its import

    search = _Search(Dns(nameservers, within_s / _STAGES), [transport] if transport else list(Transport))
    return await search.run(await search.services(host, uri.port, asks_naptr="transport" not in uri.params))


class _Search:
    """One resolution on its way."""

    def __init__(self, dns: "Dns", allowed: Sequence[Transport]) -> None:
        self._dns = dns
        self._allowed = allowed
        self._hosts: list[Query] = []
        self._refused: list[Transport] = []

    async def run(self, services: Sequence[_Service]) -> Resolution:
        """The targets behind these services."""
        found = await asyncio.gather(*map(self._targets, services))
        targets = dict.fromkeys(target for targets in found for target in targets)
        return Resolution(tuple(targets), (*self._dns.queries, *self._hosts), tuple(self._refused))

    async def services(self, host: str, port: int | None, *, asks_naptr: bool) -> list[_Service]:
        """The hosts to ask (RFC 3263 4.1, 4.2): an explicit port skips NAPTR and SRV, a named transport NAPTR."""
        if port is not None:
            return [_Service(self._allowed[0], host, port)]
        services = await self._by_naptr(host) if asks_naptr else []
        if not services:
            services = await self._by_srv([(each, f"{_SRV_NAMES[each]}.{host}") for each in self._allowed])
        if not services and not self._refused:
            return [_Service(self._allowed[0], host, self._allowed[0].default_port)]
        return services

    async def _by_naptr(self, host: str) -> list[_Service]:
        """Records of other services, and those that lead to no SRV record (flag "s"), are passed over."""
        names = []
        for record in await self._dns.naptr(host):
            transport = _NAPTR_SERVICES.get(record.service.decode("ascii", "replace").lower())
            if transport in self._allowed and transport and record.flags.lower() == b"s":
                names.append((transport, record.replacement.to_text(omit_final_dot=True)))
        return await self._by_srv(names)

    async def _by_srv(self, names: Sequence[tuple[Transport, str]]) -> list[_Service]:
        found = await asyncio.gather(*(self._dns.srv(name) for _, name in names))
        services = []
        for (transport, _), records in zip(names, found, strict=True):
            for record in records:
                host = record.target.to_text(omit_final_dot=True)
                if host in {"", "."}:
                    self._refused.append(transport)
                else:
                    services.append(_Service(transport, host, record.port, record.priority, record.weight))
        return services

    async def _targets(self, service: _Service) -> list[Target]:
        """The addresses of one host, those of IPv4 first: there most SIP nodes listen, LiveKit's among them."""
        return [
            Target(
                transport=service.transport,
                address=Address(ip, service.port),
                host=service.host,
                priority=service.priority,
                weight=service.weight,
            )
            for ip in await self._addresses(service.host)
        ]

    async def _addresses(self, host: str) -> list[str]:
        if is_ip(host):
            return [host]
        if listed := hosts_file_addresses(host):
            self._hosts.append(Query(name=host, kind="hosts", records=tuple(listed), server=str(HOSTS_FILE)))
            return listed
        four, six = await asyncio.gather(self._dns.addresses(host, "A"), self._dns.addresses(host, "AAAA"))
        return [*four, *six]


def hosts_file_addresses(host: str, file: Path = HOSTS_FILE) -> list[str]:
    """The addresses of a name in /etc/hosts (hosts(5)); none if there is no such file."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = [line.partition("#")[0].split() for line in lines]
    name = host.lower().removesuffix(".")
    found = [entry[0] for entry in entries if name in map(str.lower, entry[1:]) and is_ip(entry[0])]
    return sorted(dict.fromkeys(found), key=lambda ip: ":" in ip)
