"""How calls end, as JSON rows: with what the caller's side sees of it, and with the reasons."""

from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypedDict, cast

from sipctl.telephony.explaining.wire import WireStep, wire
from sipctl.telephony.matching.record import FinalEnding, outcome_record
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.matching.rules import RuleChoice


class Step(TypedDict):
    """What reaches the caller's side, `after_ms` milliseconds after `since` (null = no one can say).

    `every_ms` is the pause before it comes again, `when` the condition on which it depends.
    """

    what: str
    kind: Literal["response", "request", "sound", "silence"]
    since: Literal["INVITE", "200", "#", "17th digit"]
    after_ms: int | None
    every_ms: int | None
    when: str


class WiredFinalEnding(FinalEnding):
    """How a call ends, no password being asked for, and what the caller's side sees of it."""

    wire: list[Step]


class WiredEnding(WiredFinalEnding):
    """How a call ends, and what the caller's side sees of it, before and after a digest challenge."""

    after_auth: NotRequired[WiredFinalEnding | None]


class TrunkReason(TypedDict):
    """What became of a trunk."""

    sip_trunk_id: str
    name: str
    reason: Literal["matched", "numbers", "allowed_numbers", "allowed_addresses", "no_numbers", "ambiguous"]


class RuleReason(TypedDict):
    """What became of a rule, in the last evaluation and in the one before the PIN."""

    sip_dispatch_rule_id: str
    name: str
    room_name: str
    reason: str
    reason_before_pin: str


class Reasons(TypedDict):
    """Every trunk and rule that was looked at."""

    trunks: list[TrunkReason]
    rules: list[RuleReason]


def ending_row(outcome: Outcome) -> WiredEnding:
    """An outcome with what the caller's side sees of it."""
    row: dict[str, Any] = {**outcome_record(outcome)}
    if outcome.after_auth:
        row["after_auth"] = ending_row(outcome.after_auth)
    return cast("WiredEnding", row | {"wire": [_step(step) for step in wire(outcome)]})


def _step(step: WireStep) -> Step:
    return {
        "what": step.what,
        "kind": step.kind,
        "since": step.since,
        "after_ms": step.after_ms,
        "every_ms": step.every_ms,
        "when": step.when,
    }


def reasons_row(outcome: Outcome) -> Reasons:
    """Every trunk and rule that was looked at, with what became of it before and after the PIN."""
    choice, final = outcome.trunk_choice, outcome.final
    trunks = zip(choice.trunks, choice.reasons, strict=True)
    return {
        "trunks": [
            TrunkReason(sip_trunk_id=trunk.sip_trunk_id, name=trunk.name, reason=reason.value)
            for trunk, reason in trunks
        ],
        "rules": list(_rules(final.before_pin, final.after_pin)),
    }


def _rules(before: RuleChoice | None, after: RuleChoice | None) -> Iterator[RuleReason]:
    for at, rule in enumerate(before.rules if before else ()):
        yield {
            "sip_dispatch_rule_id": rule.sip_dispatch_rule_id,
            "name": rule.name,
            "room_name": rule.room_name,
            "reason": (after or before).reasons[at].value if before else "",
            "reason_before_pin": before.reasons[at].value if before else "",
        }
