"""`trunk check` as JSON."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from sipctl.cli.finding_rows import FindingRow, finding_row
from sipctl.findings.record import Finding
from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.notes import days_left, digest_of, notes
from sipctl.operations.trunk_check.probe import Probed, Rtt
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.transport.targets import Query

if TYPE_CHECKING:
    from sipctl.operations.trunk_check.routing import Route
    from sipctl.transport.tls import TlsFacts

VerdictWord = Literal[
    "ok", "auth-required", "reachable", "overloaded", "loop", "silent", "refused", "no-route", "tls-failed",
    "dns-failed", "provisional-only", "not-sip",
]  # fmt: skip


class RttRow(TypedDict):
    """Round trips in milliseconds, without answers to requests that were sent again."""

    min: float
    mean: float
    p95: float


class TlsRow(TypedDict):
    """What the handshake showed; times are RFC 3339, null where no certificate could be read."""

    version: str
    cipher: str
    alpn: str
    subject: str
    issuer: str
    names: list[str]
    not_before: str | None
    not_after: str | None
    days_left: int | None
    match: Literal["exact", "wildcard", "none"]
    fault: str | None


class TargetRow(TypedDict):
    """One target of a URI; of a name that does not resolve there is one without transport, address and port.

    `verdict` is null with --depth dns. `path`: a caller reaches this one. `retransmitted` counts answers to requests
    that were sent again; `reason`, `server` and the names in `tls` are the peer's own words.
    """

    uri: str
    origin: str
    transport: Literal["udp", "tcp", "tls"] | None
    address: str | None
    port: int | None
    host: str
    priority: int | None
    weight: int | None
    verdict: VerdictWord | None
    state: Literal["up", "down", "unknown"]
    path: bool
    code: int | None
    reason: str
    rtt_ms: RttRow | None
    sent: int
    answered: int
    retransmitted: int
    retry_after_s: int | None
    server: str
    digest: Literal["accepted", "refused", "not-asked", "unsupported"] | None
    answered_from: list[str]
    strays: int
    detail: str
    notes: list[str]
    tls: TlsRow | None


class QueryRow(TypedDict):
    """One question to DNS, or to /etc/hosts; `ttl_s` is null where it is not known."""

    uri: str
    name: str
    kind: str
    records: list[str]
    alias: str
    failure: str | None
    ttl_s: int | None
    server: str
    duration_ms: float


MeasuredWord = Literal[
    "routed", "no-media-port", "dropped", "auth-required", "auth-failed", "trunk-conflict", "rule-conflict",
    "no-server", "server-died", "ringing", "answered", "refused", "silent",
]  # fmt: skip

_Called = TypedDict("_Called", {"to": str, "from": str, "source_ip": str})


class RouteRow(_Called):
    """A call without an offer, what became of it, and what `rules explain` says of the same call.

    `explained` and `agree` are null where that is not known, `room` where there is none or the PIN decides among the
    `rooms`. The `code` came `after_ms` milliseconds after the INVITE, after so many times 180 (`ringing`).
    """

    measured: MeasuredWord
    explained: MeasuredWord | None
    agree: bool | None
    room: str | None
    rooms: list[str]
    transport: Literal["udp", "tcp", "tls"]
    address: str
    port: int
    code: int | None
    reason: str
    after_ms: float | None
    ringing: int
    detail: str


class HealthRow(TypedDict):
    """What the health port of livekit-sip says: the HTTP status, 0 if it does not answer, and the text."""

    status: int
    text: str


class CheckRow(TypedDict):
    """What all targets come to.

    `route` is null unless a call was placed, `health` unless the profile names the health port of the node that was
    checked. `unchecked` says what else was wanted and could not be done.
    """

    verdict: Literal["up", "partly-up", "down", "unknown"]
    targets: list[TargetRow]
    route: RouteRow | None
    health: HealthRow | None
    findings: list[FindingRow]
    dns: list[QueryRow]
    unchecked: list[str]
    exit_code: int


PRINTS: Final = {"trunk-check": CheckRow}


def check_row(result: CheckResult, findings: Iterable[Finding]) -> CheckRow:
    """The result of a run."""
    now = time.time()
    return CheckRow(
        verdict=result.verdict.value,
        targets=list(chain.from_iterable(_target_rows(checked, now) for checked in result.checked)),
        route=_route_row(result.route) if result.route else None,
        health=HealthRow(status=result.health[0], text=result.health[1]) if result.health else None,
        findings=list(map(finding_row, findings)),
        unchecked=list(filter(None, (result.unplaced, result.unread))),
        dns=[_query_row(one, query) for one in result.checked for query in one.resolution.queries],
        exit_code=int(result.exit_code),
    )


def _target_rows(checked: Checked, now: float) -> Sequence[TargetRow]:
    if not checked.probed:
        return [_unresolved_row(checked)]
    return [_target_row(checked, probed, now) for probed in checked.probed]


def _target_row(checked: Checked, probed: Probed, now: float) -> TargetRow:
    target, digest = probed.target, digest_of(checked, probed)
    return TargetRow(
        uri=checked.destination.uri.text,
        origin=checked.destination.origin,
        transport=target.transport.value,
        address=target.address.ip,
        port=target.address.port,
        host=target.host,
        priority=target.priority,
        weight=target.weight,
        verdict=probed.verdict.value if probed.verdict else None,
        state=checked.state(probed).value,
        path=probed is checked.path,
        code=probed.code,
        reason=probed.reason,
        rtt_ms=_rtt_row(probed.rtt),
        sent=probed.sent,
        answered=probed.answered,
        retransmitted=probed.retransmitted,
        retry_after_s=probed.retry_after,
        server=probed.server,
        digest=digest.value if digest else None,
        answered_from=list(map(str, probed.elsewhere)),
        strays=probed.strays,
        detail=probed.detail,
        notes=list(notes(checked, probed, now)),
        tls=_tls_row(probed.tls, now) if probed.tls else None,
    )


def _unresolved_row(checked: Checked) -> TargetRow:
    """The place of a name that leads nowhere."""
    uri = checked.destination.uri
    return TargetRow(
        uri=uri.text, origin=checked.destination.origin, transport=None, address=None, port=None, host=uri.host,
        priority=None, weight=None, verdict="dns-failed", state=checked.states[0].value, path=False, code=None,
        reason="", rtt_ms=None, sent=0, answered=0, retransmitted=0, retry_after_s=None, server="", digest=None,
        answered_from=[], strays=0, detail=checked.dns_failure, notes=[], tls=None,
    )  # fmt: skip


def _rtt_row(rtt: Rtt | None) -> RttRow | None:
    return RttRow(min=round(rtt.min, 3), mean=round(rtt.mean, 3), p95=round(rtt.p95, 3)) if rtt else None


def _tls_row(facts: "TlsFacts", now: float) -> TlsRow:
    certificate = facts.certificate
    return TlsRow(
        version=facts.version,
        cipher=facts.cipher,
        alpn=facts.alpn,
        subject=certificate.subject if certificate else "",
        issuer=certificate.issuer if certificate else "",
        names=list(certificate.names) if certificate else [],
        not_before=_rfc3339(certificate.not_before) if certificate else None,
        not_after=_rfc3339(certificate.not_after) if certificate else None,
        days_left=days_left(certificate, now) if certificate else None,
        match=facts.match.value,
        fault=facts.fault.value if facts.fault else None,
    )


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _query_row(checked: Checked, query: Query) -> QueryRow:
    return QueryRow(
        uri=checked.destination.uri.text,
        name=query.name,
        kind=query.kind,
        records=list(query.records),
        alias=query.alias,
        failure=query.failure.value if query.failure else None,
        ttl_s=query.ttl,
        server=query.server,
        duration_ms=round(query.duration_ms, 3),
    )


def _route_row(route: "Route") -> RouteRow:
    placed, place = route.placed, route.target.address
    return {
        "to": route.call.to_user,
        "from": route.call.from_user,
        "source_ip": route.call.source_ip,
        "measured": placed.measured.value,
        "explained": route.explained.value if route.explained else None,
        "agree": route.agree,
        "room": route.room,
        "rooms": list(route.rooms),
        "transport": route.target.transport.value,
        "address": place.ip,
        "port": place.port,
        "code": placed.code,
        "reason": placed.reason,
        "after_ms": round(placed.after_ms, 3) if placed.after_ms is not None else None,
        "ringing": placed.ringing,
        "detail": placed.detail or route.unread,
    }
