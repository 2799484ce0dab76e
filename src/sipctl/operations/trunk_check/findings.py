"""SIP7xx: what is wrong with a SIP node, by what its targets answered."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sipctl.findings.check import found
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Level
from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.notes import days_left, validity
from sipctl.operations.trunk_check.probe import Probed
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunk_check.verdict import State, Verdict

if TYPE_CHECKING:
    from sipctl.operations.trunk_check.routing import Route

Health = tuple[int, str]
"""What the health port says: the HTTP status and the start of its text; 0 and the reason if it does not answer."""

SOON_DAYS: Final = 30
_SLOW_MS: Final = 500.0
"""T1 of RFC 3261 17.1.1.1: after it a request is sent again."""


def findings_of(result: CheckResult, now: float) -> Iterator[Finding]:
    """All that is wrong with the SIP nodes of a run; `now` are Unix seconds."""
    for checked in result.checked:
        for judge in (unresolved, unanswered, partly_unanswered, from_elsewhere, slow):
            yield from judge(checked)
        yield from certificates(checked, now)
        if checked.destination.is_ours:
            yield from draining(checked, result.health)
    if result.route:
        yield from differing(result.route)


def unresolved(checked: Checked) -> Iterator[Finding]:
    """A name without targets; a resolver that does not answer says nothing of the name."""
    if checked.probed:
        return
    if checked.is_resolver_dead:
        yield CODES["SIP701"].answer(Level.UNKNOWN, f"could not be checked: {checked.dns_failure}")
        return
    yield found("SIP701", _node(checked), f"{checked.destination.uri.host}: {checked.dns_failure}", source="DNS")


def unanswered(checked: Checked) -> Iterator[Finding]:
    """A node of which no target answers."""
    if checked.probed and not any(map(_is_up, _states(checked))):
        level = Level.ERROR if State.DOWN in _states(checked) else Level.UNKNOWN
        seen = "; ".join(map(_seen, checked.probed))
        yield found(
            "SIP702", _node(checked), f"no target answers: {seen}", level=level, observed=seen, source="OPTIONS"
        )


def partly_unanswered(checked: Checked) -> Iterator[Finding]:
    """A node of which some targets answer and some do not."""
    silent = [one for one in checked.probed if not _is_up(checked.state(one))]
    if silent and len(silent) < len(checked.probed):
        seen = "; ".join(map(_seen, silent))
        words = f"{len(silent)} of {len(checked.probed)} targets do not answer: {seen}"
        yield found("SIP703", _node(checked), words, observed=seen, source="OPTIONS")


def certificates(checked: Checked, now: float) -> Iterator[Finding]:
    """Certificates that do not hold, or not for long, or only by a wildcard; `now` are Unix seconds."""
    for one in checked.probed:
        facts = one.tls
        if facts is None or facts.certificate is None:
            continue
        when, where = validity(facts.certificate, now), f"{_node(checked)} at {one.target.address}"
        names = ", ".join(facts.certificate.names)
        if facts.fault:
            yield found("SIP704", where, f"{one.detail}; it {when}, and is for {names or 'no name'}", observed=when,
                        expected=checked.destination.uri.host, source="TLS")  # fmt: skip
        elif days_left(facts.certificate, now) < SOON_DAYS:
            yield found("SIP704", where, f"the certificate {when}", level=Level.WARN, observed=when, source="TLS")
        elif facts.match == "wildcard":
            words = "the certificate has the host by a wildcard alone, which RFC 5922 does not allow"
            yield found("SIP704", where, words, level=Level.WARN, observed=names, source="TLS")


def from_elsewhere(checked: Checked) -> Iterator[Finding]:
    """Answers from another address or port than the one that was asked."""
    for one in checked.probed:
        if one.elsewhere:
            others = ", ".join(map(str, one.elsewhere))
            yield found("SIP706", _node(checked), f"{one.target.address} was asked, and {others} answered",
                        observed=others, expected=str(one.target.address), source="OPTIONS")  # fmt: skip


def slow(checked: Checked) -> Iterator[Finding]:
    """Answers that took long, or came only after the request was sent again."""
    for one in checked.probed:
        if not one.has_answered:
            continue
        missing = one.retransmitted + one.sent - one.answered
        late = f"{missing} of {one.sent} requests were not answered before they were sent again" if missing else ""
        long = f"an answer takes {one.rtt.mean:.0f} ms" if one.rtt and one.rtt.mean > _SLOW_MS else ""
        if late or long:
            yield found("SIP707", _node(checked), f"{one.target.address}: {late or long}", source="OPTIONS")


def draining(checked: Checked, health: Health | None) -> Iterator[Finding]:
    """A node that was asked to stop: the health port says it, and later versions of livekit-sip also in OPTIONS."""
    answers = any(one.has_answered for one in checked.probed)
    says_stopped = health is not None and health[0] == 503 and health[1].startswith("Stopped")
    if answers and says_stopped:
        words = "it drains, but still takes calls: the health port says Stopped, and SIP is answered"
        yield found("SIP708", _node(checked), words, observed="503 Stopped", expected="200 OK", source="health_port")
    elif answers and all(one.verdict is Verdict.OVERLOADED for one in checked.probed if one.has_answered):
        seen = "; ".join(map(_seen, checked.probed))
        yield found("SIP708", _node(checked), f"it answers, and wants no calls now: {seen}", observed=seen,
                    source="OPTIONS")  # fmt: skip


def differing(route: "Route") -> Iterator[Finding]:
    """A call that LiveKit treats otherwise than explain says."""
    if route.agree is False:
        measured, explained = route.placed.measured.value, route.explained.value if route.explained else ""
        yield found("SIP709", f"call to {route.call.to_user}",
                    f"LiveKit does {measured!r} with a call from {route.call.from_user} at {route.call.source_ip}, and"
                    f" by the stored trunks and rules it is {explained!r}",
                    observed=measured, expected=explained, source="INVITE")  # fmt: skip


def _node(checked: Checked) -> str:
    name = "SIP node" if checked.destination.is_ours else checked.destination.origin
    return f"{name} {checked.destination.uri}"


def _states(checked: Checked) -> list[State]:
    return [checked.state(one) for one in checked.probed]


def _is_up(state: State) -> bool:
    return state is State.UP


def _seen(one: Probed) -> str:
    answer = f"{one.code} {one.reason}".strip() if one.code else one.detail
    word = one.verdict.value if one.verdict else "not asked"
    return f"{one.target.transport} {one.target.address} {word}" + (f" ({answer})" if answer else "")
