"""An outcome as a JSON object: what happened, without the reasons."""

from typing import Any

from sipctl.telephony.matching.landing import Landing
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.model import DispatchRule


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """What became of a call. Keys without a meaning for this outcome are absent; no PIN is in it."""
    record: dict[str, Any] = {
        "outcome": outcome.result.value,
        "stage": outcome.stage.value,
        "trunk_id": outcome.trunk.sip_trunk_id if outcome.trunk else "",
        "rule_id": _rule_id(outcome.rule),
    }
    if outcome.prompt_rule:
        record["prompt_rule_id"] = _rule_id(outcome.prompt_rule)
    if outcome.landing:
        record |= _landing_record(outcome.landing)
    if outcome.fault:
        record |= {"error_code": outcome.fault.code, "error": outcome.fault.text}
    if outcome.after_auth:
        record |= _auth_record(outcome)
    return record


def _rule_id(rule: DispatchRule | None) -> str:
    return rule.sip_dispatch_rule_id if rule else ""


def _landing_record(landing: Landing) -> dict[str, Any]:
    metadata = {"metadata": landing.metadata} if landing.metadata else {}
    return {
        "room_prefix" if landing.randomized else "room_name": landing.room,
        "identity": landing.identity,
        "name": landing.name,
        **metadata,
        "attributes": dict(sorted(landing.attributes.items())),
    }


def _auth_record(outcome: Outcome) -> dict[str, Any]:
    trunk, after = outcome.trunk, outcome.after_auth
    record: dict[str, Any] = {"auth_username": trunk.auth_username if trunk else ""}
    if trunk and trunk.auth_realm:
        record["auth_realm"] = trunk.auth_realm
    return record | {"after_auth": outcome_record(after) if after else None}
