"""Files of routing tests: TOML, YAML or JSON lines."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sipctl.config.reading import sprawl
from sipctl.errors import UsageError
from sipctl.telephony.explaining.expectation import Case, Expectation
from sipctl.telephony.matching.call_reading import call_from_json
from sipctl.telephony.matching.route import Result

_HINT: Final = "a test is {name, from, to, source_ip, pin, expect: {outcome, room, rule, trunk, must_not_reach}}"
_LINES_LIMIT: Final = 100_000
"""The most lines of TOML: some 10,000 tests."""
_EXPECTED: Final = ("outcome", "room", "rule", "trunk", "must_not_reach")


def read_cases(text: str, suffix: str, called: str | None) -> list[Case]:
    """The tests of a file: its `calls`, each with the file's `defaults` under it; of JSON lines each line is one.

    `suffix` tells the kind of file (".yaml", ".yml", ".jsonl", else TOML), `called` the number dialled where none is.

    Raises:
        UsageError: it cannot be read, holds no test, or one of them makes no sense.
    """
    rows = list(_rows(text, suffix))
    if not rows:
        raise UsageError("there is no test in the file", hint=_HINT)
    return [_case(row, number, called) for number, row in enumerate(rows, 1)]


def _rows(text: str, suffix: str) -> Iterator[object]:
    if suffix in {".yaml", ".yml"}:
        from sipctl.config.yamlfile import parse_yaml

        file = parse_yaml(Path("tests"), text)
        if file.faults:
            described = f"the tests, line {file.faults[0].line}: {file.faults[0].message}"
            raise UsageError(described, hint="many tests are read faster as TOML or JSON lines")
        yield from _with_defaults(file.root)
    elif suffix == ".jsonl" or text.lstrip().startswith("{"):
        yield from _lines(text)
    else:
        if found := sprawl(text, _LINES_LIMIT):
            raise UsageError(f"the tests, line {found.line}: {found.message}")
        try:
            yield from _with_defaults(tomllib.loads(text))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"the tests are not TOML: {error}", hint=_HINT) from None


def _lines(text: str) -> Iterator[object]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"line {number} is not JSON: {error}", hint=_HINT) from None


def _with_defaults(value: Mapping[str, Any]) -> Iterator[object]:
    calls, defaults = value.get("calls", []), value.get("defaults", {})
    if not isinstance(calls, list) or not isinstance(defaults, Mapping):
        raise UsageError("`calls` is no list, or `defaults` no table", hint=_HINT)
    yield from ({**defaults, **row} if isinstance(row, Mapping) else row for row in calls)


def _case(row: object, number: int, called: str | None) -> Case:
    if not isinstance(row, Mapping):
        raise UsageError(f"test {number} is no table", hint=_HINT)
    own = dict(row)
    expected, name = own.pop("expect", None), str(own.pop("name", "") or own.get("id") or f"test {number}")
    try:
        return Case(name=name, call=call_from_json(own, called), expected=_expectation(expected))
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.advice or _HINT) from None


def _expectation(value: object) -> Expectation:
    if not isinstance(value, Mapping) or not value:
        raise UsageError("it expects nothing")
    wrong = sorted(str(key) for key in value.keys() - set(_EXPECTED))
    if wrong:
        raise UsageError(f"{wrong[0]!r} is nothing that can be expected", hint=f"one of {', '.join(_EXPECTED)}")
    rooms = value.get("must_not_reach", [])
    texts = {key: value[key] for key in ("room", "rule", "trunk") if key in value}
    for text in (*texts.values(), *(rooms if isinstance(rooms, list) else [rooms])):
        if not isinstance(text, str):
            raise UsageError(f"{text!r} is no text", hint="write names in quotes")
    outcome = _outcome(value["outcome"]) if "outcome" in value else None
    return Expectation(outcome=outcome, must_not_reach=tuple(rooms) if isinstance(rooms, list) else (rooms,), **texts)


def _outcome(word: object) -> Result:
    if word not in set(Result):
        raise UsageError(f"{word!r} is no outcome", hint=f"one of {', '.join(Result)}")
    return Result(str(word))
