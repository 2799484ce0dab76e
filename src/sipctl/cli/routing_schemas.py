"""The shapes of what `rules explain` and `rules test` print as JSON. PINs are masked unless --show-pins was given."""

from typing import Final, Literal

from pydantic import BaseModel, Field

from sipctl.cli.shape import Shape


class Step(Shape):
    """What reaches the caller's side, `after_ms` milliseconds after `since` (null = nobody can say).

    `every_ms` is the pause before it comes again, `when` the condition on which it depends.
    """

    what: str
    kind: Literal["response", "request", "sound", "silence"]
    since: Literal["INVITE", "200", "#", "17th digit"]
    after_ms: int | None
    every_ms: int | None
    when: str


class Ending(Shape):
    """How a call ends; keys that mean nothing for this ending are absent.

    `attributes` are those of the participant, without `sip.callID`.
    """

    outcome: Literal["accept", "request_pin", "drop", "auth_required", "error"]
    stage: Literal["trunk", "auth", "rule", "pin"]
    trunk_id: str
    rule_id: str
    prompt_rule_id: str | None = None
    room_name: str | None = None
    room_prefix: str | None = None
    identity: str | None = None
    name: str | None = None
    metadata: str | None = None
    attributes: dict[str, str] | None = None
    auth_username: str | None = None
    auth_realm: str | None = None
    error_code: str | None = None
    error: str | None = None
    after_auth: "Ending | WiredEnding | None" = None


class WiredEnding(Ending):
    """How a call ends, and what the caller's side sees of it."""

    wire: list[Step]


class TrunkReason(Shape):
    """What became of a trunk."""

    sip_trunk_id: str
    name: str
    reason: Literal["matched", "numbers", "allowed_numbers", "allowed_addresses", "no_numbers", "ambiguous"]


class RuleReason(Shape):
    """What became of a rule, in the last evaluation and in the one before the PIN."""

    sip_dispatch_rule_id: str
    name: str
    room_name: str
    reason: str
    reason_before_pin: str


class Routed(WiredEnding):
    """One call of a file; trunks and rules with --reasons alone, `case` with --cases alone."""

    case: str | None = None
    id: str
    trunks: list[TrunkReason] | None = None
    rules: list[RuleReason] | None = None


class DialledCall(Shape):
    """The call that was asked about."""

    to: str
    to_host: str
    from_: str = Field(alias="from")
    from_host: str
    source_ip: str
    pin: str | None


class SourceEnding(Ending):
    """How the call ends from one source; `allowed_by` is the trunk that lists it, "" = none does."""

    source_ip: str
    allowed_by: str


class SpelledEnding(Ending):
    """How the call ends with its numbers in E.164."""

    to: str
    from_: str = Field(alias="from")


class Advice(Shape):
    """What to change; `command` and `then` (how the call ends after it) are "" where there is none."""

    text: str
    command: str
    then: str


class Explanation(WiredEnding):
    """One call, explained."""

    call: DialledCall
    verdict: str
    trunks: list[TrunkReason]
    rules: list[RuleReason]
    sources: list[SourceEnding]
    in_e164: SpelledEnding | None
    advice: list[Advice]


class PresentEnding(Ending):
    """What the present rules make of a logged call."""

    verdict: str


class LoggedAdvice(Shape):
    """What to change, in words and as a command."""

    text: str
    command: str


class LoggedCall(Shape):
    """A call of livekit-sip's log. `outcome` and `stage` are what LiveKit decided, null where the log does not say.

    `agrees` tells whether the present rules decide the same. The PIN is masked in any case.
    """

    call_id: str
    sip_call_id: str
    time: str
    to: str
    to_host: str
    from_: str = Field(alias="from")
    from_host: str
    source_ip: str
    transport: str
    trunk_id: str
    rule_id: str
    room_name: str
    identity: str
    pin: str | None
    reason: str
    ended: str
    failed: bool
    outcome: str | None
    stage: str | None
    agrees: bool | None
    now: PresentEnding | None
    advice: list[LoggedAdvice]
    untold: list[str]
    guesses: list[str]


class RoutingTest(WiredEnding):
    """A routing test and how it ended."""

    test: str
    passed: bool
    failures: list[str]
    verdict: str


ROUTING_LISTINGS: Final[dict[str, type[BaseModel]]] = {
    "routed": Routed,
    "logged-calls": LoggedCall,
    "routing-tests": RoutingTest,
}
ROUTING_DETAILS: Final[dict[str, type[BaseModel]]] = {"explanation": Explanation}
