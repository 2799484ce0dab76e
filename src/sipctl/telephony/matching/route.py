"""The way of one call through LiveKit, step by step, in livekit-sip's order (livekit/sip pkg/sip/inbound.go)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.landing import Landing, land
from sipctl.telephony.matching.rules import RuleChoice, choose_rule, failed_choice
from sipctl.telephony.matching.trunks import TrunkChoice, asks_digest, choose_trunk
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.pins import MAX_LENGTH

_PANIC: Final = "runtime error: slice bounds out of range [-1:]"


class Result(StrEnum):
    """What becomes of a call."""

    ACCEPT = "accept"
    REQUEST_PIN = "request_pin"
    DROP = "drop"
    AUTH_REQUIRED = "auth_required"
    ERROR = "error"


class Stage(StrEnum):
    """The step that gave the result: trunk look-up, digest, the rules before the PIN, the rules after `#`."""

    TRUNK = "trunk"
    AUTH = "auth"
    RULE = "rule"
    PIN = "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ends and why.

    `rule` accepts, or asks for the PIN, or has no room to lead to; `prompt_rule` is the rule whose PIN made LiveKit
    prompt. `before_pin` and `after_pin` are the choices of the two evaluations that were made. `after_auth` is the
    outcome for a caller who answers the digest challenge.
    """

    result: Result
    stage: Stage
    trunk_choice: TrunkChoice
    rule: DispatchRule | None = None
    prompt_rule: DispatchRule | None = None
    landing: Landing | None = None
    fault: MatchFault | None = None
    before_pin: RuleChoice | None = None
    after_pin: RuleChoice | None = None
    after_auth: "Outcome | None" = None

    @property
    def trunk(self) -> InboundTrunk | None:
        """The matched trunk."""
        return self.trunk_choice.trunk

    @property
    def final(self) -> "Outcome":
        """The outcome once the digest, if any is asked, has been answered."""
        return self.after_auth or self


class Store(Protocol):
    """Trunks and rules, each in the order of ids, or as many of them as can matter for a call."""

    def trunks_for(self, call: Call) -> Sequence[InboundTrunk]:
        """The trunks that may match."""

    def rules_for(self, trunk: InboundTrunk | None, call: Call, typed: str | None) -> Sequence[DispatchRule]:
        """The rules that may win, if nothing clashes."""

    def fault_for(self, trunk: InboundTrunk | None) -> MatchFault | None:
        """The error of every call for which LiveKit lists the rules of this trunk."""


def route(store: Store, call: Call) -> Outcome:
    """Walk a call through LiveKit."""
    choice = choose_trunk(store.trunks_for(call), call)
    if choice.fault:
        return Outcome(result=Result.ERROR, stage=Stage.TRUNK, trunk_choice=choice, fault=choice.fault)
    dispatched = _dispatch(store, choice, call)
    if choice.trunk and asks_digest(choice.trunk):
        return Outcome(result=Result.AUTH_REQUIRED, stage=Stage.AUTH, trunk_choice=choice, after_auth=dispatched)
    return dispatched


def _dispatch(store: Store, choice: TrunkChoice, call: Call) -> Outcome:
    """The evaluation before the PIN, and the one after it if the caller is asked and types something."""
    before = _evaluate(store, choice.trunk, call)
    outcome = _outcome(choice, before, call, Stage.RULE)
    if outcome.result is not Result.ACCEPT or outcome.rule is None or not outcome.rule.pin:
        return replace(outcome, before_pin=before)
    prompt = outcome.rule
    asked = replace(outcome, result=Result.REQUEST_PIN, before_pin=before, prompt_rule=prompt, landing=None)
    return asked if call.pin is None else enter_pin(store, asked, call)


def enter_pin(store: Store, asked: Outcome, call: Call) -> Outcome:
    """What becomes of a caller who was asked for a PIN, which is the outcome `asked`, and types the one of `call`."""
    choice, before, prompt, pin = asked.trunk_choice, asked.before_pin, asked.prompt_rule, call.pin or ""
    if len(pin) > MAX_LENGTH:
        return Outcome(result=Result.DROP, stage=Stage.PIN, trunk_choice=choice, before_pin=before, prompt_rule=prompt)
    after = choose_rule(store.rules_for(choice.trunk, call, pin), choice.trunk, call, pin)
    entered = _outcome(choice, after, call, Stage.PIN)
    if entered.landing and not entered.landing.room:
        entered = replace(entered, result=Result.DROP, landing=None)
    return replace(entered, before_pin=before, after_pin=after, prompt_rule=prompt)


def _evaluate(store: Store, trunk: InboundTrunk | None, call: Call) -> RuleChoice:
    """The evaluation before the PIN. What clashes fails it; the one after the PIN reads the same list."""
    rules, fault = store.rules_for(trunk, call, None), store.fault_for(trunk)
    return failed_choice(rules, trunk, fault) if fault else choose_rule(rules, trunk, call, None)


def _outcome(choice: TrunkChoice, rules: RuleChoice, call: Call, stage: Stage) -> Outcome:
    fault = rules.fault or _panic(rules.rule, call)
    if fault:
        return Outcome(result=Result.ERROR, stage=stage, trunk_choice=choice, fault=fault)
    if rules.rule is None:
        return Outcome(result=Result.DROP, stage=stage, trunk_choice=choice)
    landing = land(rules.rule, choice.trunk, call)
    return Outcome(result=Result.ACCEPT, stage=stage, trunk_choice=choice, rule=rules.rule, landing=landing)


def _panic(rule: DispatchRule | None, call: Call) -> MatchFault | None:
    """livekit-server exits where a rule hides the number of a caller who has none."""
    if rule is None or not rule.hide_phone_number or call.from_user:
        return None
    return MatchFault(code="panic", text=_PANIC, rules=(rule,))
