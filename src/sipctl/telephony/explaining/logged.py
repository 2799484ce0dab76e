"""Logged calls explained: what happened, and what the present rules say about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sipctl.telephony.explaining.explanation import Explanation, explain
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome, Result
from sipctl.telephony.siplog.calls import LoggedCall
from sipctl.telephony.siplog.ending import happened
from sipctl.telephony.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedExplanation:
    """A logged call and the same call on the present rules (None = no one knows those).

    `agrees` tells whether it would end the same way now; None = the log does not say what LiveKit decided.
    """

    logged: LoggedCall
    now: Explanation | None
    agrees: bool | None


def explain_logged(site: Site | None, calls: Iterable[LoggedCall]) -> Iterator[LoggedExplanation]:
    """Explain logged calls; equal calls are looked at once."""
    known: dict[Call, Explanation] = {}
    for logged in calls:
        now = None
        if site is not None:
            call = replace(logged.call, id="")
            now = known.setdefault(call, known.get(call) or explain(site, call))
        yield LoggedExplanation(logged=logged, now=now, agrees=_agrees(logged, now.outcome) if now else None)


def _agrees(logged: LoggedCall, now: Outcome) -> bool | None:
    was = happened(logged)
    if was is None:
        return None
    ending = now if was[0] is Result.AUTH_REQUIRED else now.final
    same_trunk = logged.trunk_id == (now.trunk.sip_trunk_id if now.trunk else "")
    same_rule = not logged.rule_id or (ending.rule is not None and ending.rule.sip_dispatch_rule_id == logged.rule_id)
    return was == (ending.result, ending.stage) and same_trunk and same_rule
