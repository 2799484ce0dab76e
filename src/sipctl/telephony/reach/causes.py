"""Why callers do not get into a room: the first thing in their way."""

from typing import Final

from sipctl.telephony.explaining.words import describe_landing
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.fault import MatchFault
from sipctl.telephony.matching.route import Outcome, Result, Stage
from sipctl.telephony.matching.rules import RuleReason, misfit
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.naming import describe_rule, describe_trunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ownership import serves
from sipctl.telephony.pins import can_be_typed
from sipctl.telephony.quoting import go_quote_all
from sipctl.telephony.reach.callers import Callers
from sipctl.telephony.reach.row import Attempt, Cause
from sipctl.telephony.ruleset import trunk_keys
from sipctl.telephony.site import Site

NO_RULE: Final = "RUL421"
NOT_REACHED: Final = "RUL422"
MISNAMED: Final = "RUL407"


def cause_of(site: Site, callers: Callers, room: str, rule: DispatchRule | None, attempt: Attempt, pin: str) -> Cause:
    """Why this attempt failed. `rule` is the one that should have let it in, `pin` the registry's, "" = it has none."""
    final = attempt.outcome.final
    if final.fault:
        return _of_fault(final.fault)
    if rule is None:
        return Cause(code=NO_RULE, because="no rule leads there")
    if not serves(rule, room):
        return Cause(code=MISNAMED, because=f"the rule of its name leads elsewhere: {describe_rule(rule)}")
    if pin and not can_be_typed(pin):
        return Cause(code=_UNTYPABLE[pin.isdecimal()], because="its PIN cannot be typed")
    if rule.pin and not can_be_typed(rule.pin):
        word = " (it is the word None)" if rule.pin == "None" else ""
        return Cause(code="RUL404", because=f"the PIN of its rule cannot be typed{word}")
    return _of_misfit(site, callers, rule, attempt) or _of_rivals(site, rule, final, pin)


_UNTYPABLE: Final = {False: "PIN503", True: "PIN504"}
"""What the doctor calls a PIN of the registry that no one can type: not all digits, or too long."""


def _of_fault(fault: MatchFault) -> Cause:
    if fault.trunks:
        names = " and ".join(map(describe_trunk, fault.trunks))
        return Cause(code=_code_of_trunks(fault), because=f"{names} both take the call")
    if len(fault.rules) > 1:
        names = " and ".join(map(describe_rule, fault.rules))
        return Cause(code="RUL401", because=f"{names} take the same calls")
    return Cause(code="RUL412", because=f"{describe_rule(fault.rules[0])} has no type")


def _code_of_trunks(fault: MatchFault) -> str:
    """Under which code the doctor reports trunks that take the same call."""
    one, other = fault.trunks[:2]
    if not one.numbers:
        return "TRK302"
    return "TRK313" if set(trunk_keys(one)).isdisjoint(trunk_keys(other)) else "TRK308"


def _of_misfit(site: Site, callers: Callers, rule: DispatchRule, attempt: Attempt) -> Cause | None:
    """The filter of LiveKit's that drops the rule for this call, apart from the PIN."""
    call, trunk = attempt.call, attempt.outcome.trunk
    match misfit(rule, trunk.sip_trunk_id if trunk else None, call, None):
        case RuleReason.TRUNK_IDS | RuleReason.NO_TRUNK:
            came = f"the call comes by {trunk.sip_trunk_id}" if trunk else "no trunk takes the call"
            return Cause(code=NOT_REACHED, because=f"its rule serves only {_trunks(site, rule)}, and {came}")
        case RuleReason.INBOUND_NUMBERS:
            return _of_inbound_numbers(callers, rule)
        case RuleReason.NUMBERS:
            because = f"its rule takes only calls to {go_quote_all(rule.numbers)}, and {_dialled(callers, call)}"
            return Cause(code=NOT_REACHED, because=because)
    return None


def _trunks(site: Site, rule: DispatchRule) -> str:
    """The trunks that the rule names, and whether any of them exists."""
    names = f"trunk {rule.trunk_ids[0]}" if len(rule.trunk_ids) == 1 else f"the trunks {', '.join(rule.trunk_ids)}"
    if not site.trunk_ids.isdisjoint(rule.trunk_ids):
        return names
    only_out = not site.outbound.isdisjoint(rule.trunk_ids)
    return f"{names} ({'which only makes calls' if only_out else 'which does not exist'})"


def _dialled(callers: Callers, call: Call) -> str:
    return f"callers dial {'any other number' if call.to_user == callers.other_number else call.to_user}"


def _of_inbound_numbers(callers: Callers, rule: DispatchRule) -> Cause:
    own = next((one for one in rule.inbound_numbers if normalize_number(one) in callers.own), "")
    if own:
        because = f"its rule admits only calls from {own}, which is the number that people dial"
        return Cause(code="RUL408", because=because)
    return Cause(code=NOT_REACHED, because=f"its rule admits only the callers {go_quote_all(rule.inbound_numbers)}")


def _of_rivals(site: Site, rule: DispatchRule, final: Outcome, pin: str) -> Cause:
    """The rule takes such calls, and another rule has this one, or none has the PIN."""
    if pin and rule.pin and rule.pin != pin:
        return Cause(code="PIN505" if site.mark.owns(rule) else NOT_REACHED, because="its rule has another PIN")
    if rule.kind is not RuleKind.DIRECT:
        return Cause(code=NOT_REACHED, because=f"its rule makes a room for each call: {describe_rule(rule)}")
    winner = final.rule or final.prompt_rule
    comes_first = f"{describe_rule(winner)} comes first" if winner else "another rule comes first"
    return Cause(code=NOT_REACHED, because=comes_first if rule.pin else f"its rule has no PIN, and {comes_first}")


def heard(outcome: Outcome) -> str:
    """What callers notice who do not get in, as the end of a sentence about them."""
    final = outcome.final
    if final.fault:
        return "hear an error tone" if final.stage is Stage.TRUNK else "hear a short ring, then an error tone"
    if final.result is Result.ACCEPT:
        is_direct = final.rule is not None and final.rule.kind is RuleKind.DIRECT
        return f"get into {describe_landing(final.landing) if is_direct else 'a room of their own'} {_BY[final.stage]}"
    if final.stage is Stage.PIN:
        return "hear that the PIN is wrong"
    return "hear ringing without end" if final.result is Result.DROP else "are asked for a PIN that does not exist"


_BY: Final = {Stage.RULE: "without a PIN", Stage.PIN: "instead"}
