"""LiveKit's JSON into our model, by pydantic's parser: ten thousand rules are ordinary.

What LiveKit prints goes straight from the text into the model, and so does what a newer one prints, without the fields
that this version does not know. What else protojson takes (names in camelCase, nulls, numbers of enums) is brought into
that form first, and read again.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache, lru_cache, reduce
from itertools import count
from operator import getitem
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, cast

from sipctl.errors import UsageError
from sipctl.telephony.livekit_json import RULE_TYPE_FIELDS
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Room, RuleKind
from sipctl.telephony.secret import Secret

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, SchemaValidator

Schema = dict[str, Any]
"""One of pydantic_core's core schemas."""

_CAPITAL: Final = re.compile("[A-Z]")
_HINT: Final = "write it as LiveKit's own lists print it"
_ENUM: Final = "SIP_"
"""How the names of LiveKit's enums begin; protojson also takes their numbers."""

_TYPES: Final = {kind.value: (kind, *names) for kind, names in RULE_TYPE_FIELDS.items()}
"""LiveKit's name of each type: ours, what it calls its room, and its switch for a random part of the room's name."""

_TYPE_FIELDS: Final[Mapping[str, Schema]] = {
    name: {room: "", "pin": ""} | ({switch: False} if switch else {}) for name, (_, room, switch) in _TYPES.items()
}


def _one_of(*choices: Schema) -> Schema:
    return {"type": "union", "choices": list(choices), "mode": "left_to_right"}


def _call(function: Callable[[Any], object], schema: Schema | None = None) -> Schema:
    """What a function makes of a value: of any, or of one that the schema took."""
    called = {"type": "no-info", "function": function}
    if schema is None:
        return {"type": "function-plain", "function": called}
    return {"type": "function-after", "function": called, "schema": schema}


_TEXT: Final[Schema] = {"type": "str", "strict": True, "max_length": sys.maxsize}
"""Any limit makes pydantic check a text that Python has parsed: half of a pair of JSON's escapes is no text."""

_OBJECT: Final[Schema] = {"type": "dict", "strict": True}
_NUMBER: Final[Schema] = {"type": "int", "strict": True}
_KINDS: Final[Mapping[type[Any], tuple[str, Schema]]] = {
    str: ("a text", _TEXT),
    bool: ("true or false", {"type": "bool", "strict": True}),
    int: ("a whole number", _one_of(_NUMBER, {"type": "chain", "steps": [_TEXT, {"type": "int"}]})),
    tuple: ("a list of texts", {"type": "tuple", "items_schema": [_one_of(_TEXT, _OBJECT)], "variadic_item_index": 0}),
    dict: ("an object of texts", {**_OBJECT, "keys_schema": _TEXT, "values_schema": _TEXT}),
    Secret: ("a text", _call(Secret, _TEXT)),
    NoneType: ("a text or an object", {"type": "nullable", "schema": _one_of(_TEXT, _OBJECT)}),
}
"""What a field with a default of this type is in JSON. 64-bit integers are text in protojson; a room's codecs are
objects; a time is a text, an inner message that is only carried an object."""


def _kind(oneof: Any) -> RuleKind | None:  # noqa: ANN401 - any JSON value
    """The type of a rule, if it is printed as LiveKit prints it."""
    if oneof is None or oneof == {}:
        return None
    if isinstance(oneof, dict) and len(oneof) == 1 and oneof.keys() <= _TYPES.keys():
        ((name, inner),) = oneof.items()
        kind, _, switch = _TYPES[name]
        known = _TYPE_FIELDS[name].keys()
        if isinstance(inner, dict) and inner.keys() <= known and (not switch or type(inner.get(switch)) is bool):
            return kind
    raise ValueError


def _randomized(inner: Mapping[str, Any]) -> bool:
    """Whether the room of an individual or callee rule gets a random part."""
    return bool(inner["randomize"] if "randomize" in inner else not inner.get("no_randomness"))


