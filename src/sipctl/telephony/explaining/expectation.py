"""What someone expects of a call, held against what becomes of it: routing tests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sipctl.telephony.explaining.explanation import Explanation, explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.landing import Landing
from sipctl.telephony.matching.route import Outcome, Result, route
from sipctl.telephony.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must hold; None and () = not asked.

    `rule` and `trunk` are ids or names; `room` is the room's name, of a randomized room any name that starts so.
    `outcome` is that after the digest, unless it is `auth_required`. `must_not_reach` are rooms that no caller of this
    kind gets into: from whatever source, if the call names none, and with `#` alone, if it names no PIN.
    """

    outcome: Result | None = None
    room: str | None = None
    rule: str | None = None
    trunk: str | None = None
    must_not_reach: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test."""

    name: str
    call: Call
    expected: Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A test and how it ended; without failures it passed."""

    case: Case
    explanation: Explanation
    failures: tuple[str, ...]


def judge(site: Site, case: Case) -> Judged:
    """Run one test."""
    explanation = explain(site, case.call)
    failures = (*_unmet(case.expected, explanation.outcome), *_reached(site, case, explanation))
    return Judged(case=case, explanation=explanation, failures=failures)


def _unmet(expected: Expectation, outcome: Outcome) -> Iterator[str]:
    challenged = expected.outcome is Result.AUTH_REQUIRED
    result = outcome.result if challenged else outcome.final.result
    if expected.outcome not in {None, result}:
        yield f"expected {expected.outcome}, got {result}"
    landing, rule, trunk = outcome.final.landing, outcome.final.rule, outcome.trunk
    if expected.room is not None and not (landing and _is_room(landing, expected.room)):
        yield f"expected room {expected.room!r}, got {repr(landing.room) if landing else 'none'}"
    if expected.rule is not None and not (rule and expected.rule in {rule.sip_dispatch_rule_id, rule.name}):
        yield f"expected rule {expected.rule}, got {rule.sip_dispatch_rule_id if rule else 'none'}"
    if expected.trunk is not None and not (trunk and expected.trunk in {trunk.sip_trunk_id, trunk.name}):
        yield f"expected trunk {expected.trunk}, got {trunk.sip_trunk_id if trunk else 'none'}"


def _is_room(landing: Landing, name: str) -> bool:
    return name.startswith(landing.room) if landing.randomized else name == landing.room


def _reached(site: Site, case: Case, explanation: Explanation) -> Iterator[str]:
    """The forbidden rooms that a caller gets into, on any of the ways that the test leaves open."""
    for call in _ways(case.call, explanation) if case.expected.must_not_reach else ():
        landing = route(site.lists, call).final.landing
        for room in case.expected.must_not_reach:
            if landing and _is_room(landing, room):
                yield f"must not reach room {room!r}, and does{_describe_way(case.call, call)}"


def _ways(call: Call, explanation: Explanation) -> Iterable[Call]:
    origins = [variant.call for variant in explanation.sources] or [call]
    for origin in origins:
        yield origin
        if call.pin is None:
            yield replace(origin, pin="")


def _describe_way(asked: Call, way: Call) -> str:
    source = f" from {way.source_ip}" if way.source_ip != asked.source_ip else ""
    return f"{source}{' with # alone' if way.pin != asked.pin else ''}"
