"""The calls of a log: lines gathered by their call id."""

from collections.abc import Iterable
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
"""It carries no call id and stands right before the line of its call that says `dispatch evaluation failed`."""

PIN_ASKED: Final = "Requesting Pin for SIP call"
PIN_TYPED: Final = "Checking Pin for SIP call"
JOINED: Final = "SIP participant joined room"
HUNG_UP: Final = "BYE from remote"
CHALLENGED: Final = "No Proxy header found. Sending 407 Unauthorized response with Proxy-Authenticate header"
AUTHENTICATED: Final = "SIP invite authentication successful"
REFUSED: Final = "Authentication failed"
NO_TRUNK_ANSWER: Final = "Rejecting inbound, auth check failed"
DISPATCH_FAILED: Final = "dispatch evaluation failed"
LEFT: Final = "server initiated leave"
ENDED: Final = "SIP call ended"


@dataclass(slots=True, kw_only=True)
class LoggedCall:
    """What a log tells of one call. Times are Unix seconds.

    `typed` is the PIN that the caller finished with #, never to be printed in full; None = none was. `seen` holds the
    messages, `reason` is livekit-sip's word for the end ("" = the log does not say), `leave` its word for why the
    server ended it, `error` the error that it met.
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
    joined: float | None = None
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
    return list(calls.values())


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


def _note_room(call: LoggedCall, line: LogLine) -> None:
    call.room, call.identity = line.text("room"), line.text("participant")


def _note_joined(call: LoggedCall, line: LogLine) -> None:
    call.joined = line.time


def _note_leave(call: LoggedCall, line: LogLine) -> None:
    call.leave = call.leave or line.text("reason")


def _note_reason(call: LoggedCall, line: LogLine) -> None:
    call.reason = line.text("reason")


def _note_error(call: LoggedCall, line: LogLine) -> None:
    call.error = line.text("error")


_NOTED: Final = {
    PIN_TYPED: _note_pin,
    "Joining room": _note_room,
    JOINED: _note_joined,
    LEFT: _note_leave,
    ENDED: _note_reason,
    NO_TRUNK_ANSWER: _note_error,
    "Cannot create LiveKit participant": _note_error,
    "Cannot start media": _note_error,
}
"""What single messages add to a call."""
