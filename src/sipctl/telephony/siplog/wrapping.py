"""Lines out of what keeps them: docker's json-file, CRI files of Kubernetes, and journald's JSON."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_CRI: Final = re.compile(r"\S+ (stdout|stderr) ([FP]) (.*)\Z", re.DOTALL)
"""`TIME STREAM TAG TEXT`; the tag P marks a piece of a line (Kubernetes, kubelet-cri-logging)."""

_LIMIT: Final = 16 * 1024 * 1024
"""The most characters of one line that is put together."""


class _Piece(NamedTuple):
    stream: str
    text: str
    ends: bool


def unwrapped(lines: Iterable[str]) -> Iterator[str]:
    """The lines themselves; what a runtime cut into pieces is one line again."""
    begun: dict[str, str] = {}
    for line in lines:
        piece = _piece(line.rstrip("\r\n"))
        text = begun.pop(piece.stream, "") + piece.text
        if piece.ends or len(text) > _LIMIT:
            yield text
        else:
            begun[piece.stream] = text
    yield from begun.values()


def _piece(line: str) -> _Piece:
    if cri := _CRI.match(line):
        return _Piece(cri[1], cri[3], ends=cri[2] == "F")
    if '"log"' in line or '"MESSAGE"' in line:
        return _from_json(line) or _Piece("", line, ends=True)
    return _Piece("", line, ends=True)


def _from_json(line: str) -> _Piece | None:
    """A line of docker's json-file, where a piece is what does not end with a line feed, or of `journalctl -o json`."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    log, message = fields.get("log"), fields.get("MESSAGE")
    if isinstance(log, str):
        return _Piece(str(fields.get("stream", "")), log.rstrip("\r\n"), ends=log.endswith("\n"))
    return _Piece("", message, ends=True) if isinstance(message, str) else None
