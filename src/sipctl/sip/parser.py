"""From bytes to messages, in two tiers.

Only where no message can be framed the parser fails. All else that is wrong becomes a list of named faults beside the
message: a probe reports an odd answer, a server decides which faults it refuses. A message without faults turns back
into the same bytes. What a peer can make grow is limited, and time grows with the length alone.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from sipctl.sip.checks import check
from sipctl.sip.errors import MAX_FAULTS, Fault, FaultKind, FramingError, MalformedError, Unframed
from sipctl.sip.head import EXCERPT, Head, read_head, read_start_line
from sipctl.sip.headers import parse_content_length
from sipctl.sip.message import Headers, Message

MAX_HEAD: Final = 64 * 1024
"""Bytes of start line and headers; no datagram can hold more."""
MAX_BODY: Final = 64 * 1024
"""Bytes of a body."""

_LINE_ENDS = re.compile(rb"[\r\n]*+")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_SEARCHED_AGAIN: Final = 3
"""How many of the last bytes may be the start of an end that is not complete."""


class Parsed(NamedTuple):
    """A message, and what is wrong with it."""

    message: Message
    faults: tuple[Fault, ...]


def parse(data: bytes) -> Parsed:
    """Read the message of one datagram.

    Raises:
        FramingError: there is none in it.
    """
    begin = _end_of_line_ends(data)
    end = _END_OF_HEAD.search(data, begin)
    stop = end.start() if end else len(data.rstrip(b"\r\n"))
    head = _read_head(data[begin:stop])
    if begin:
        head.faults.append(Fault(FaultKind.EXTRA_OCTETS))
    _note_end(head, end[0] if end else None)
    return _finish(head, _body(head, data[end.end() if end else len(data) :]))


def _body(head: Head, rest: bytes) -> bytes:
    """What Content-Length names of the rest of a datagram; without one that can be read, all of it (18.3)."""
    length = _body_length(head.headers)
    if length is None or length == len(rest):
        return rest
    kind = FaultKind.BODY_TRUNCATED if length > len(rest) else FaultKind.EXTRA_OCTETS
    head.faults.append(Fault(kind, "Content-Length", str(length)))
    return rest[:length]


class StreamParser:
    """The messages of one connection, framed by Content-Length (RFC 3261 18.3). Line ends between them keep it alive.

    After a FramingError the connection is of no more use.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._is_sip = False
        self._pending: tuple[Head, int] | None = None

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data

    def messages(self) -> Iterator[Parsed]:
        """The messages that are complete by now.

        Raises:
            FramingError: what follows cannot be framed.
        """
        while self._has_head() and self._pending and len(self._buffer) >= self._pending[1]:
            (head, length), self._pending = self._pending, None
            yield _finish(head, self._take(length))

    def end(self) -> bool:
        """Whether the stream, which brings no more, ended within a message.

        Raises:
            FramingError: it ended within something else.
        """
        rest = bytes(self._buffer[_end_of_line_ends(self._buffer) :])
        if rest and not self._pending:
            parse(rest)
        return bool(rest or self._pending)

    def _has_head(self) -> bool:
        """Whether the next head is complete; then it is read, and the length of its body known."""
        if self._pending:
            return True
        if not self._searched:
            self._take(_end_of_line_ends(self._buffer))
        end = _END_OF_HEAD.search(self._buffer, self._searched)
        if (end.start() if end else len(self._buffer)) > MAX_HEAD:
            raise FramingError(Unframed.TOO_LARGE, "head")
        if not end:
            self._refuse_other_protocols()
            self._searched = max(0, len(self._buffer) - _SEARCHED_AGAIN)
            return False
        ending, length = bytes(end[0]), end.start()
        head = _read_head(self._take(length))
        self._take(len(ending))
        _note_end(head, ending)
        self._searched, self._is_sip = 0, False
        self._pending = head, _length_in_stream(head)
        return True

    def _refuse_other_protocols(self) -> None:
        """Do not wait for the rest of what its first line shows to be no SIP."""
        if not self._is_sip and (end := self._buffer.find(b"\n", self._searched)) >= 0:
            read_start_line(self._buffer[:end].decode("utf-8", "replace").removesuffix("\r"), [])
            self._is_sip = True

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken


def _end_of_line_ends(data: bytes | bytearray) -> int:
    """Where the line ends stop that may precede a message (7.5)."""
    found = _LINE_ENDS.match(data)
    return found.end() if found else 0


def _read_head(data: bytes) -> Head:
    if not data:
        raise FramingError(Unframed.EMPTY)
    if len(data) > MAX_HEAD:
        raise FramingError(Unframed.TOO_LARGE, "head")
    return read_head(data)


def _note_end(head: Head, end: bytes | None) -> None:
    if end is None:
        head.faults.append(Fault(FaultKind.NO_EMPTY_LINE))
    elif end != b"\r\n\r\n" and Fault(FaultKind.LINE_END) not in head.faults:
        head.faults.append(Fault(FaultKind.LINE_END))


def _length_in_stream(head: Head) -> int:
    """How long the body is; without Content-Length, which a stream must have, there is none."""
    length = _body_length(head.headers)
    if length is None and head.headers.has("Content-Length"):
        raise FramingError(Unframed.BODY_LENGTH, head.headers.first("Content-Length")[:EXCERPT])
    if length is None:
        head.faults.append(Fault(FaultKind.MISSING, "Content-Length"))
    elif length > MAX_BODY:
        raise FramingError(Unframed.TOO_LARGE, "body")
    return length or 0


def _body_length(headers: Headers) -> int | None:
    """The one length that every Content-Length names; None without one, or if they differ or cannot be read."""
    lengths = set(headers.all("Content-Length"))
    try:
        return parse_content_length(lengths.pop()) if len(lengths) == 1 else None
    except MalformedError:
        return None


def _finish(head: Head, body: bytes) -> Parsed:
    message = head.start(headers=head.headers, body=body)
    return Parsed(message, tuple(islice(chain(head.faults, check(message)), MAX_FAULTS)))
