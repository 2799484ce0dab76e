"""The start line and the header lines of a message, as they come, read into a draft of it (RFC 3261 7)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sipctl.sip.errors import MAX_FAULTS, Fault, FaultKind, FramingError, Unframed
from sipctl.sip.grammar import WSP, is_token, parse_number
from sipctl.sip.message import Header, Headers, Request, Response

EXCERPT: Final = 60
"""Characters of a faulty value that its fault shows."""

Start = partial[Request] | partial[Response]
"""A message of which the start line is known."""

_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_QUOTED_PAIR = re.compile(r"\\[\x00-\x09\x0b\x0c\x0e-\x7f]")


@dataclass(frozen=True, slots=True)
class Head:
    """All of a message but its body; `faults` concern the lines as such."""

    start: Start
    headers: Headers
    faults: list[Fault] = field(default_factory=list)


def read_head(data: bytes) -> Head:
    """Read everything before the empty line, the last line without its end.

    Raises:
        FramingError: the first line is no start line of SIP.
    """
    faults: list[Fault] = []
    first, *lines = _lines(data, faults)
    start = read_start_line(first, faults)
    return Head(start, Headers(tuple(_headers(lines, faults))), faults)


def _lines(data: bytes, faults: list[Fault]) -> list[str]:
    """The lines without their ends."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        faults.append(Fault(FaultKind.NOT_UTF8))
        text = data.decode("utf-8", "surrogateescape")
    if _CONTROL.search(text) and _CONTROL.search(_QUOTED_PAIR.sub("", text)):
        faults.append(Fault(FaultKind.CONTROL_CHARACTER))
    lines = text.split("\r\n")
    if text.count("\n") == len(lines) - 1:
        return lines
    faults.append(Fault(FaultKind.LINE_END))
    return [line.removesuffix("\r") for line in text.split("\n")]


def read_start_line(line: str, faults: list[Fault]) -> Start:
    """Read a Request-Line or a Status-Line.

    Raises:
        FramingError: it is neither.
    """
    start = _read_status_line(line, faults) if line[:4].upper() == "SIP/" else _read_request_line(line, faults)
    if not start:
        raise FramingError(Unframed.NOT_SIP, line[:EXCERPT])
    return start


def _read_status_line(line: str, faults: list[Fault]) -> Start | None:
    version, _, rest = line.partition(" ")
    code, space, reason = rest.partition(" ")
    if not _VERSION.fullmatch(version) or not (code.isascii() and code.isdigit()):
        return None
    if not space:
        faults.append(Fault(FaultKind.START_LINE_SPACES))
    if len(code) != 3 or not "100" <= code < "700":
        faults.append(Fault(FaultKind.STATUS_CODE, "", code[:EXCERPT]))
        code = "0"
    return partial(Response, parse_number(code, below=700), reason, version=version)


def _read_request_line(line: str, faults: list[Fault]) -> Start | None:
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rstrip(WSP).rpartition(" ")
    if not _VERSION.fullmatch(version) or not method:
        return None
    if uri != uri.strip(WSP) or rest != rest.rstrip(WSP):
        faults.append(Fault(FaultKind.START_LINE_SPACES))
    return partial(Request, method, uri.strip(WSP), version=version)


def _headers(lines: list[str], faults: list[Fault]) -> Iterator[Header]:
    """The headers, each with the lines that continue it (7.3.1)."""
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end].startswith((" ", "\t")):
            end += 1
        header = _read_header(lines[at:end])
        if not header.name and len(faults) < MAX_FAULTS:
            faults.append(Fault(FaultKind.NOT_A_HEADER, "", header.source[:EXCERPT]))
        yield header
        at = end


def _read_header(lines: list[str]) -> Header:
    name, colon, value = lines[0].partition(":")
    value = value.strip(WSP) if len(lines) == 1 else _unfolded([value, *lines[1:]])
    name = name.rstrip(WSP)
    source = "\r\n".join(lines)
    if not colon or not is_token(name):
        return Header("", "", source)
    return Header(name, value, "" if source == f"{name}: {value}" else source)


def _unfolded(parts: list[str]) -> str:
    """A fold is one space, and so is all the white space around it (7.3.1)."""
    return " ".join(filter(None, (part.strip(WSP) for part in parts)))
