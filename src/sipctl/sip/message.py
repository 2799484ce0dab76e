"""Requests and responses (RFC 3261 7): what the parser reads, what we build, and how both become bytes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple, Self, TypeVar

from sipctl.sip.errors import BuildError, MalformedError
from sipctl.sip.grammar import is_token
from sipctl.sip.headers import CSeq, NameAddr, Via, field_key, parse_cseq, parse_name_addr, parse_tokens, parse_vias

T = TypeVar("T")

VERSION: Final = "SIP/2.0"
_BREAKING: Final = frozenset("\r\n\0")


class Header(NamedTuple):
    """One header as it was written.

    `value` is unfolded and without the white space around it. `source` is the whole text where that is not just
    "name: value": folds, other spaces, or a line that is no header at all ("" for `name`).
    """

    name: str
    value: str
    source: str = ""

    @property
    def text(self) -> str:
        """The header on the wire, without its last line end."""
        return self.source or f"{self.name}: {self.value}"


@dataclass(frozen=True, slots=True)
class Headers:
    """All headers of a message in their order, found by any spelling of their name."""

    fields: tuple[Header, ...] = ()
    _values: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value, _ in self.fields:
            self._values.setdefault(field_key(name), []).append(value)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Headers that we send.

        Raises:
            BuildError: a name is no token, or a value would end its line.
        """
        fields = tuple(Header(name, value) for name, value in pairs)
        for name, value, _ in fields:
            if not is_token(name) or _BREAKING.intersection(value):
                raise BuildError(f"no header to send: {name!r}")
        return cls(fields)

    def __iter__(self) -> Iterator[Header]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __add__(self, more: "Headers") -> "Headers":
        return Headers((*self.fields, *more))

    def all(self, name: str) -> list[str]:
        """The values of every header of this name."""
        return self._values.get(field_key(name), [])

    def first(self, name: str) -> str:
        """The value of the first header of this name, "" without one."""
        return next(iter(self.all(name)), "")

    def has(self, name: str) -> bool:
        """Whether there is one, even an empty one."""
        return field_key(name) in self._values

    def names(self) -> Iterable[str]:
        """The names, full and in lower case, each once."""
        return self._values.keys()


@dataclass(frozen=True)
class Message:
    """What requests and responses share. What a header says is None where the header is missing or malformed."""

    version: str = field(default=VERSION, kw_only=True)
    headers: Headers = field(default_factory=Headers, kw_only=True)
    body: bytes = field(default=b"", kw_only=True)

    @property
    def start_line(self) -> str:
        """The first line."""
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        lines = [self.start_line, *(header.text for header in self.headers), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    @cached_property
    def vias(self) -> list[Via]:
        """All hops, the topmost first; those of malformed headers are left out."""
        return [via for vias in self.read("Via", parse_vias) for via in vias]

    @property
    def via(self) -> Via | None:
        """The topmost hop."""
        return next(iter(self.vias), None)

    @cached_property
    def cseq(self) -> CSeq | None:
        """The CSeq."""
        return next(self.read("CSeq", parse_cseq), None)

    @cached_property
    def from_(self) -> NameAddr | None:
        """Who asks."""
        return next(self.read("From", parse_name_addr), None)

    @cached_property
    def to(self) -> NameAddr | None:
        """Who is asked."""
        return next(self.read("To", parse_name_addr), None)

    @property
    def call_id(self) -> str:
        """The Call-ID, "" without one."""
        return self.headers.first("Call-ID")

    def tokens(self, name: str) -> list[str]:
        """What the headers of this name list: Allow, Supported, Require, Unsupported."""
        return [token for tokens in self.read(name, parse_tokens) for token in tokens]

    def read(self, name: str, parse: Callable[[str], T]) -> Iterator[T]:
        """What each header of this name says; malformed ones are passed over, since the parser has named them."""
        for value in self.headers.all(name):
            with suppress(MalformedError):
                yield parse(value)

    def adding(self, pairs: Iterable[tuple[str, str]]) -> Self:
        """The same message with further headers at its end.

        Raises:
            BuildError: as `Headers.of`.
        """
        return replace(self, headers=self.headers + Headers.of(pairs))


@dataclass(frozen=True)
class Request(Message):
    """A request; `uri` is the Request-URI as written."""

    method: str
    uri: str

    @property
    def start_line(self) -> str:
        """The Request-Line (7.1)."""
        return f"{self.method} {self.uri} {self.version}"


@dataclass(frozen=True)
class Response(Message):
    """A response. `code` is 100 to 699, and 0 if the peer wrote something else."""

    code: int
    reason: str = ""

    @property
    def start_line(self) -> str:
        """The Status-Line (7.2); the space is sent even without a reason."""
        return f"{self.version} {self.code:03} {self.reason}"

    @property
    def is_final(self) -> bool:
        """Whether no further response follows (7.2)."""
        return self.code >= 200


def build_request(method: str, uri: str, pairs: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """A request to send; Content-Length is added.

    Raises:
        BuildError: method or URI would break the first line, or as `Headers.of`.
    """
    if not is_token(method) or not uri or any(character <= " " for character in uri):
        raise BuildError(f"no request to send: {method!r} {uri!r}")
    return Request(method, uri, headers=Headers.of([*pairs, ("Content-Length", str(len(body)))]), body=body)


def build_response(
    request: Request, code: int, reason: str, pairs: Iterable[tuple[str, str]] = (), *, to_tag: str = ""
) -> Response:
    """A response to a request: Via, From, To, Call-ID and CSeq are its own (8.2.6.2), and Content-Length is added.

    `to_tag` is given to a To that has none.

    Raises:
        BuildError: the reason would break the first line, or as `Headers.of`.
    """
    if _BREAKING.intersection(reason):
        raise BuildError(f"no reason to send: {reason!r}")
    copied = [
        (header.name, _tagged(header.value, request, to_tag) if field_key(header.name) == "to" else header.value)
        for header in request.headers
        if field_key(header.name) in {"via", "from", "to", "call-id", "cseq"}
    ]
    return Response(code, reason, headers=Headers.of([*copied, *pairs, ("Content-Length", "0")]))


def _tagged(to: str, request: Request, tag: str) -> str:
    return f"{to};tag={tag}" if tag and request.to and not request.to.tag else to
