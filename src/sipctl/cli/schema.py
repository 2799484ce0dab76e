"""`sipctl schema`: the JSON Schemas of what commands print. It loads every command, for each names what it prints."""

import json
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypedDict

import typer

from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.errors import NotFoundError
from sipctl.output.formats import Listing, name_lines
from sipctl.output.streams import Streams


class SchemaRow(TypedDict):
    """A document, and what it holds."""

    name: str
    about: str


PRINTS: Final = {"schemas": list[SchemaRow]}


def run(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="SCHEMA", help="The document; default: list all.")] = None,
) -> None:
    """Print the JSON Schema of what a command prints with -o json.

    Without a name, the documents are listed. Keys are never taken away or given another meaning: more may come.

    \b
    Examples:
      sipctl schema
      sipctl schema findings
    """
    session = Session.of(ctx)
    if name is None:
        known = shapes() | shapes("LINES")
        session.emit(_view(SchemaRow(name=name, about=_about(known[name])) for name in sorted(known)))
        return
    name = name.removeprefix("sipctl/").removesuffix("/v1")
    text = texts().get(name)
    if text is None:
        raise NotFoundError(f"there is no document {name!r}", hint=(CommandLine.of("schema"), " lists them"))
    session.emit(_Document(name, text()))


@dataclass(frozen=True, slots=True)
class _Document:
    """A schema is JSON in whatever format."""

    name: str
    text: str

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The schema, on one line for jsonl."""
        if style == "name":
            yield from name_lines([self.name], streams)
        else:
            yield f"{json.dumps(json.loads(self.text))}\n" if style == "jsonl" else self.text


def _view(rows: Iterable[SchemaRow]) -> Listing[SchemaRow]:
    return Listing(
        schema="sipctl/schemas/v1",
        things="schemas",
        items=rows,
        columns=("name", "about"),
        row=lambda row: (row["name"], row["about"]),
        record=lambda row: row,
        name=lambda row: row["name"],
    )


def _about(shape: Any) -> str:  # noqa: ANN401 - a TypedDict, or a list of them
    """What the document holds, from its own first line."""
    items = typing.get_args(shape)
    inner = items[0] if items else shape
    inner = typing.get_args(inner)[0] if typing.get_origin(inner) is Annotated else inner
    line = str(inner.__doc__).partition("\n")[0].rstrip(".")
    return f"a list: {line}" if items else line


def shapes(table: str = "PRINTS") -> dict[str, Any]:
    """The type of each document by its name, from this table of the commands' modules and of those that they share.

    `PRINTS` are documents, `LINES` are lines of files that others may write.
    """
    from sipctl.cli.tree import commands

    _ = list(commands())  # which loads them all
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("sipctl.cli.")]
    return {name: shape for module in modules for name, shape in getattr(module, table, {}).items()}


def texts() -> Mapping[str, Callable[[], str]]:
    """What makes the schema of each document, and of each line of a file, as a file holds it."""
    from sipctl.cli.json_schema import document_schema, line_schema

    documents = {name: partial(_text, document_schema, name, shape) for name, shape in shapes().items()}
    return documents | {name: partial(_text, line_schema, name, shape) for name, shape in shapes("LINES").items()}


def _text(make: Callable[[str, Any], dict[str, Any]], name: str, shape: Any) -> str:  # noqa: ANN401 - as above
    return json.dumps(make(name, shape), indent=2) + "\n"
