"""Objects of LiveKit's JSON, field by field: names in either spelling, defaults for what is left out, clear faults."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType
from typing import Any, Final

from sipctl.errors import UsageError
from sipctl.telephony.secret import Secret
from sipctl.telephony.text import is_unicode

Fields = Mapping[str, object]

_CAPITAL: Final = re.compile("[A-Z]")
_HINT: Final = "write it as LiveKit's own lists print it"
_ENUM: Final = "SIP_"
"""How the names of LiveKit's enums begin; protojson also takes their numbers."""


def default_fields(model: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    """The fields of a dataclass with their defaults, which tell what their JSON must be."""
    return {field.name: _default(field) for field in fields(model)}


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def read_fields(value: object, known: Fields, what: str, unknown: set[str]) -> dict[str, Any]:
    """The values of an object's known fields; the names of all others are added to `unknown`.

    Raises:
        UsageError: it is no object, or a field holds what LiveKit would never put there.
    """
    if not isinstance(value, Mapping):
        raise UsageError(f"{what} is no object but {_told(value)}", hint=_HINT)
    given = {_snake_case(str(name)): inner for name, inner in value.items()}
    unknown.update(given.keys() - known.keys())
    return {
        name: default if given.get(name) is None else _checked(given[name], default, f"{name} of {what}")
        for name, default in known.items()
    }


def _snake_case(name: str) -> str:
    return _CAPITAL.sub(lambda match: f"_{match.group().lower()}", name)


def _checked(value: object, default: object, where: str) -> object:
    expected, accept = _KINDS[type(default)]
    try:
        read = accept(value, default)
    except UnicodeError:
        raise UsageError(f"{where} holds half a character, which is no Unicode", hint=_HINT) from None
    except (TypeError, ValueError):
        raise UsageError(f"{where} is {_told(value)}, not {expected}", hint=_HINT) from None
    return read


def _told(value: object) -> str:
    """What a JSON value is, not what it says: it may be a PIN or a password."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", NoneType: "null"}
    return names.get(type(value), "a number")


def _text(value: object, default: object) -> str:
    if type(value) is int and str(default).startswith(_ENUM):
        return str(value)
    return _whole(_exactly(str, value))


def _whole(text: str) -> str:
    """The text, unless it has half of a pair of JSON's escapes, which nothing can be written with.

    Raises:
        UnicodeError: it has.
    """
    if not is_unicode(text):
        raise UnicodeError
    return text


def _exactly(kind: type[Any], value: object) -> Any:  # noqa: ANN401 - of that kind
    if type(value) is not kind:
        raise TypeError
    return value


def _list(value: object, _default: object) -> tuple[Any, ...]:
    """Texts, or objects (a room's codecs)."""
    items = _exactly(list, value)
    if not all(type(item) in {str, dict} for item in items):
        raise TypeError
    return tuple(_whole(item) if type(item) is str else item for item in items)


def _map(value: object, _default: object) -> dict[str, str]:
    if not all(type(inner) is str for inner in _exactly(dict, value).values()):
        raise TypeError
    return {_whole(name): _whole(inner) for name, inner in _exactly(dict, value).items()}


def _integer(value: object, _default: object) -> int:
    """64-bit integers are text in protojson."""
    return _exactly(int, value) if type(value) is not str else int(value)


def _free(value: object, _default: object) -> object:
    """A time as text, or an inner message that is only carried."""
    if type(value) not in {str, dict}:
        raise TypeError
    return value


_KINDS: Final[Mapping[type[Any], tuple[str, Callable[[object, object], object]]]] = {
    str: ("a text", _text),
    bool: ("true or false", lambda value, _: _exactly(bool, value)),
    int: ("a whole number", _integer),
    tuple: ("a list of texts", _list),
    dict: ("an object of texts", _map),
    Secret: ("a text", lambda value, _: Secret(_whole(_exactly(str, value)))),
    NoneType: ("a text or an object", _free),
}
