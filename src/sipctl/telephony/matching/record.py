"""An outcome as a JSON object: what happened, without the reasons."""

from typing import Any, Literal, NotRequired, TypedDict, cast

from sipctl.telephony.matching.landing import Landing
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.model import DispatchRule


class FinalEnding(TypedDict):
    """How a call ends, no password being asked for; keys that mean nothing for this ending are absent.

    `attributes` are those of the participant, without `sip.callID`.
    """

    outcome: Literal["accept", "request_pin", "drop", "auth_required", "error"]
    stage: Literal["trunk", "auth", "rule", "pin"]
    trunk_id: str
    rule_id: str
    prompt_rule_id: NotRequired[str | None]
    room_name: NotRequired[str | None]
    room_prefix: NotRequired[str | None]
    identity: NotRequired[str | None]
    name: NotRequired[str | None]
    metadata: NotRequired[str | None]
    attributes: NotRequired[dict[str, str] | None]
    auth_username: NotRequired[str | None]
    auth_realm: NotRequired[str | None]
    error_code: NotRequired[str | None]
    error: NotRequired[str | None]


class Ending(FinalEnding):
    """How a call ends; `after_auth` is how it does once the provider has answered the digest challenge."""

    after_auth: NotRequired[FinalEnding | None]


def outcome_record(outcome: Outcome) -> Ending:
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
    return cast("Ending", record)


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
