"""LiveKit's list answers: bounded before they are parsed, and converted within the time limit of their call."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from time import perf_counter
from typing import Final, TypeVar

M = TypeVar("M")
T = TypeVar("T")

_CHUNK: Final = 256
"""How many items are converted between two readings of the clock: some milliseconds."""
_WIRE_LENGTHS: Final = {1: 8, 5: 4}
"""Bytes of the fixed wire types of protobuf (https://protobuf.dev/programming-guides/encoding/)."""


def holds_more(message: bytes, limit: int) -> bool:
    """Whether a protobuf message has more than `limit` fields at its top, each item of a list counted.

    Two bytes make an item, and hundreds of bytes of memory: they are counted before anything is parsed. What is no
    protobuf is left to the parser.
    """
    if len(message) <= 2 * limit:
        return False
    at = count = 0
    try:
        while at < len(message) and count <= limit:
            at = _after_field(message, at)
            count += 1
    except (IndexError, KeyError):
        return False
    return count > limit


def _after_field(message: bytes, at: int) -> int:
    """Where the next field begins.

    Raises:
        IndexError, KeyError: this one is none.
    """
    tag, at = _varint(message, at)
    kind = tag & 7
    if kind == 0:
        return _varint(message, at)[1]
    if kind == 2:
        length, at = _varint(message, at)
        return at + length
    return at + _WIRE_LENGTHS[kind]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of up to ten bytes of seven bits each, and where it ends."""
    value = shift = 0
    while (byte := message[at]) & 0x80 and shift < 63:
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | byte << shift, at + 1


def converted(
    messages: Iterable[M], convert: Callable[[M], T], left_s: float, late: Callable[[], Exception]
) -> Iterator[T]:
    """Each message converted, for `left_s` seconds of work; what is done with them in between takes none of that.

    Raises:
        Exception: what `late` makes, when the time is over.
    """
    remaining = iter(messages)
    while True:
        begun = perf_counter()
        chunk = list(map(convert, islice(remaining, _CHUNK)))
        left_s -= perf_counter() - begun
        if not chunk:
            return
        if left_s < 0:
            raise late()
        yield from chunk
