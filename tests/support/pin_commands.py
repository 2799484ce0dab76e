"""`sipctl pin` as tests run it, and what it prints as values."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from tests.support.running import Result, run
from tests.support.schemas import validate

CANARY = "736150928364"


def pin(*words: str, env: dict[str, str] | None = None, stdin: str = "", code: int = 0) -> Result:
    ended = run("pin", *words, env=env, stdin=stdin.encode())
    assert ended.code == code, ended
    return ended


def items(result: Result) -> list[dict[str, Any]]:
    value = json.loads(result.stdout)
    validate(value)
    listed: list[dict[str, Any]] = value["items"]
    return listed


def item(result: Result) -> dict[str, Any]:
    value = json.loads(result.stdout)
    validate(value)
    shown: dict[str, Any] = value["item"]
    return shown


def pins(env: dict[str, str] | None = None) -> dict[str, str]:
    return {one["room"]: one["pin"] for one in items(pin("list", "--show-pins", "-o", "json", env=env))}


def data_file() -> Path:
    return Path(os.environ["SIPCTL_DATA_DIR"]) / "pins.db"


def undo_of(described: str) -> list[str]:
    """The words behind `sipctl` of the undo command that was printed."""
    (line,) = (line for line in described.splitlines() if line.startswith("undo"))
    return shlex.split(line.removeprefix("undo:").removeprefix("undo\t"))[1:]
