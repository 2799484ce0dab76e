"""What livekit-sip answers to a request, and when. A call that it would answer rings here until it is cancelled."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.sandbox.sip.login import Challenges, Login
from sipctl.sandbox.sip.offers import is_acceptable
from sipctl.sandbox.sip.replies import ALLOW, reply
from sipctl.sandbox.store import Store
from sipctl.sip.errors import BuildError, Fault, FaultKind
from sipctl.sip.message import Request, Response
from sipctl.sip.parser import Parsed
from sipctl.telephony.explaining.wire import ringing_timeout_ms
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.matching.route import Outcome, Result, Stage, route
from sipctl.telephony.model import InboundTrunk
from sipctl.transport.targets import Address, Transport

_NO_ANSWER_S: Final = 1.005
"""Seconds after which livekit-sip gives livekit-server up."""
_DIED_S: Final = 4.0
"""Seconds after which it does so in the middle of an evaluation."""
_RING_S: Final = 1.0
_REMEMBERED_S: Final = 60.0
_REMEMBERED: Final = 5000
"""How long and how many refused calls are answered again as before (livekit/sip v1.4.0)."""
_UNREAD: Final = frozenset(
    {
        (FaultKind.MISSING, "Via"), (FaultKind.MALFORMED, "Via"), (FaultKind.MISSING, "CSeq"),
        (FaultKind.MALFORMED, "CSeq"), (FaultKind.OUT_OF_RANGE, "CSeq"), (FaultKind.MALFORMED, "Call-ID"),
        (FaultKind.MALFORMED, "Content-Length"), (FaultKind.OUT_OF_RANGE, "Content-Length"),
        (FaultKind.BODY_TRUNCATED, "Content-Length"), (FaultKind.LINE_END, ""), (FaultKind.NO_EMPTY_LINE, ""),
        (FaultKind.NOT_A_HEADER, ""), (FaultKind.REQUEST_URI, ""), (FaultKind.START_LINE_SPACES, ""),
    }
)  # fmt: skip
"""Faults of requests that livekit-sip never answers."""


@dataclass(frozen=True, slots=True)
class Step:
    """A response, so many seconds after the request."""

    after_s: float
    response: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A request, where it came from, over what, and the port that took it."""

    request: Request
    source: Address
    transport: Transport
    port: int


