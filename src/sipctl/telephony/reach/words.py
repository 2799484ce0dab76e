"""The answer in one sentence, the same in every command."""

from sipctl.telephony.matching.route import Stage
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.reach.causes import heard
from sipctl.telephony.reach.row import Attempt, DependsOn, Reach, Reached


def describe_reach(reach: Reach, called: str = "") -> str:
    """What becomes of the room's callers, and why, as a sentence without its full stop. `called` is the room's name."""
    room = called or repr(reach.room)
    if reach.outcome is Reached.UNKNOWN:
        return f"whether callers of {room} get in could not be checked: {reach.why_unknown}"
    callers = f"callers of {room}{f' who dial {_number(reach)}' if reach.several_numbers else ''}"
    match reach.outcome:
        case Reached.REACHABLE:
            return f"{callers} get in with its PIN"
        case Reached.OPEN:
            return f"{callers} get in {_without_pin(reach.attempts[0])}"
        case Reached.DEPENDS:
            return _describe_dependence(reach, callers)
    return f"{callers} {_lost(reach, reach.attempts[-1])}"


def describe_call(reach: Reach) -> str:
    """What becomes of one call with the room's PIN, as the end of a sentence that begins with the room."""
    match reach.outcome:
        case Reached.REACHABLE:
            return "its PIN opens it"
        case Reached.OPEN:
            return f"it is opened {_without_pin(reach.attempts[0])}"
    return f"callers {_lost(reach, reach.attempts[-1])}"


def _number(reach: Reach) -> str:
    return reach.number or "any other number"


def _lost(reach: Reach, attempt: Attempt) -> str:
    because = f", because {reach.cause.because}" if reach.cause else ""
    return f"{heard(attempt.outcome)}{because}"


def _without_pin(attempt: Attempt) -> str:
    final = attempt.outcome.final
    how = "without a PIN" if final.stage is Stage.RULE else "without a PIN, by # alone"
    return f"{how}: {describe_rule(final.rule)} has none" if final.rule else how


def _describe_dependence(reach: Reach, callers: str) -> str:
    first, last = reach.attempts[0], reach.attempts[-1]
    if reach.depends_on is DependsOn.CALLER:
        named = f"get in only if a list names them, as it does {first.call.from_user}"
        return f"{callers} {named}; others {_lost(reach, last)}"
    return f"{callers} get in from {_source(first)}; those from {_source(last)} {_lost(reach, last)}"


def _source(attempt: Attempt) -> str:
    return attempt.origin.entry or "any other address"