def _or_else(default: object, schema: Schema) -> Schema:
    if default == {}:
        return {"type": "default", "schema": schema, "default_factory": dict}
    return {"type": "default", "schema": schema, "default": default}


_ONEOF: Final[Mapping[str, Schema]] = {
    "kind": {"validation_alias": "rule", "schema": _or_else(None, _call(_kind))},
    "room_name": {
        "validation_alias": [["rule", name, room] for name, (_, room, _) in _TYPES.items()],
        "schema": _or_else("", _TEXT),
    },
    "pin": {"validation_alias": [["rule", name, "pin"] for name in _TYPES], "schema": _or_else("", _TEXT)},
    "randomized": {
        "validation_alias": [["rule", name] for name, (_, _, switch) in _TYPES.items() if switch],
        "schema": _or_else(False, _call(_randomized)),
    },
}
"""Where LiveKit's one field `rule` holds four of the model's."""


@dataclass(frozen=True, eq=False)
class Shape:
    """The JSON of one kind of object: its model, and its fields with their defaults, which tell what each one is."""

    what: str
    model: type[Any]
    known: Mapping[str, object]


def _defaults(model: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    return {one.name: one.default if one.default_factory is MISSING else {} for one in fields(model)}


_RULE_DEFAULTS: Final = _defaults(DispatchRule)

RULE: Final = Shape(
    "rule", DispatchRule, {"rule": None} | {n: _RULE_DEFAULTS[n] for n in _RULE_DEFAULTS if n not in _ONEOF}
)
INBOUND: Final = Shape("trunk", InboundTrunk, _defaults(InboundTrunk))
OUTBOUND: Final = Shape("trunk", OutboundTrunk, _defaults(OutboundTrunk))
ROOM: Final = Shape("room", Room, _defaults(Room))


def _field(name: str, default: object) -> Schema:
    schema = _ONEOF.get(name) or {"schema": _or_else(default, _KINDS[type(default)][1])}
    return {"type": "dataclass-field", "name": name, "kw_only": True, **schema}


def _objects(shape: Shape, extra: str = "forbid") -> Schema:
    """A list of objects, up to the first that has another form; what becomes of fields that are `extra`."""
    defaults = _defaults(shape.model)
    own = [_field(name, default) for name, default in defaults.items()]
    known = {"type": "dataclass-args", "dataclass_name": shape.what, "fields": own, "extra_behavior": extra}
    item = {"type": "dataclass", "cls": shape.model, "schema": known, "fields": list(defaults), "slots": True}
    return {"type": "list", "items_schema": item, "fail_fast": True}


def _document() -> Schema:
    """A snapshot or the answer of a list method, of which only the rules are read."""
    lists = {"type": "typed-dict-field", "schema": _one_of(_objects(RULE), {"type": "any"}), "required": False}
    return {"type": "typed-dict", "fields": {"rules": lists, "items": lists}, "extra_behavior": "allow"}


@cache
def _validator(shape: Shape | None, extra: str = "forbid") -> "SchemaValidator":
    from pydantic_core import SchemaValidator  # noqa: PLC0415 - for those who read JSON

    return SchemaValidator(cast("CoreSchema", _objects(shape, extra) if shape else _document()))


def read_document(text: str) -> object:
    """What a document says, its rules in the model already if all have the form that LiveKit prints.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is too deep.
    """
    try:
        return _validator(None).validate_json(text)
    except ValueError:
        return json.loads(text)


def read_objects(items: Sequence[Any], shape: Shape, unknown: set[str]) -> tuple[Any, ...]:
    """The objects of a list in the model; the names of fields that this version does not know are added to `unknown`.

    Raises:
        UsageError: one of them is no such object, or holds what LiveKit would never put there.
    """
    new = _new_fields(items, shape)
    try:
        read = tuple(_validator(shape, "ignore" if new else "forbid").validate_python(items))
    except ValueError:
        places = (f"{shape.what} {at} of the snapshot" for at in count(1))
        return tuple(_careful(item, shape, what, unknown) for item, what in zip(items, places, strict=False))
    unknown |= new
    return read


def _new_fields(items: Sequence[Any], shape: Shape) -> set[str]:
    """The fields that only a newer LiveKit has; none if one may be a field of today in camelCase."""
    if not all(type(item) is dict for item in items):
        return set()
    names = set(map(_snake_case, set[str]().union(*items) - shape.known.keys()))
    return names if names.isdisjoint(shape.known) else set()


def rule_from_json(value: Mapping[str, Any]) -> DispatchRule:
    """The dispatch rule that `rule_to_json` wrote.

    Raises:
        ValueError: it is another's.
    """
    (rule,) = _validator(RULE).validate_python([value])
    return cast("DispatchRule", rule)


def _careful(item: Any, shape: Shape, what: str, unknown: set[str]) -> Any:  # noqa: ANN401 - JSON in, a model out
    if isinstance(item, shape.model):
        return item
    given = _normal(item, shape.known, what, unknown)
    if "rule" in given:
        given["rule"] = _normal_type(given["rule"], what, unknown)
    try:
        (read,) = _validator(shape).validate_python([given])
    except ValueError as error:
        raise _refusal(error, given, shape, what) from None
    return read


def _normal(value: object, known: Mapping[str, object], what: str, unknown: set[str]) -> dict[str, Any]:
    """The known fields of an object as LiveKit prints them, without those that are null."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{what} is no object but {_described(value)}", hint=_HINT)
    given = {_snake_case(str(name)): inner for name, inner in value.items()}
    unknown.update(given.keys() - known.keys())
    return {
        name: str(inner) if type(inner) is int and str(known[name]).startswith(_ENUM) else inner
        for name, inner in given.items()
        if inner is not None and name in known
    }


@lru_cache(1000)
def _snake_case(name: str) -> str:
    return _CAPITAL.sub(lambda match: f"_{match.group().lower()}", name)


def _normal_type(value: Any, what: str, unknown: set[str]) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The type of a rule: none, or one of those that this version knows."""
    new: set[str] = set()
    given = _normal(value, dict.fromkeys(_TYPES), f"rule of {what}", new)
    names = sorted(name for name, inner in value.items() if inner is not None)
    if not names:
        return {}
    if len(given) != 1 or len(names) != 1:
        raise UsageError(f"the type of {what} is {' and '.join(names)}", hint=f"LiveKit has one of {', '.join(_TYPES)}")
    ((name, inner),) = given.items()
    own = _TYPE_FIELDS[name] | _normal(inner, _TYPE_FIELDS[name], f"{name} of {what}", unknown)
    for switch in own.keys() & {"randomize", "no_randomness"}:
        if type(own[switch]) is not bool:
            where = f"{switch} of {name} of {what}"
            raise UsageError(f"{where} is {_described(own[switch])}, not true or false", hint=_HINT)
    return {name: own}


def _refusal(error: Any, given: Any, shape: Shape, what: str) -> UsageError:  # noqa: ANN401 - pydantic's error, any JSON value
    """What is wrong with the first wrong field of an object."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    _, field, *inner = fault["loc"]
    path = inner[:2] if field == "rule" else [field]
    where = " of ".join([*reversed(path), what])
    if fault["type"] == "string_unicode":
        return UsageError(f"{where} holds half a character, which is no Unicode", hint=_HINT)
    value = reduce(getitem, path, given["rule"] if field == "rule" else given)
    expected = "a text" if field == "rule" else _KINDS[type(shape.known[field])][0]
    return UsageError(f"{where} is {_described(value)}, not {expected}", hint=_HINT)


def _described(value: object) -> str:
    """What a JSON value is, not what it says: it may be a PIN or a password."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", NoneType: "null"}
    return names.get(type(value), "a number")
