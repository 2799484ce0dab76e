"""Outcomes of calls as scripts read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sipctl.output.formats import Listing
from sipctl.telephony.explaining.wire import WireStep, wire
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.record import outcome_record
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.matching.rules import RuleChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A call of a file and its outcome; `case` names the snapshot that it was routed on, where there are several."""

    call: Call
    outcome: Outcome
    case: str | None = None


def routed_view(routed: Iterable[Routed], *, reasons: bool) -> Listing[Routed]:
    """Many calls, one line each, written as they come."""
    return Listing(
        schema="sipctl/routed/v1",
        items=routed,
        columns=("id", "from", "to", "outcome", "room", "rule", "trunk"),
        row=_row,
        record=lambda one: _record(one, reasons=reasons),
        name=lambda one: one.outcome.final.rule.sip_dispatch_rule_id if one.outcome.final.rule else "",
    )


def _row(one: Routed) -> tuple[str, ...]:
    outcome, final = one.outcome, one.outcome.final
    return (
        one.call.id,
        one.call.from_user,
        one.call.to_user,
        outcome.result.value if outcome is final else f"{outcome.result}, then {final.result}",
        final.landing.room if final.landing else "",
        final.rule.sip_dispatch_rule_id if final.rule else "",
        outcome.trunk.sip_trunk_id if outcome.trunk else "",
    )


def _record(one: Routed, *, reasons: bool) -> dict[str, Any]:
    named = {} if one.case is None else {"case": one.case}
    return named | {"id": one.call.id} | routed_record(one.outcome) | (reasons_record(one.outcome) if reasons else {})


def routed_record(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON with what the caller's side sees of it."""
    record = outcome_record(outcome)
    if outcome.after_auth:
        record["after_auth"] = routed_record(outcome.after_auth)
    return record | {"wire": [_step_record(step) for step in wire(outcome)]}


def _step_record(step: WireStep) -> dict[str, Any]:
    return {
        "what": step.what,
        "kind": step.kind,
        "since": step.since,
        "after_ms": step.after_ms,
        "every_ms": step.every_ms,
        "when": step.when,
    }


def reasons_record(outcome: Outcome) -> dict[str, Any]:
    """Every trunk and rule that was looked at, with what became of it before and after the PIN."""
    choice, final = outcome.trunk_choice, outcome.final
    trunks = zip(choice.trunks, choice.reasons, strict=True)
    return {
        "trunks": [
            {"sip_trunk_id": trunk.sip_trunk_id, "name": trunk.name, "reason": reason.value} for trunk, reason in trunks
        ],
        "rules": list(_rule_records(final.before_pin, final.after_pin)),
    }


def _rule_records(before: RuleChoice | None, after: RuleChoice | None) -> Iterable[dict[str, Any]]:
    for at, rule in enumerate(before.rules if before else ()):
        yield {
            "sip_dispatch_rule_id": rule.sip_dispatch_rule_id,
            "name": rule.name,
            "room_name": rule.room_name,
            "reason": (after or before).reasons[at].value if before else "",
            "reason_before_pin": before.reasons[at].value if before else "",
        }