class Answers:
    """The memory of a SIP node: challenges that it gave, calls that it refused."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._challenges = Challenges()
        self._refused: OrderedDict[tuple[str, str], tuple[float, Response]] = OrderedDict()

    def steps(self, parsed: Parsed, source: Address, transport: Transport, port: int) -> Iterator[Step]:
        """The responses to what arrived; those of an INVITE end with a final one, or with silence.

        `port` is the one that took it. A CANCEL is the node's own to answer, since only it knows which calls ring.
        """
        request, faults = parsed
        if not isinstance(request, Request) or any(map(_is_unread, faults)):
            return
        with suppress(BuildError):  # what is to be copied into the answer would break it
            yield from self._steps(Arrived(request=request, source=source, transport=transport, port=port))

    def _steps(self, arrived: Arrived) -> Iterator[Step]:
        request = arrived.request
        if request.method == "INVITE":
            yield from self._invited(arrived)
        elif request.method not in {"ACK", "CANCEL"}:
            yield Step(0.0, _outside_a_call(arrived))

    def _invited(self, arrived: Arrived) -> Iterator[Step]:
        request = arrived.request
        if not (request.call_id and request.to and request.from_ and request.from_.tag):
            yield Step(0.0, reply(request, 400, "Bad request", arrived.source, tag=str(uuid.uuid4()), more=[ALLOW]))
            return
        now = time.monotonic()
        known = self._refused.get((request.call_id, request.from_.tag))
        if known and now - known[0] < _REMEMBERED_S:
            yield Step(0.0, reply(request, known[1].code, known[1].reason, arrived.source,
                                  tag=known[1].to.tag if known[1].to else "", more=_ending(arrived)))  # fmt: skip
            return
        for step in _Invitation(self._store, self._challenges, arrived).steps():
            if step.response.code >= 300 and step.response.code not in {401, 407}:
                self._remember((request.call_id, request.from_.tag), now, step.response)
            yield step

    def _remember(self, call: tuple[str, str], now: float, response: Response) -> None:
        self._refused[call] = (now, response)
        while len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)


class _Invitation:
    """One INVITE on its way through trunks and rules."""

    def __init__(self, store: Store, challenges: Challenges, arrived: Arrived) -> None:
        self._store = store
        self._challenges = challenges
        self._arrived = arrived
        self._tag = store.new_id("SCL_")

    def steps(self) -> Iterator[Step]:
        """All of its responses."""
        yield self._step(0.0, 100, "Processing", ALLOW)
        if self._store.redis != "connected":
            yield self._refusal(_NO_ANSWER_S, 503, "Try again later")
            return
        outcome = self._outcome()
        if outcome.stage is Stage.TRUNK:
            yield self._refusal(0.002, 503, "Try again later")
            return
        if outcome.result is Result.AUTH_REQUIRED and outcome.trunk:
            refusal = self._login(outcome.trunk)
            if refusal:
                yield refusal
                return
        yield from self._dispatched(outcome.final)

    def _outcome(self) -> Outcome:
        to, caller = self._arrived.request.to, self._arrived.request.from_
        trunks = map(trunk_from_message, self._store.inbound.values())
        rules = map(rule_from_message, self._store.rules.values())
        call = Call(
            to_user=to.uri.user if to else "",
            to_host=to.uri.host if to else "",
            from_user=caller.uri.user if caller else "",
            from_host=caller.uri.host if caller else "",
            source_ip=self._arrived.source.ip,
        )
        return route(WholeLists(trunks, rules), call)

    def _login(self, trunk: InboundTrunk) -> Step | None:
        request = self._arrived.request
        judged = self._challenges.judge(request, trunk)
        if judged is Login.PASSED:
            return None
        if judged is Login.CHALLENGED:
            challenge = self._challenges.give(request, trunk, time.time())
            return self._step(0.004, 407, "Unauthorized", ("Proxy-Authenticate", challenge))
        return self._step(0.004, 401, "Unauthorized" if judged is Login.WRONG else "Bad credentials")

    def _dispatched(self, outcome: Outcome) -> Iterator[Step]:
        yield self._step(0.003, 180, "Ringing", ALLOW)
        if outcome.fault and outcome.fault.code == "panic":
            yield from (self._step(second * _RING_S, 180, "Ringing", ALLOW) for second in (1, 2, 3, 4))
            yield self._refusal(_DIED_S + 0.005, 503, "Try again later")
        elif outcome.fault:
            yield self._refusal(0.006, 503, "Try again later")
        elif outcome.result is not Result.DROP:
            yield from self._offered(outcome)

    def _offered(self, outcome: Outcome) -> Iterator[Step]:
        if not is_acceptable(self._arrived.request.body):
            yield self._refusal(0.005, 400, "")
            return
        timeout_s = ringing_timeout_ms(outcome.trunk) / 1000
        yield from (self._step(second * _RING_S, 180, "Ringing", ALLOW) for second in range(1, int(timeout_s) + 1))
        yield self._step(timeout_s + 0.005, 486, "Rejected")

    def _step(self, after_s: float, code: int, reason: str, *more: tuple[str, str]) -> Step:
        return Step(after_s, reply(self._arrived.request, code, reason, self._arrived.source, tag=self._tag, more=more))

    def _refusal(self, after_s: float, code: int, reason: str) -> Step:
        return self._step(after_s, code, reason, *_ending(self._arrived))


def _ending(arrived: Arrived) -> list[tuple[str, str]]:
    return [ALLOW, ("Contact", f"<sip:127.0.0.1:{arrived.port};transport={arrived.transport}>")]


def _outside_a_call(arrived: Arrived) -> Response:
    """What is answered to requests that belong to no call."""
    request, tag = arrived.request, str(uuid.uuid4())
    if request.method == "OPTIONS":
        return reply(request, 200, "OK", arrived.source, tag=tag)
    if request.method not in {"BYE", "NOTIFY"}:
        return reply(request, 405, "Method Not Allowed", arrived.source, tag=tag)
    if request.to and request.to.tag:
        return reply(request, 481, "Call does not exist", arrived.source, tag=tag)
    return reply(request, 400, "", arrived.source, tag=tag)


def _is_unread(fault: Fault) -> bool:
    return (fault.kind, fault.header) in _UNREAD
