"""Dispatch rules out of LiveKit's JSON.

Ten thousand of them are ordinary. Where all have the shape that LiveKit prints (snake_case, nothing left out) they are
read column by column, which costs less than the parsing of their text; every other list is read with care.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import make_dataclass
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from sipctl.errors import UsageError
from sipctl.telephony.json_fields import default_fields, read_fields
from sipctl.telephony.livekit_json import RULE_TYPE_FIELDS
from sipctl.telephony.model import DispatchRule

_MODEL: Final = default_fields(DispatchRule)
_ONEOF: Final = ("kind", "room_name", "pin", "randomized")
"""What the model makes of LiveKit's one field `rule`."""

_FIELDS: Final = {name: default for name, default in _MODEL.items() if name not in _ONEOF} | {"rule": None}
_TYPES: Final = {kind.value: (kind, *fields) for kind, fields in RULE_TYPE_FIELDS.items()}
"""LiveKit's name of each type: ours, what it calls its room, and its switch for a random part of the room's name."""

_JSON_TYPES: Final[Mapping[type[Any], frozenset[type[Any]]]] = {
    str: frozenset({str}),
    bool: frozenset({bool}),
    tuple: frozenset({list}),
    dict: frozenset({dict}),
    NoneType: frozenset({NoneType, dict, str}),
}
"""What a field with a default of this type is in JSON."""

_values: Final = itemgetter(*_FIELDS)
_Draft: Final[Any] = make_dataclass("_Draft", [(name, object) for name in _MODEL], slots=True)
"""A rule before it is frozen: the same slots, but setting nineteen of them is not nineteen calls."""


def read_rules(items: Sequence[Any], unknown: set[str]) -> tuple[DispatchRule, ...]:
    """The rules of a list; the names of fields that this version does not know are added to `unknown`.

    Raises:
        UsageError: one of them is no dispatch rule.
    """
    try:
        rules = _columns(items) if items else ()
    except (AttributeError, KeyError, TypeError, ValueError):
        return tuple(_careful(item, at, unknown) for at, item in enumerate(items, 1))
    unknown.update(*(item.keys() - _FIELDS.keys() for item in items if len(item) > len(_FIELDS)))
    return rules


def _columns(items: Iterable[Any]) -> tuple[DispatchRule, ...]:
    """The rules, if all have the shape that LiveKit prints; else any of the errors that Python has for it."""
    columns: dict[str, Any] = dict(zip(_FIELDS, zip(*map(_values, items), strict=True), strict=True))
    for name, column in columns.items():
        kind = type(_FIELDS[name])
        if kind is str:
            "".join(column)  # of texts alone
        elif not (kind is NoneType and column.count(None) == len(column)):
            _check_types(kind, column)
        if kind is tuple:
            columns[name] = tuple(map(tuple, column))
            "".join(chain.from_iterable(column))
    "".join(chain.from_iterable(map(dict.values, columns["attributes"])))
    types = zip(*map(_type, columns.pop("rule")), strict=True)
    columns.update(zip(_ONEOF, types, strict=True))
    "".join(chain(columns["room_name"], columns["pin"]))
    rules = tuple(map(_Draft, *(columns[name] for name in _MODEL)))
    for rule in rules:
        rule.__class__ = DispatchRule
    return rules


def _check_types(kind: type[Any], column: Iterable[object]) -> None:
    if not _JSON_TYPES[kind].issuperset(map(type, column)):
        raise TypeError


def _type(oneof: Any) -> tuple[object, str, str, bool]:  # noqa: ANN401 - any JSON value
    ((name, inner),) = oneof.items()
    kind, room, switch = _TYPES[name]
    return kind, inner[room], inner["pin"], switch is not None and inner[switch] is (switch == "randomize")


def _careful(item: Any, position: int, unknown: set[str]) -> DispatchRule:  # noqa: ANN401 - any JSON value
    what = f"rule {position} of the snapshot"
    given = read_fields(item, _FIELDS, what, unknown)
    return DispatchRule(**_oneof(given.pop("rule"), what, unknown), **given)


def _oneof(value: Any, what: str, unknown: set[str]) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The type of a rule: none, or one of those that this version knows."""
    types = {name: inner for name, inner in (value or {}).items() if inner is not None}
    if not types:
        return {"kind": None}
    new: set[str] = set()
    read = read_fields(types, dict.fromkeys(_TYPES), f"rule of {what}", new)
    given = {name: inner for name, inner in read.items() if inner is not None}
    if new or len(given) != 1:
        raise UsageError(
            f"the type of {what} is {' and '.join(sorted(types))}", hint=f"LiveKit has one of {', '.join(_TYPES)}"
        )
    ((name, inner),) = given.items()
    kind, room, switch = _TYPES[name]
    known = {room: "", "pin": ""} | ({switch: False} if switch else {})
    own = read_fields(inner, known, f"{name} of {what}", unknown)
    randomized = switch is not None and own[switch] is (switch == "randomize")
    return {"kind": kind, "room_name": own[room], "pin": own["pin"], "randomized": randomized}
