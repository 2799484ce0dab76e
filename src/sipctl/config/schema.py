"""The keys and types of livekit's own configuration files, read off the structures of their releases.

`schemas/livekit-server.json` is livekit-server 1.13.5 (pkg/config/config.go), `schemas/livekit-sip.json` livekit-sip
1.11 (pkg/config/config.go). A mapping lists keys, a list of one is a list of that, a word is a type. The files
`*.later.json` beside them hold keys that these releases do not know: each with its type, and who knows it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

from sipctl.config.nearest import nearest
from sipctl.config.yamlfile import Keys

_DURATION: Final = re.compile(r"[-+]?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+\Z|0\Z")
_TRUTH: Final = {"y": True, "yes": True, "on": True, "n": False, "no": False, "off": False}
_SCALARS: Final = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """A key that is unknown, or a value of another type.

    `near` = what an unknown key was meant to be, `later` = which other release knows it, or ""; `expected` = the type
    in words, `instead` = the value as it should be written, or "".
    """

    keys: Keys
    unknown: bool
    near: str = ""
    later: str = ""
    expected: str = ""
    instead: str = ""


@cache
def load_schema(name: str) -> Mapping[str, Any]:
    """The schema of `livekit-server` or `livekit-sip`."""
    text = resources.files("sipctl.config").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


def dotted(keys: Keys) -> str:
    """Keys as people write them: rtc.ips.includes[0]."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def schema_faults(value: Any, name: str) -> Iterator[SchemaFault]:  # noqa: ANN401 - any YAML value
    """What is not as the schema of this name says. An empty value is the default of any type."""
    later = load_schema(f"{name}.later")
    for found in _faults(value, load_schema(name), ()):
        kind, who = later.get(dotted(found.keys), ("", "")) if found.unknown else ("", "")
        yield replace(found, later=who)
        if who:
            yield from _faults(_at(value, found.keys), kind, found.keys)


def _at(value: Any, keys: Keys) -> Any:  # noqa: ANN401 - as above
    for key in keys:
        value = value[key]
    return value


def _faults(value: Any, schema: Any, keys: Keys) -> Iterator[SchemaFault]:  # noqa: ANN401 - as above
    if value is None or schema == "any":
        return
    if isinstance(schema, Mapping):
        yield from _mapping_faults(value, schema, keys)
    elif isinstance(schema, list):
        if not isinstance(value, list):
            yield SchemaFault(keys, unknown=False, expected="a list")
            return
        for at, item in enumerate(value):
            yield from _faults(item, schema[0], (*keys, at))
    elif not _fits(value, schema):
        kind = schema.partition(":")[0]
        yield SchemaFault(keys, unknown=False, expected=_TYPE_NAMES[kind], instead=_rewritten(value, kind))


def _mapping_faults(value: Any, schema: Mapping[str, Any], keys: Keys) -> Iterator[SchemaFault]:  # noqa: ANN401 - as above
    if not isinstance(value, Mapping):
        yield SchemaFault(keys, unknown=False, expected="a mapping")
        return
    for key, inner in value.items():
        name = str(key)
        if name in schema:
            yield from _faults(inner, schema[name], (*keys, name))
        else:
            yield SchemaFault((*keys, name), unknown=True, near=nearest(name, schema))


def _rewritten(value: Any, kind: str) -> str:  # noqa: ANN401 - as above
    """A value as its type is written, where it is plain what was meant; "" where it is not."""
    text = str(value).strip().lower()
    if kind in {"int", "uint", "float"} and isinstance(value, str):
        return text if re.fullmatch(r"\d+" if kind != "float" else r"\d+(\.\d+)?", text) else ""
    if kind == "bool":
        return _BOOLEANS.get(text, "")
    if kind == "duration" and (found := re.fullmatch(r"(\d+)\s*(ns|us|ms|s|m|h|)", text)):
        return f"{found[1]}{found[2] or 's'}"
    return f"[{value}]" if kind == "list" and isinstance(value, str) else ""


_BOOLEANS: Final = {
    "true": "true", "1": "true", "yes": "true", "on": "true", "false": "false", "0": "false", "no": "false",
    "off": "false",
}  # fmt: skip
_TYPE_NAMES: Final = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number without quotes",
    "uint": "a whole number from 0 up without quotes",
    "float": "a number without quotes",
    "duration": "a duration with its unit, such as 30s",
    "list": "a list of text",
    "map": "a mapping of names to values",
}


def _fits(value: Any, kind: str) -> bool:  # noqa: ANN401 - any YAML value
    outer, _, inner = kind.partition(":")
    if outer == "list":
        return isinstance(value, list) and all(isinstance(item, _SCALARS) for item in value)
    if outer == "map":
        return isinstance(value, Mapping) and all(_fits(item, inner) for item in value.values())
    return _SCALAR_TESTS[outer](value)


def _is_number(value: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:  # noqa: ANN401 - as above
    return _is_number(value) and value == value // 1


def truth(value: Any) -> bool | None:  # noqa: ANN401 - as above
    """What Go's YAML reads as a boolean, the words of YAML 1.1 included; None for anything else."""
    if isinstance(value, bool):
        return value
    return _TRUTH.get(value.lower()) if isinstance(value, str) else None


_SCALAR_TESTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, _SCALARS),
    "bool": lambda value: truth(value) is not None,
    "int": _is_whole,
    "uint": lambda value: _is_whole(value) and value >= 0,
    "float": _is_number,
    "duration": lambda value: isinstance(value, str) and bool(_DURATION.match(value)),
}
