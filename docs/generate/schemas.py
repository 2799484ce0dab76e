"""The JSON Schema of each document that a command prints, and of each line of a file that others may write."""

import functools
import json
import operator
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import typing_extensions
from pydantic import Field, TypeAdapter

from sipctl.cli.tree import commands


def schemas() -> Iterator[tuple[str, str]]:
    """The name of each file, and its text."""
    for name, printed in _named("PRINTS"):
        yield f"{name}.v1.json", json.dumps(_schema(name, printed), indent=2) + "\n"
    for name, line in _named("LINES"):
        schema = TypeAdapter(_for_pydantic(line)).json_schema()
        yield f"{name}.v1.json", json.dumps({**schema, "additionalProperties": True}, indent=2) + "\n"


def _named(table: str) -> Iterator[tuple[str, Any]]:
    """The name and the type of each document, from this table of the commands' modules and of those that they share.

    `PRINTS` are documents, `LINES` are lines of files.
    """
    _ = list(commands())  # which loads them all
    for name, module in sorted(sys.modules.items()):
        if name.startswith("sipctl.cli."):
            yield from getattr(module, table, {}).items()


def _schema(name: str, printed: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict, or a list of them
    """The JSON Schema of a list (`list[Row]`), of a single thing, or of a whole document: an error, say."""
    key = "items" if typing.get_origin(printed) is list else "item"
    schema = TypeAdapter(_for_pydantic(printed)).json_schema(ref_template="#/$defs/{model}")
    keys = set(schema.get("properties", ()))
    if "schema" in keys or keys == {"error"}:
        return schema
    definitions = schema.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"sipctl/{name}/v1",
        "type": "object",
        "properties": {"schema": {"const": f"sipctl/{name}/v1"}, key: schema},
        "required": ["schema", key],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _for_pydantic(shape: Any) -> Any:  # noqa: ANN401 - any type
    """The same type with the TypedDict of typing_extensions, which pydantic asks for before Python 3.12.

    What a type is annotated with are keywords of JSON Schema.
    """
    if typing.is_typeddict(shape):
        return _typed_dict(shape, {})
    arguments, origin = typing.get_args(shape), typing.get_origin(shape)
    if origin is typing.Annotated:
        bare, keywords = arguments
        if typing.is_typeddict(bare):
            return _typed_dict(bare, keywords)
        return typing.Annotated[bare, Field(json_schema_extra=keywords)]
    if isinstance(shape, types.UnionType):
        return functools.reduce(operator.or_, map(_for_pydantic, arguments))
    if origin is typing.NotRequired:
        return typing_extensions.NotRequired[_for_pydantic(arguments[0])]
    return shape if origin in {None, typing.Literal} else origin[tuple(map(_for_pydantic, arguments))]


def _typed_dict(shape: Any, keywords: dict[str, Any]) -> Any:  # noqa: ANN401 - a TypedDict
    hints = typing.get_type_hints(shape, include_extras=True)
    same = typing_extensions.TypedDict(shape.__name__, {name: _for_pydantic(inner) for name, inner in hints.items()})
    same.__doc__ = shape.__doc__
    same.__pydantic_config__ = {"extra": "forbid", "json_schema_extra": keywords}
    return same
