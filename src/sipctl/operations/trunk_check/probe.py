"""One target, asked some times with OPTIONS (RFC 3261 11): what it answers, and how long that takes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING

from sipctl.operations.trunk_check.destination import Destination
from sipctl.operations.trunk_check.verdict import ANSWERED, BY_TROUBLE, Verdict, verdict_of
from sipctl.sip.headers import parse_retry_after
from sipctl.transport.asking import Asked, ask, new_dialog
from sipctl.transport.driver import Answer, Driver, connected
from sipctl.transport.link import LinkError
from sipctl.transport.targets import Address, Target

if TYPE_CHECKING:
    from sipctl.transport.tls import TlsFacts

CALLER = "sipctl"
"""The user part of our From. A From without one ends livekit-server where a rule hides numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtt:
    """Round trips in milliseconds; `p95` is the smallest that is not exceeded by 95 of a hundred."""

    min: float
    mean: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What one target does.

    `verdict` None = it was resolved and not asked. `detail` says more of a failure, `code` and `reason` are of the
    answer, `server` and `warning` are its headers, `retry_after` counts in seconds. Of `sent` requests `answered`
    had a final answer, `retransmitted` of them after they were sent again: those are in no round trip. `elsewhere` are
    other addresses that answered, `strays` counts what answers nothing, `faults` is what is wrong with the answer.
    `sent_credentials`: it asked who we are, and got an answer.
    """

    target: Target
    verdict: Verdict | None = None
    detail: str = ""
    code: int | None = None
    reason: str = ""
    server: str = ""
    warning: str = ""
    retry_after: int | None = None
    rtt: Rtt | None = None
    sent: int = 0
    answered: int = 0
    retransmitted: int = 0
    elsewhere: tuple[Address, ...] = ()
    strays: int = 0
    faults: tuple[str, ...] = ()
    sent_credentials: bool = False
    tls: "TlsFacts | None" = field(default=None)

    @property
    def has_answered(self) -> bool:
        """Whether there was a final answer, whatever it says."""
        return self.verdict in ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How targets are asked: so many times, from an address of ours ("" = as routing chooses), for so many seconds."""

    count: int = 3
    source_ip: str = ""
    within_s: float = 5.0


async def probe(target: Target, destination: Destination, asking: Asking) -> Probed:
    """Ask one target until it was asked often enough, does not answer, or the time is over."""
    deadline = asyncio.get_running_loop().time() + asking.within_s
    try:
        async with connected(
            target, domain=destination.uri.host, source_ip=asking.source_ip, within_s=asking.within_s
        ) as driver:
            answers = await _ask(driver, destination, asking.count, deadline)
            return _probed(target, answers, driver.tls)
    except LinkError as error:
        facts: TlsFacts | None = getattr(error, "facts", None)
        return Probed(target=target, verdict=BY_TROUBLE[error.trouble], detail=error.detail, tls=facts)


async def _ask(driver: Driver, destination: Destination, count: int, deadline: float) -> list[Asked]:
    """Ask on one link. What was not answered once is not asked again: the request was sent again by itself."""
    dialog = new_dialog(driver, destination.uri, caller=f"sip:{CALLER}@{host_of(driver)}")
    answers: list[Asked] = []
    number = 1
    while len(answers) < count and (not answers or answers[-1].final):
        left_s = deadline - asyncio.get_running_loop().time()
        if answers and left_s <= 0:
            break
        answers.append(
            await ask(
                driver, dialog, "OPTIONS", number=number, credentials=destination.credentials, within_s=max(left_s, 0)
            )
        )
        sent = answers[-1].request.cseq
        number = sent.number + 1 if sent else number
    return answers


def host_of(driver: Driver) -> str:
    """Our own address as the host of a URI."""
    ip = driver.link.local.ip
    return f"[{ip}]" if ":" in ip else ip


def _probed(target: Target, answers: Sequence[Asked], tls: "TlsFacts | None") -> Probed:
    """What the answers to one target come to. The first one that is final counts, else the first of all."""
    finals = [asked.final for asked in answers if asked.final]
    asked = next((one for one in answers if one.final), answers[0])
    response = asked.final.response if asked.final else None
    return Probed(
        target=target,
        verdict=verdict_of(asked),
        detail=_detail(asked),
        code=response.code if response else _last_code(asked),
        reason=response.reason if response else "",
        server=_server(asked.final),
        warning=response.headers.first("Warning") if response else "",
        retry_after=next(response.read("Retry-After", parse_retry_after), None) if response else None,
        rtt=round_trips([final.delay_s * 1000 for final in finals if final.sends == 1]),
        sent=len(answers),
        answered=len(finals),
        retransmitted=sum(final.sends > 1 for final in finals),
        elsewhere=tuple(dict.fromkeys(final.source for final in finals if final.source != target.address)),
        strays=sum(len(one.strays) for one in answers),
        faults=tuple(dict.fromkeys(str(fault) for final in finals for fault in final.faults)),
        sent_credentials=any(one.was_challenged for one in answers),
        tls=tls,
    )


def _detail(asked: Asked) -> str:
    if asked.final:
        return ""
    if asked.error:
        return asked.error.detail or "the connection was closed without an answer"
    return next((f"answers with what is no SIP ({stray.unframed})" for stray in asked.strays if stray.unframed), "")


def _last_code(asked: Asked) -> int | None:
    return asked.provisional[-1].response.code if asked.provisional else None


def _server(final: Answer | None) -> str:
    """What a node calls itself: a server by Server, a telephone by User-Agent (RFC 3261 20.35, 20.41)."""
    if final is None:
        return ""
    headers = final.response.headers
    return next(filter(None, chain(headers.all("Server"), headers.all("User-Agent"))), "")


def round_trips(delays_ms: Sequence[float]) -> Rtt | None:
    """The round trips of some answers; None without any."""
    if not delays_ms:
        return None
    ordered = sorted(delays_ms)
    p95 = ordered[ceil(0.95 * len(ordered)) - 1]
    return Rtt(min=ordered[0], mean=sum(ordered) / len(ordered), p95=p95)
