"""How a logged call ended, in words, and what its lines cannot tell."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from sipctl.telephony.matching.route import Result, Stage
from sipctl.telephony.pins import MAX_LENGTH
from sipctl.telephony.siplog.calls import (
    AUTHENTICATED,
    CHALLENGED,
    CHALLENGED_OLD,
    HUNG_UP,
    NO_TRUNK_ANSWER,
    PIN_ASKED,
    REFUSED,
    LoggedCall,
)

SERVER_DOWN: Final = "no response from servers"

_PLAIN: Final = {
    "cancelled": "the caller gave up while it rang",
    "cannot-subscribe": "no one in the room published audio within ringing_timeout: 486",
    "duplicate-identity": "a second call from the same number took its place in the room",
    "no-common-codec": "no codec in common: 400",
    "no-common-crypto": "no encryption in common: 400",
    "media-timeout": "no RTP came from the caller's side",
    "no-ack": "neither ACK nor RTP came from the caller's side",
    "participant-failed": "the room could not be joined",
    "room-failed": "the connection to the room was lost",
    "room-disconnected": "the room was left for a reason that livekit-sip does not know",
    "server-shutdown": "livekit-server was stopped",
    "connection-timeout": "the connection to livekit-server timed out",
    "migration": "the room moved to another node",
    "media-failure": "its media in the room failed",
    "agent-error": "an agent in the room failed",
    "publish-failed": "its audio could not be published in the room",
    "accept-failed": "the call could not be answered",
    "media-config-error": "the media settings of its trunk could not be used",
    "unexpected-result": "livekit-server decided something that livekit-sip does not know",
    "no-dispatch": "no rule matched: 404",
    "other": "livekit-sip ended it and does not say why",
    "rpc": "hung up by an API call",
    "shutdown": "livekit-sip was stopped",
    "unauthorized": "the provider did not answer the digest challenge: 407",
    "bad-credentials": "the provider answered the digest challenge wrongly: 401",
}

_NO_FREE_PORT: Final = "failed to listen on udp port"
_NO_AUDIO: Final = "no audio in sdp"
_QUOTED: Final = re.compile(r'"[^"]*"')
"""In an error about SDP it may be a key for encrypted media, unless the error is about an address."""

_BYE: Final = re.compile(r"bye-(?P<type>.+)-(?P<cause>[0-9]+)\Z")
"""A BYE with a Reason header (RFC 3326); before 1.11 a plain one may be `bye-sip-0`, too."""

_LONG_PROMPT_S: Final = 10
"""Who listens to the prompt for so long has pressed a key, or tried to."""

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
    return "unauthorized" if _is_challenged(call) else ""


def _is_challenged(call: LoggedCall) -> bool:
    """Whether the call got no further than a digest challenge. Before 1.2 no line says that it was answered well."""
    if call.has(CHALLENGED_OLD):
        return call.asked is None and call.joining is None
    return call.has(CHALLENGED) and not call.has(AUTHENTICATED)


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


def describe_ending(call: LoggedCall) -> str:
    """How it ended, in one sentence without its subject."""
    reason = reason_of(call)
    if reason in _TOLD:
        return _TOLD[reason](call)
    if bye := _BYE.match(reason):
        return _describe_bye(call, bye["type"].upper(), int(bye["cause"]))
    return _PLAIN.get(reason) or (f"ended: {reason}" if reason else "its end is not in this log")


def _describe_flood(call: LoggedCall) -> str:
    matched = f"trunk {call.trunk_id} matched, and no rule" if call.trunk_id else "no trunk matched, and no rule"
    return f"{matched}: it rang without end"


def _describe_wrong_pin(call: LoggedCall) -> str:
    if call.typed is None:
        return f"over {MAX_LENGTH} digits were typed"
    return "no rule had the PIN" if call.typed else "# alone was pressed, and no rule is open"


def _describe_error(call: LoggedCall) -> str:
    if SERVER_DOWN in call.error:
        return "livekit-server did not answer"
    heard = "hung up on" if call.has(PIN_ASKED) else "refused with 503"
    return f"{heard}: {call.error.removeprefix('twirp error ') or 'LiveKit could not evaluate the rules'}"


def _describe_removed(call: LoggedCall) -> str:
    return "the room was ended" if call.leave == "ROOM_DELETED" else "the caller was removed from the room"


def _describe_hangup(call: LoggedCall) -> str:
    if not call.has(HUNG_UP):
        return "max_call_duration ended it" if call.joined else "ended by livekit-sip"
    return f"the caller hung up{_at_prompt(call)}"


def _describe_bye(call: LoggedCall, kind: str, cause: int) -> str:
    if not cause:
        return f"the caller hung up{_at_prompt(call)}"
    return f"the caller's side hung up with {kind} cause {cause}{_at_prompt(call)}"


def _at_prompt(call: LoggedCall) -> str:
    if not call.has(PIN_ASKED) or call.joined:
        return ""
    deaf = call.dtmf_type == 0 and call.typed is None
    return " at the prompt" + ("; no key could be heard, as its SDP has no telephone-event" if deaf else "")


def _describe_media(call: LoggedCall) -> str:
    """Why media could not start: by what the INVITE offered, else by the words of livekit-sip."""
    broken_sdp = reason_of(call) == "sdp-error"
    status = 400 if broken_sdp else 500
    if call.sdp == "" or (call.sdp is None and call.error == _NO_AUDIO):
        return f"INVITE without SDP (a delayed offer): {status}"
    if call.error == _NO_AUDIO:
        return f"its SDP offers no audio: {status}"
    if call.error == _NO_FREE_PORT:
        return f"no free RTP port: {status}"
    words = f"{'its SDP could not be used' if broken_sdp else 'media could not be started'}: {status}"
    error = call.error if "address" in call.error else _QUOTED.sub("…", call.error)
    return f"{words}: {error}" if error else words


_TOLD: Final[Mapping[str, Callable[[LoggedCall], str]]] = {
    "flood": _describe_flood,
    "wrong-pin": _describe_wrong_pin,
    "dispatch-error": _describe_error,
    "auth-error": _describe_error,
    "removed": _describe_removed,
    "hangup": _describe_hangup,
    "sdp-error": _describe_media,
    "media-failed": _describe_media,
}


def is_failed(call: LoggedCall) -> bool:
    """Whether the caller never got into a room, or was cut off there."""
    reason = reason_of(call)
    return call.joined is None or not (reason in {"hangup", "removed", "rpc", ""} or _BYE.match(reason))


def not_in_log(call: LoggedCall) -> list[str]:
    """What someone may ask and the log cannot answer."""
    reason = reason_of(call)
    answers = [_UNTOLD[reason]] if reason in _UNTOLD else []
    if call.has(PIN_ASKED) and call.typed is None:
        answers.append("digits typed without #")
    return answers


def guesses(call: LoggedCall) -> list[str]:
    """What may have happened, where the log allows more than one reading."""
    if call.asked is None or call.typed is not None or call.dtmf_packets != 0 or call.dtmf_type == 0:
        return []
    seconds = call.last - call.asked
    if seconds < _LONG_PROMPT_S:
        return []
    ways = "as sound, as SIP INFO or with another payload type"
    return [f"no key arrived in {seconds:.0f} s: none was pressed, or its side sends them {ways}"]
