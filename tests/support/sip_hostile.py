"""What a hostile peer may send: messages broken at random, and families that grow without end."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

_TEARING: Final = (
    b"\0", b"\xff", b'"', b"\\", b"<", b">", b",", b";", b"=", b":", b"@", b"%", b"%00", b" ", b"\t", b"\r", b"\n",
    b"\r\n", b"\r\n ", b"\r\n\r\n", b"[", b"]", b"[::1]", b"9" * 30, b"-1", b"\xc3\xa9", "\u212a\u0661".encode(),
    b"SIP/2.0 ", b"Via: ", b"Content-Length: 99\r\n", b'Digest a="', b"z9hG4bK",
)  # fmt: skip
"""Pieces at which parsers have fallen."""


def mutated(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """So many inputs: messages of a corpus, each changed at one to six places; the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = chance.choice(corpus)
        for _ in range(chance.randint(1, 6)):
            data = chance.choice(_CHANGES)(data, chance, corpus)
        yield data[:70_000]


def _insert(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_TEARING) * chance.choice((1, 1, 2, 20)) + data[at:]


def _replace(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _delete(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.choice((1, 2, 10, 100)) :]


def _repeat(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    end = at + chance.choice((1, 5, 50))
    return data[:end] + data[at:end] * chance.choice((1, 3, 30)) + data[end:]


def _truncate(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _splice(data: bytes, chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    other = chance.choice(corpus)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


_CHANGES: Final[Sequence[Callable[[bytes, random.Random, Sequence[bytes]], bytes]]] = (
    _insert, _insert, _replace, _replace, _delete, _repeat, _truncate, _splice,
)  # fmt: skip

_HEAD: Final = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
)

_FAMILIES: Final[dict[str, Callable[[int], bytes]]] = {
    "header parameters": lambda n: b"Contact: <sip:a@b>" + _numbered(b";p%d=v", n),
    "URI parameters": lambda n: b"Contact: <sip:a@b" + _numbered(b";p%d=v", n) + b">",
    "URI headers": lambda n: b"Contact: <sip:a@b?" + b"&a=b" * (n // 4) + b">",
    "escapes": lambda n: b"Contact: <sip:" + b"%41" * (n // 3) + b"@b>",
    "colons": lambda n: b"Contact: <sip:" + b"a:" * (n // 2) + b"@b>",
    "dots": lambda n: b"Contact: <sip:" + b"a." * (n // 2) + b",>",
    "addresses": lambda n: b"Contact: " + b",".join([b"<sip:a@b>"] * (n // 10)),
    "commas": lambda n: b"Contact: " + b"," * n,
    "hops": lambda n: b"Via: " + b",".join([b"SIP/2.0/UDP h"] * (n // 14)),
    "quotes": lambda n: b"Contact: " + b'"' * n,
    "closed quotes": lambda n: b"Contact: " + b'""' * (n // 2) + b",",
    "quoted pairs": lambda n: b'Contact: "' + b'\\"' * (n // 2),
    "open brackets": lambda n: b"Contact: " + b"<" * n + b",",
    "words": lambda n: b"Contact: " + b"a " * (n // 2),
    "semicolons": lambda n: b"Contact: <sip:a@b>" + b";" * n,
    "spaces": lambda n: b"Contact: <sip:a@b>;a" + b" " * n + b"x",
    "folds": lambda n: b"Subject: x" + b"\r\n a" * (n // 4),
    "empty folds": lambda n: b"Subject: x" + b"\r\n " * (n // 3),
    "headers": lambda n: b"\r\n".join([b"a:b"] * (n // 5)),
    "distinct headers": lambda n: _numbered(b"x%d:b\r\n", n),
    "malformed headers": lambda n: b"\r\n".join([b"m:"] * (n // 4)),
    "lines without colon": lambda n: b"\r\n".join([b"a"] * (n // 3)),
    "line feeds": lambda n: b"\n".join([b"a:b"] * (n // 4)),
    "carriage returns": lambda n: b"Subject: " + b"\r" * n,
    "backslashes": lambda n: b"Subject: \0" + b"\\" * n,
    "zero bytes": lambda n: b"Subject: " + b"\0" * n,
    "bytes that are no UTF-8": lambda n: b"Subject: " + b"\xe9" * n,
    "digits": lambda n: b"Retry-After: " + b"9" * n,
    "zeros": lambda n: b"Retry-After: " + b"0" * n,
    "challenge parameters": lambda n: b"WWW-Authenticate: Digest " + _numbered(b"a%d=b,", n)[:-1],
    "challenges": lambda n: b"WWW-Authenticate: " + b",".join([b"Digest a=b"] * (n // 11)),
    "a challenge's quotes": lambda n: b"WWW-Authenticate: Digest " + _numbered(b'a%d="b",', n) + b"=",
    "a challenge's backslashes": lambda n: b'WWW-Authenticate: Digest a="' + b"\\" * n,
    "a challenge's spaces": lambda n: b"WWW-Authenticate: Digest a=" + b" " * n,
}

FAMILIES: Final = tuple(_FAMILIES)
"""The names of what can be repeated."""


def family(name: str, size: int) -> bytes:
    """A message of about so many bytes, almost all of them of one family."""
    return _HEAD + _FAMILIES[name](size - len(_HEAD) - 4) + b"\r\n\r\n"


def broken_challenge(length: int) -> str:
    """A challenge whose quotes could each close any of its strings, and which is broken at its end.

    A reader that tries all of them takes twice as long for every further parameter, seconds for 195 bytes.
    """
    params = [f'{chr(97 + at % 26)}{at // 26}="{at % 10}"' for at in range(length // 9 - 2)]
    return f'Digest realm="", {", ".join(params)}'.ljust(length - 1, "x") + ";"


def _numbered(piece: bytes, size: int) -> bytes:
    """A piece with a number in it, each different, as often as it fits."""
    longest = len(piece % 10_000)
    return b"".join(piece % (10_000 + at) for at in range(size // (longest + 1)))
