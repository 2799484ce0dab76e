"""The output formats every command shares. A view says what; these functions say how."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sipctl.errors import PartialError
from sipctl.output.csv import csv_lines
from sipctl.output.people import for_people
from sipctl.output.streams import Streams
from sipctl.output.table import tab_separated, table
from sipctl.output.text import escaped_json, printable

if TYPE_CHECKING:
    pass

T = TypeVar("T")
Record = Mapping[str, Any]

_MARK: Final = "\ufeff"
"""At the start of a line a reader of the names takes it for the mark that says UTF-8."""
COMMON_FORMATS: Final = ("table", "json", "jsonl", "name")


def encode_json(value: object) -> str:
    """JSON as it may be shown. pydantic's encoder takes a third of the time of Python's, which takes odd text, too."""
    from pydantic_core import PydanticSerializationError, to_json

    try:
        text = to_json(value).decode()
    except PydanticSerializationError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return escaped_json(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """Many things of one kind, consumed once and never held as text in whole.

    `things` is what they are called, for people who get none. `row` gives one cell a column, `record` the JSON object,
    `name` the id that scripts use. `raw` csv is for programs alone: a spreadsheet would take some of its cells for
    formulas. `repeats` are columns that may say the same as another one: people get those only where they do not.
    """

    schema: str
    items: Iterable[T]
    columns: tuple[str, ...]
    row: Callable[[T], tuple[str, ...]]
    record: Callable[[T], Record]
    name: Callable[[T], str]
    things: str
    raw: bool = False
    repeats: Mapping[str, str] = field(default_factory=dict)

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The listing as text, piece by piece. What fails before the first item leaves no text at all."""
        items = iter(self.items)
        first = list(islice(items, 1))
        items = chain(first, items)
        if style == "json":
            return _json_array(self.schema, map(self.record, items))
        if style == "jsonl":
            return (f"{encode_json(self.record(item))}\n" for item in items)
        if style == "name":
            return name_lines(map(self.name, items), streams)
        rows = map(self.row, items)
        if style == "csv":
            return csv_lines(chain((self.columns,), rows), raw=self.raw, escaped=streams.is_terminal)
        lines = table(self.columns, rows, streams, repeats=self.repeats)
        return lines if first else self._none(lines, streams)

    def _none(self, head: Iterator[str], streams: Streams) -> Iterator[str]:
        """A table without rows, which a program may read, and a word for people."""
        yield from () if streams.is_terminal else head
        streams.note(f"no {self.things}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One thing: `lines` are label and value for people, `record` is the JSON object."""

    schema: str
    lines: tuple[tuple[str, str], ...]
    record: Record
    name: str

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The thing as text."""
        if style == "json":
            yield f"{encode_json({'schema': self.schema, 'item': self.record})}\n"
        elif style == "jsonl":
            yield f"{encode_json(self.record)}\n"
        elif style == "name":
            yield from name_lines([self.name], streams)
        elif streams.is_terminal:
            width = max((len(label) for label, _ in self.lines), default=0)
            yield from for_people((f"{label:{width}}  {value}" for label, value in self.lines), streams.out)
        else:
            yield from tab_separated(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of our own, such as a script, that people get as it is; `record` is the JSON object."""

    schema: str
    text: str
    record: Record
    name: str

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The text, or the thing as other formats have it."""
        if style == "table":
            yield self.text
        else:
            yield from Detail(schema=self.schema, lines=(), record=self.record, name=self.name).render(style, streams)


def name_lines(names: Iterable[str], streams: Streams) -> Iterator[str]:
    """Names as scripts use them, one a line and each exactly as it is; what has none yet has no line.

    Raises:
        PartialError: some cannot be printed so, and were left out.
    """
    altered = []
    for name in filter(None, names):
        if printable(name) == name and not name.startswith(_MARK) and streams.can_hold(name):
            yield f"{name}\n"
        else:
            altered.append(name)
    if altered:
        more = f" and {len(altered) - 1} more" if altered[1:] else ""
        raise PartialError(
            f"left out {altered[0]!a}{more}: a line cannot hold such a name as it is",
            code="unprintable-name",
            hint="-o json holds every name",
        )


class View(Protocol):
    """Something that knows how to show itself in each format that its command has."""

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The thing as text, piece by piece."""


def _json_array(schema: str, records: Iterable[Record]) -> Iterator[str]:
    yield f'{{"schema":{encode_json(schema)},"items":['
    separator = "\n"
    for record in records:
        yield separator + encode_json(record)
        separator = ",\n"
    yield "\n]}\n"
