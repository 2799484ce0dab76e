"""Client transactions (RFC 3261 17.1, with the Accepted state of RFC 6026).

Theory of operation. A transaction is one request and what answers it. Its state changes when a response arrives, as
the two tables below say, or when a timer fires. Over UDP the request is sent again until something answers; what has
ended is kept for a while, so that a response that is sent again is absorbed (and acknowledged, for an INVITE). Time is
an argument, in seconds of any clock that only goes forward: `on_timer` is due at `next_timer`. What is to be sent
is in `outbox`, which the driver empties after each call.

    timer      A, E         B, F            D, I, K, M
    does       sends again  gives up        ends the transaction
    attribute  _resend_at   _give_up_at     _end_at
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sipctl.sip.message import Request, Response, build_request

T1: Final = 0.5
"""Seconds that a round trip may take (17.1.1.1)."""
T2: Final = 4.0
"""The longest pause between two sends of a request that is no INVITE."""
T4: Final = 5.0
"""How long a message may stay in the network."""
TIMEOUT: Final = 64 * T1
"""Timers B and F: after this without a final response, 32 s, the request has failed; also M of RFC 6026."""
LINGER_INVITE: Final = 32.0
"""Timer D: how long a refused INVITE is kept over UDP."""


class State(Enum):
    """The states of both kinds. CALLING is what RFC 3261 names Trying where the request is no INVITE."""

    CALLING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class Kind(Enum):
    """What matters of a status code."""

    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()


_INVITE: Final = {
    (State.CALLING, Kind.PROVISIONAL): State.PROCEEDING,
    (State.CALLING, Kind.SUCCESS): State.ACCEPTED,
    (State.CALLING, Kind.FAILURE): State.COMPLETED,
    (State.PROCEEDING, Kind.PROVISIONAL): State.PROCEEDING,
    (State.PROCEEDING, Kind.SUCCESS): State.ACCEPTED,
    (State.PROCEEDING, Kind.FAILURE): State.COMPLETED,
    (State.ACCEPTED, Kind.SUCCESS): State.ACCEPTED,
}
"""What is in no table is absorbed."""
_OTHERS: Final = {
    (State.CALLING, Kind.PROVISIONAL): State.PROCEEDING,
    (State.CALLING, Kind.SUCCESS): State.COMPLETED,
    (State.CALLING, Kind.FAILURE): State.COMPLETED,
    (State.PROCEEDING, Kind.PROVISIONAL): State.PROCEEDING,
    (State.PROCEEDING, Kind.SUCCESS): State.COMPLETED,
    (State.PROCEEDING, Kind.FAILURE): State.COMPLETED,
}


@dataclass(slots=True)
class ClientTransaction:
    """One request on its way since `started`, and how often it was sent by now.

    `is_reliable`: over TCP or TLS, where nothing is sent again.
    """

    request: Request
    started: float
    is_reliable: bool = False
    state: State = State.CALLING
    sends: int = 1
    outbox: list[bytes] = field(default_factory=list)
    _resend_at: float | None = None
    _resend_after: float = T1
    _give_up_at: float | None = None
    _end_at: float | None = None

    def __post_init__(self) -> None:
        self.outbox.append(bytes(self.request))
        self._give_up_at = self.started + TIMEOUT
        if not self.is_reliable:
            self._resend_at = self.started + T1

    def matches(self, response: Response) -> bool:
        """Whether a response answers this request: by branch and CSeq method (17.1.3), and by Call-ID on top.

        One whose code is none, or that has a second Via, answers nothing (RFC 4475 3.1.2.19, RFC 3261 8.1.3.3).
        """
        via, cseq = self.request.via, response.cseq
        is_ours = via is not None and [via.branch] == [hop.branch for hop in response.vias]
        is_response = cseq is not None and cseq.method == self.request.method and response.code != 0
        return is_ours and is_response and response.call_id == self.request.call_id

    def next_timer(self) -> float | None:
        """When `on_timer` is due; None = never."""
        due = (at for at in (self._resend_at, self._give_up_at, self._end_at) if at is not None)
        return min(due, default=None)

    def on_timer(self, now: float) -> bool:
        """Do what is due at this time; True if the request has just failed for want of a final response."""
        if _is_due(self._end_at, now):
            self._enter(State.TERMINATED, now)
        elif _is_due(self._give_up_at, now):
            self._enter(State.TERMINATED, now)
            return True
        elif _is_due(self._resend_at, now):
            self._resend(now)
        return False

    def receive(self, response: Response, now: float) -> bool:
        """Take a response that matches; False if it only repeats what its user knows.

        The transaction itself acknowledges what refuses an INVITE, each time.
        """
        kind = _kind(response)
        state = (_INVITE if self._is_invite else _OTHERS).get((self.state, kind))
        if self._is_invite and kind is Kind.FAILURE and State.COMPLETED in {state, self.state}:
            self.outbox.append(bytes(acknowledge_refusal(self.request, response)))
        if state:
            self._enter(state, now)
        return state is not None

    @property
    def _is_invite(self) -> bool:
        return self.request.method == "INVITE"

    def _resend(self, now: float) -> None:
        """Timer A doubles without end, E up to T2, and is T2 once something was heard (17.1.1.2, 17.1.2.2)."""
        self.outbox.append(bytes(self.request))
        self.sends += 1
        self._resend_after *= 2
        if not self._is_invite:
            self._resend_after = T2 if self.state is State.PROCEEDING else min(self._resend_after, T2)
        self._resend_at = now + self._resend_after

    def _enter(self, state: State, now: float) -> None:
        """Set the timers of a state that is new. Once an INVITE is being processed nothing limits its duration."""
        if state is self.state:
            return
        self.state = state
        if self._is_invite or state is not State.PROCEEDING:
            self._resend_at = self._give_up_at = None
        self._end_at = None if state in {State.PROCEEDING, State.TERMINATED} else now + self._lingers()
        if self._end_at == now:
            self._enter(State.TERMINATED, now)

    def _lingers(self) -> float:
        """Timers M, D and K: how long a transaction that has ended absorbs what comes twice."""
        if self.state is State.ACCEPTED:
            return TIMEOUT
        if self.is_reliable:
            return 0.0
        return LINGER_INVITE if self._is_invite else T4


def _is_due(at: float | None, now: float) -> bool:
    return at is not None and at <= now


def _kind(response: Response) -> Kind:
    if 100 <= response.code < 200:
        return Kind.PROVISIONAL
    return Kind.SUCCESS if 200 <= response.code < 300 else Kind.FAILURE


def acknowledge_refusal(invite: Request, response: Response) -> Request:
    """The ACK of a final response other than 2xx, which the transaction itself sends (17.1.1.3)."""
    return _within_hop(invite, "ACK", response.headers.first("To"))


def cancel(invite: Request) -> Request:
    """The CANCEL of an INVITE that has had a provisional response (9.1); a transaction of its own."""
    return _within_hop(invite, "CANCEL", invite.headers.first("To"))


def _within_hop(invite: Request, method: str, to: str) -> Request:
    """A request that goes where the INVITE went, under its branch and number."""
    copied = [(name, invite.headers.first(name)) for name in ("From", "Call-ID")]
    routes = [("Route", route) for route in invite.headers.all("Route")]
    number = invite.cseq.number if invite.cseq else 0
    own = [("Via", invite.headers.first("Via")), ("Max-Forwards", "70"), ("To", to), ("CSeq", f"{number} {method}")]
    return build_request(method, invite.uri, [*own, *copied, *routes])
