"""How a logged call ended, in words, and what its lines cannot tell."""

from collections.abc import Callable, Mapping
from typing import Final

from sipctl.telephony.matching.route import Result, Stage
from sipctl.telephony.pins import MAX_LENGTH
from sipctl.telephony.siplog.calls import (
    AUTHENTICATED,
    CHALLENGED,
    HUNG_UP,
    NO_TRUNK_ANSWER,
    PIN_ASKED,
    REFUSED,
    LoggedCall,
)

SERVER_DOWN: Final = "no response from servers"

_PLAIN: Final = {
    "cancelled": "the caller gave up while it rang",
    "cannot-subscribe": "nobody in the room published audio within ringing_timeout: 486",
    "duplicate-identity": "a second call from the same number took its place in the room",
    "no-common-codec": "no codec in common: 400",
    "no-common-crypto": "no encryption in common: 400",
    "sdp-error": "its SDP was missing or broken: 400",
    "media-failed": "no free RTP port: 500",
    "media-timeout": "no RTP came from the caller's side",
    "no-ack": "neither ACK nor RTP came from the caller's side",
    "participant-failed": "the room could not be joined",
    "room-failed": "the connection to the room was lost",
    "shutdown": "livekit-sip was stopped",
    "unauthorized": "the provider did not answer the digest challenge: 407",
    "bad-credentials": "the provider answered the digest challenge wrongly: 401",
}

_UNTOLD: Final = {
    "flood": "which condition of a trunk or rule failed",
    "wrong-pin": "whether the rule was there when the call began",
    "participant-failed": "whether the room was full, absent with room.auto_create off, or livekit-sip's key wrong",
    "removed": "who removed the caller, or ended the room",
    "media-timeout": "whether a firewall, NAT or a wrong address in the SDP kept the RTP away",
    "no-common-codec": "what the provider offered",
    "unauthorized": "whether the provider saw the challenge",
}


def reason_of(call: LoggedCall) -> str:
    """livekit-sip's word for the end; its metrics' word where the log has no line for it; "" if it has not ended."""
    if call.reason:
        return call.reason
    if call.has(NO_TRUNK_ANSWER):
        return "auth-error"
    if call.has(REFUSED):
        return "bad-credentials"
    return "unauthorized" if call.has(CHALLENGED) and not call.has(AUTHENTICATED) else ""


def happened(call: LoggedCall) -> tuple[Result, Stage] | None:
    """What LiveKit decided about the call, as far as the log tells; None = nothing, or LiveKit did not answer."""
    reason, asked = reason_of(call), call.has(PIN_ASKED)
    if SERVER_DOWN in call.error:
        return None
    if reason in {"unauthorized", "bad-credentials"}:
        return Result.AUTH_REQUIRED, Stage.AUTH
    decided = {
        "auth-error": (Result.ERROR, Stage.TRUNK),
        "dispatch-error": (Result.ERROR, Stage.PIN if asked else Stage.RULE),
        "flood": (Result.DROP, Stage.RULE),
        "wrong-pin": (Result.DROP, Stage.PIN),
    }.get(reason)
    if decided or not (asked or call.rule_id):
        return decided
    if call.rule_id:
        return Result.ACCEPT, Stage.PIN if asked else Stage.RULE
    return Result.REQUEST_PIN, Stage.RULE


def told_ending(call: LoggedCall) -> str:
    """How it ended, in one sentence without its subject."""
    reason = reason_of(call)
    if reason in _TOLD:
        return _TOLD[reason](call)
    return _PLAIN.get(reason) or (f"ended: {reason}" if reason else "its end is not in this log")


def _told_flood(call: LoggedCall) -> str:
    matched = f"trunk {call.trunk_id} matched, and no rule" if call.trunk_id else "no trunk matched, and no rule"
    return f"{matched}: it rang without end"


def _told_wrong_pin(call: LoggedCall) -> str:
    if call.typed is None:
        return f"over {MAX_LENGTH} digits were typed"
    return "no rule had the PIN" if call.typed else "# alone was pressed, and no rule is open"


def _told_error(call: LoggedCall) -> str:
    if SERVER_DOWN in call.error:
        return "livekit-server did not answer"
    heard = "hung up on" if call.has(PIN_ASKED) else "refused with 503"
    return f"{heard}: {call.error.removeprefix('twirp error ') or 'LiveKit could not evaluate the rules'}"


def _told_removed(call: LoggedCall) -> str:
    return "the room was ended" if call.leave == "ROOM_DELETED" else "the caller was removed from the room"


def _told_hangup(call: LoggedCall) -> str:
    if not call.has(HUNG_UP):
        return "max_call_duration ended it" if call.joined else "ended by livekit-sip"
    at_prompt = call.has(PIN_ASKED) and not call.joined
    return "the caller hung up at the prompt" if at_prompt else "the caller hung up"


_TOLD: Final[Mapping[str, Callable[[LoggedCall], str]]] = {
    "flood": _told_flood,
    "wrong-pin": _told_wrong_pin,
    "dispatch-error": _told_error,
    "auth-error": _told_error,
    "removed": _told_removed,
    "hangup": _told_hangup,
}


def is_failed(call: LoggedCall) -> bool:
    """Whether the caller never got into a room, or was cut off there."""
    return call.joined is None or reason_of(call) not in {"hangup", "removed", ""}


def untold(call: LoggedCall) -> list[str]:
    """What somebody may ask and the log cannot answer."""
    reason = reason_of(call)
    answers = [_UNTOLD[reason]] if reason in _UNTOLD else []
    if call.has(PIN_ASKED) and call.typed is None:
        answers.append("digits typed without #")
    return answers
