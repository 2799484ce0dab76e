"""What sipctl prints, held against its JSON Schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.v1.json").read_text())


def validate(value: Any) -> None:
    jsonschema.validate(value, schema(value["schema"].split("/")[1]))
