"""The calls of a log: lines gathered by their call id."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sipctl.telephony.limits import MAX_ITEMS, too_many
from sipctl.telephony.matching.call import Call
from sipctl.telephony.pins import MAX_LENGTH
from sipctl.telephony.secret import Secret
from sipctl.telephony.siplog.line import LogLine

_NO_CALL: Final = frozenset({"Inbound SIP request not handled", "BYE for non-existent call"})
"""Messages whose call id belongs to no call."""

_RULE_ERROR: Final = "SIP handle dispatch rule error"
"""It carries no call id and comes right before the line of its call that says `dispatch evaluation failed`."""

PIN_ASKED: Final = "Requesting Pin for SIP call"
PIN_TYPED: Final = "Checking Pin for SIP call"
JOINING: Final = "Joining room"
JOINED: Final = "SIP participant joined room"
HUNG_UP: Final = "BYE"
CHALLENGED: Final = "No Proxy header found. Sending 407 Unauthorized response with Proxy-Authenticate header"
CHALLENGED_OLD: Final = "Requesting inbound auth"
AUTHENTICATED: Final = "SIP invite authentication successful"
REFUSED: Final = "Authentication failed"
NO_TRUNK_ANSWER: Final = "Rejecting inbound, auth check failed"
DISPATCH_FAILED: Final = "dispatch evaluation failed"
NOT_JOINED: Final = "Cannot create LiveKit participant"
MEDIA_FAILED: Final = "Cannot start media"
LEFT: Final = "server initiated leave"
CLOSING: Final = "Closing inbound call"
ENDED: Final = "SIP call ended"

_NO_REASON: Final = frozenset({"", "UNKNOWN_REASON"})
"""What 1.8 and its neighbours write into their closing lines instead of the reason."""


@dataclass(slots=True, kw_only=True)
class LoggedCall:
    """What a log tells of one call. Times are Unix seconds.

    `typed` is the PIN that the caller finished with #, never to be printed in full; None = none was. `seen` holds the
    messages, `reason` is livekit-sip's word for the end ("" = the log does not say), `leave` its word for why the
    server ended it, `error` the error that it met.

    `sdp` is what the INVITE offered ("" = nothing), `dtmf_type` the RTP payload type of the keys (0 = the offer has
    none), `dtmf_packets` how many packets of that type came; None = the log does not say.
    """

    call_id: str
    started: float
    last: float
    sip_call_id: str = ""
    to_user: str = ""
    to_host: str = ""
    from_user: str = ""
    from_host: str = ""
    source_ip: str = ""
    transport: str = ""
    trunk_id: str = ""
    rule_id: str = ""
    room: str = ""
    identity: str = ""
    typed: Secret | None = None
    asked: float | None = None
    joining: float | None = None
    joined: float | None = None
    sdp: str | None = None
    dtmf_type: int | None = None
    dtmf_packets: int | None = None
    reason: str = ""
    leave: str = ""
    error: str = ""
    seen: set[str] = field(default_factory=set)

    @property
    def pin(self) -> str | None:
        """What the caller typed. livekit-sip does not log what it refused for its length: that much is known of it."""
        if self.typed is None:
            return "•" * (MAX_LENGTH + 1) if self.reason == "wrong-pin" else None
        return self.typed.reveal()

    @property
    def call(self) -> Call:
        """The call as the matcher takes it."""
        return Call(
            id=self.call_id,
            to_user=self.to_user,
            to_host=self.to_host,
            from_user=self.from_user,
            from_host=self.from_host,
            source_ip=self.source_ip,
            pin=self.pin,
        )

    def has(self, start: str) -> bool:
        """Whether a message that starts so was written."""
        return any(message.startswith(start) for message in self.seen)


_FIELDS: Final = {
    "sip_call_id": "sipCallID", "to_user": "toUser", "to_host": "toHost", "from_user": "fromUser",
    "from_host": "fromHost", "source_ip": "fromIP", "transport": "transport", "trunk_id": "sipTrunk",
    "rule_id": "sipRule",
}  # fmt: skip
"""What a call takes from the fields of any of its lines."""


def gather_calls(lines: Iterable[LogLine], limit: int = MAX_ITEMS) -> list[LoggedCall]:
    """The calls in the order in which they began. Lines that tell of no call, or of a new kind, are passed over.

    Raises:
        UsageError: there are more than `limit` calls.
    """
    calls: dict[str, LoggedCall] = {}
    rule_error = ""
    for line in lines:
        call_id = line.text("callID")
        if line.message == _RULE_ERROR:
            rule_error = line.text("error")
        elif call_id and line.message not in _NO_CALL and (call_id in calls or "toUser" in line.fields):
            call = calls.setdefault(call_id, LoggedCall(call_id=call_id, started=line.time, last=line.time))
            if DISPATCH_FAILED in line.message:
                call.error, rule_error = rule_error, ""
            _add(call, line)
            if len(calls) > limit:
                raise too_many(limit, "calls in the log")
    _infer_joined(calls.values())
    return list(calls.values())


def _infer_joined(calls: Collection[LoggedCall]) -> None:
    """Before 1.3 no line says that a caller joined. There, one who was on the way and met no error did."""
    if not any(call.joined for call in calls):
        for call in calls:
            call.joined = None if call.has(NOT_JOINED) else call.joining


def _add(call: LoggedCall, line: LogLine) -> None:
    call.last = line.time
    call.seen.add(line.message)
    for name, key in _FIELDS.items():
        if key in line.fields:
            setattr(call, name, line.text(key))
    if line.message in _NOTED:
        _NOTED[line.message](call, line)


def _note_pin(call: LoggedCall, line: LogLine) -> None:
    call.typed = Secret("" if line.fields.get("noPin") is True else line.text("pin"))


def _note_asked(call: LoggedCall, line: LogLine) -> None:
    call.asked = line.time


def _note_joining(call: LoggedCall, line: LogLine) -> None:
    call.joining = line.time
    _note_room(call, line)


def _note_room(call: LoggedCall, line: LogLine) -> None:
    call.room = call.room or line.text("room")
    call.identity = call.identity or line.text("participant")


def _note_joined(call: LoggedCall, line: LogLine) -> None:
    call.joined = line.time


def _note_leave(call: LoggedCall, line: LogLine) -> None:
    call.leave = call.leave or line.text("reason")


def _note_reason(call: LoggedCall, line: LogLine) -> None:
    if line.text("reason") not in _NO_REASON:
        call.reason = line.text("reason")


def _note_closing(call: LoggedCall, line: LogLine) -> None:
    _note_room(call, line)
    if not call.reason:
        _note_reason(call, line)


def _note_offer(call: LoggedCall, line: LogLine) -> None:
    if line.fields.get("contentLength") == 0:
        call.sdp = ""
    elif isinstance(line.fields.get("sdp"), str):
        call.sdp = line.text("sdp")


def _note_codecs(call: LoggedCall, line: LogLine) -> None:
    call.dtmf_type = _whole(line.fields.get("dtmf-rtp"))


def _note_statistics(call: LoggedCall, line: LogLine) -> None:
    stats = line.fields.get("stats")
    port = stats.get("port") if isinstance(stats, Mapping) else None
    call.dtmf_packets = _whole(port.get("dtmf_packets")) if isinstance(port, Mapping) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _note_error(call: LoggedCall, line: LogLine) -> None:
    call.error = line.text("error")


def _note_media_error(call: LoggedCall, line: LogLine) -> None:
    _note_error(call, line)
    _note_offer(call, line)


_NOTED: Final = {
    PIN_ASKED: _note_asked,
    PIN_TYPED: _note_pin,
    JOINING: _note_joining,
    JOINED: _note_joined,
    LEFT: _note_leave,
    CLOSING: _note_closing,
    f"{CLOSING} with error": _note_closing,
    "Inbound call closed": _note_closing,
    ENDED: _note_reason,
    "SDP offer": _note_offer,
    "no offer type specified": _note_offer,
    "using codecs": _note_codecs,
    "call statistics": _note_statistics,
    NO_TRUNK_ANSWER: _note_error,
    NOT_JOINED: _note_error,
    MEDIA_FAILED: _note_media_error,
}
"""What single messages add to a call."""
