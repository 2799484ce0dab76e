"""Questions to DNS. Importing this module imports dnspython, which takes 70 ms."""

import time
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sipctl.transport.targets import Failure, Query


class Dns:
    """A resolver that keeps in `queries` what it was asked.

    `nameservers` are addresses and ports, none = those of the system; `within_s` is the time for each question.
    """

    def __init__(self, nameservers: Sequence[tuple[str, int]], within_s: float) -> None:
        self.queries: list[Query] = []
        self._resolver: dns.asyncresolver.Resolver | None = None
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration:
            return
        self._resolver.lifetime = within_s
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(ip, port) for ip, port in nameservers]

    async def naptr(self, name: str) -> list[NAPTR]:
        """NAPTR records by order and preference (RFC 3403 4.1)."""
        return [record for record in await self._ask(name, "NAPTR") if isinstance(record, NAPTR)]

    async def srv(self, name: str) -> list[SRV]:
        """SRV records by priority and, at random, by weight (RFC 2782)."""
        return [record for record in await self._ask(name, "SRV") if isinstance(record, SRV)]

    async def addresses(self, name: str, kind: str) -> list[str]:
        """The addresses of a host: "A" for IPv4, "AAAA" for IPv6. The system's search list may complete the name."""
        return [record.address for record in await self._ask(name, kind) if isinstance(record, A | AAAA)]

    async def _ask(self, name: str, kind: str) -> list[object]:
        started = time.perf_counter()
        answer = await self._answer(name, kind)
        duration_ms = (time.perf_counter() - started) * 1000
        if isinstance(answer, Failure):
            self.queries.append(Query(name=name, kind=kind, failure=answer, duration_ms=duration_ms))
            return []
        records = list(answer.rrset.processing_order()) if answer.rrset else []
        is_alias = answer.canonical_name != answer.qname
        self.queries.append(
            Query(
                name=name,
                kind=kind,
                records=tuple(record.to_text() for record in records),
                failure=None if records else Failure.NO_RECORDS,
                alias=answer.canonical_name.to_text(omit_final_dot=True) if is_alias else "",
                ttl=answer.rrset.ttl if answer.rrset else None,
                server=f"{answer.nameserver}:{answer.port}",
                duration_ms=duration_ms,
            )
        )
        return [*records]

    async def _answer(self, name: str, kind: str) -> dns.resolver.Answer | Failure:
        if not self._resolver:
            return Failure.SERVER_FAILED
        try:
            may_complete = kind in {"A", "AAAA"}
            return await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=may_complete)
        except dns.resolver.NXDOMAIN:
            return Failure.NO_SUCH_NAME
        except dns.resolver.LifetimeTimeout:
            return Failure.TIMED_OUT
        except dns.resolver.NoNameservers:
            return Failure.SERVER_FAILED
        except dns.exception.DNSException:
            return Failure.BAD_NAME
