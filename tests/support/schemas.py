"""What sipctl prints, held against its JSON Schemas."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.v1.json").read_text())


@functools.cache
def _validator(name: str) -> Any:
    known = schema(name)
    jsonschema.Draft202012Validator.check_schema(known)
    return jsonschema.Draft202012Validator(known)


def validate(value: Any) -> None:
    """Hold a document of ours against its schema; other JSON, such as an export, has none."""
    if value.keys() == {"error"}:
        _validator("error").validate(value)
    elif str(value.get("schema", "")).startswith("sipctl/"):
        _validator(value["schema"].split("/")[1]).validate(value)
