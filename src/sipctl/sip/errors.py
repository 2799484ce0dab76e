"""What can be wrong: nothing can be framed, or something in a message is not as it should be.

- FramingError: no message can be made of these bytes; `parser` raises nothing else.
- Fault: one thing that is wrong in a framed message; a message comes with a list of them.
- MalformedError: one value does not follow its grammar; the parser turns it into a fault.
- BuildError: what we were about to send must not be sent.
"""

from enum import StrEnum
from typing import Final, NamedTuple

MAX_FAULTS: Final = 50
"""How many faults of one message are listed."""


class Unframed(StrEnum):
    """Why there is no message."""

    EMPTY = "empty"
    """Nothing, or line ends alone: a keep-alive (RFC 5626 3.5.1)."""
    NOT_SIP = "not-sip"
    TOO_LARGE = "too-large"
    BODY_LENGTH = "body-length"
    """A stream whose Content-Length does not say where the message ends (RFC 3261 18.3)."""


class FramingError(ValueError):
    """No message can be framed; on a stream all that follows is lost too, and the connection should be closed."""

    def __init__(self, reason: Unframed, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


class FaultKind(StrEnum):
    """The name of a fault. Which header it concerns is said beside it."""

    START_LINE_SPACES = "start-line-spaces"
    METHOD = "method"
    REQUEST_URI = "request-uri"
    VERSION = "version"
    STATUS_CODE = "status-code"
    LINE_END = "line-end"
    """A line feed without carriage return, which RFC 3261 7 does not allow."""
    NO_EMPTY_LINE = "no-empty-line"
    """The headers end with the datagram."""
    NOT_A_HEADER = "not-a-header"
    """A line without a colon, whose name is no token, or which continues nothing."""
    CONTROL_CHARACTER = "control-character"
    NOT_UTF8 = "not-utf-8"
    MISSING = "missing"
    REPEATED = "repeated"
    MALFORMED = "malformed"
    OUT_OF_RANGE = "out-of-range"
    CSEQ_METHOD = "cseq-method"
    NO_TAG = "no-tag"
    """From without tag: a request as RFC 2543 knew it."""
    NO_BRANCH = "no-branch"
    """The topmost Via has no branch: as RFC 2543 knew it."""
    EMPTY_BRANCH = "empty-branch"
    """The branch is the magic cookie of RFC 3261 and nothing more."""
    BODY_TRUNCATED = "body-truncated"
    EXTRA_OCTETS = "extra-octets"
    """Bytes before or after the message, which RFC 3261 18.3 and 7.5 have us ignore."""


class Fault(NamedTuple):
    """One thing that is wrong: what, in which header ("" = not in a header), and the start of the value as it came."""

    kind: FaultKind
    header: str = ""
    value: str = ""

    def __str__(self) -> str:
        where = f"{self.header} {self.kind.value}" if self.header else self.kind.value
        return f"{where}: {self.value}" if self.value else where


class MalformedError(ValueError):
    """A value does not follow the grammar of its header."""

    kind = FaultKind.MALFORMED


class OutOfRangeError(MalformedError):
    """A number is larger than its header can hold."""

    kind = FaultKind.OUT_OF_RANGE


class BuildError(ValueError):
    """A message that we wanted to send would break its own framing, or say what it must not."""
