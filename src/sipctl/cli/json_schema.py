"""The JSON Schema of a type, written by pydantic."""

import functools
import operator
import types
import typing
from typing import Annotated, Any

import typing_extensions
from pydantic import Field, TypeAdapter


def document_schema(name: str, printed: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict, or a list of them
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


def line_schema(_name: str, line: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict
    """The JSON Schema of a line of a file that others may write, with keys of their own."""
    return {**TypeAdapter(_for_pydantic(line)).json_schema(), "additionalProperties": True}


def _for_pydantic(shape: Any) -> Any:  # noqa: ANN401 - any type
    """The same type with the TypedDict of typing_extensions, which pydantic asks for before Python 3.12.

    What a type is annotated with are keywords of JSON Schema.
    """
    if typing.is_typeddict(shape):
        return _typed_dict(shape, {})
    arguments, origin = typing.get_args(shape), typing.get_origin(shape)
    if origin is Annotated:
        bare, keywords = arguments
        if typing.is_typeddict(bare):
            return _typed_dict(bare, keywords)
        return Annotated[bare, Field(json_schema_extra=keywords)]
    if isinstance(shape, types.UnionType):
        return functools.reduce(operator.or_, map(_for_pydantic, arguments))
    if origin is typing.NotRequired:
        return typing_extensions.NotRequired[_for_pydantic(arguments[0])]
    return shape if origin in {None, typing.Literal} else origin[tuple(map(_for_pydantic, arguments))]


def _typed_dict(shape: Any, keywords: dict[str, Any]) -> Any:  # noqa: ANN401 - a TypedDict
    hints = typing.get_type_hints(shape, include_extras=True)
    make: Any = typing_extensions.TypedDict
    same = make(shape.__name__, {name: _for_pydantic(inner) for name, inner in hints.items()})
    same.__doc__ = shape.__doc__
    same.__pydantic_config__ = {"extra": "forbid", "json_schema_extra": keywords}
    return same
