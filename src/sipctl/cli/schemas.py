"""The shapes of what sipctl prints as JSON; `docs/generate.py` writes their JSON Schemas."""

from typing import Any, Final

from pydantic import BaseModel

from sipctl.cli.shape import Shape


class CodeRow(Shape):
    """What a code means."""

    code: str
    level: str
    title: str
    cause: str
    callers: str
    fix: str


class ErrorBody(Shape):
    """Why a command failed."""

    code: str
    message: str
    hint: str
    exit_code: int


class ErrorShape(Shape):
    """What stderr holds when a command with `-o json` fails."""

    error: ErrorBody


LISTINGS: Final[dict[str, type[BaseModel]]] = {
    "codes": CodeRow,
}
"""What each list holds: `{"schema": "sipctl/NAME/v1", "items": [...]}`."""

DETAILS: Final[dict[str, type[BaseModel]]] = {}
"""What each single thing is: `{"schema": "sipctl/NAME/v1", "item": {...}}`."""

DOCUMENTS: Final[dict[str, type[BaseModel]]] = {"error": ErrorShape}
"""What is neither a list nor a single thing."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """Every JSON Schema by its name."""
    schemas = {name: _wrapped(name, "items", shape) for name, shape in LISTINGS.items()}
    schemas |= {name: _wrapped(name, "item", shape) for name, shape in DETAILS.items()}
    return schemas | {name: shape.model_json_schema() for name, shape in DOCUMENTS.items()}


def _wrapped(name: str, key: str, shape: type[BaseModel]) -> dict[str, Any]:
    inner = shape.model_json_schema(ref_template="#/$defs/{model}")
    definitions = inner.pop("$defs", {})
    value = {"type": "array", "items": inner} if key == "items" else inner
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"sipctl/{name}/v1",
        "type": "object",
        "properties": {"schema": {"const": f"sipctl/{name}/v1"}, key: value},
        "required": ["schema", key],
        "additionalProperties": False,
        "$defs": definitions,
    }
