"""Writes what is generated in this folder: a page for each finding code, their index, and the JSON Schemas.

Run `python docs/generate.py` after a change of codes or shapes; a test says when it was forgotten.
"""

import functools
import importlib
import json
import operator
import pkgutil
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typing_extensions
from pydantic import Field, TypeAdapter

import sipctl.cli
from sipctl.command_line import prose_text
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area, Code

DOCS = Path(__file__).parent

AREAS = {
    Area.CONFIGURATION: "Configuration: `sipctl config validate`, and `sipctl doctor` for the files of a profile",
    Area.API: "LiveKit's API",
    Area.TRUNKS: "Trunks",
    Area.RULES: "Dispatch rules",
    Area.PINS: "PINs: `sipctl pin audit`, and `sipctl doctor` where there is a registry",
    Area.SIP: "The SIP node",
}


def page(code: Code) -> str:
    """The page of one code."""
    fix = prose_text(code.fix)
    return (
        f"# {code.code}: {code.title}\n\n"
        f"Level: {code.level.value}. The title says how it should be; the finding says that it is not.\n\n"
        f"**Cause.** {code.cause}\n\n"
        f"**What callers hear.** {code.callers}\n\n"
        f"**Fix.** {fix[0].upper()}{fix[1:]}.\n\n"
        f"Only this check: `sipctl doctor --only {code.code}`. To live with it, put it into the profile:\n\n"
        "```toml\n"
        "[[profiles.NAME.ignore]]\n"
        f'code = "{code.code}"\n'
        'reason = "why it is all right here"\n'
        "until = 2027-01-31        # optional; an expired entry is a finding itself (CFG138)\n"
        "```\n"
    )


def index() -> str:
    """The index of all codes."""
    lines = ["# Findings", "", "Codes are stable: they are never renumbered, and the table only grows.", ""]
    for area, heading in AREAS.items():
        lines += [f"## {heading}", "", "| code | level | how it should be |", "| --- | --- | --- |"]
        lines += [
            f"| [{code.code}]({code.code}.md) | {code.level.value} | {code.title} |"
            for name, code in sorted(CODES.items())
            if name.startswith(area.value)
        ]
        lines.append("")
    return "\n".join(lines)


def printed() -> Iterator[tuple[str, Any]]:
    """The name and the type of each document that a command says it prints, in the `PRINTS` of its module."""
    for module in pkgutil.walk_packages(sipctl.cli.__path__, "sipctl.cli."):
        yield from getattr(importlib.import_module(module.name), "PRINTS", {}).items()


def printed_schema(name: str, printed: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict, or a list of them
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


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {DOCS / "findings" / f"{name}.md": page(code) for name, code in CODES.items()}
    files[DOCS / "findings" / "README.md"] = index()
    schemas = {name: printed_schema(name, row) for name, row in printed()}
    for name, schema in schemas.items():
        files[DOCS / "schemas" / f"{name}.v1.json"] = json.dumps(schema, indent=2) + "\n"
    return files


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
