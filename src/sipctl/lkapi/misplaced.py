"""Where a field belongs that a request has in another place, or under a name that LiveKit does not have."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sipctl.config.nearest import nearest

Descriptor = Any
"""Of a message; protobuf's implementations of it share no type."""

_PRESENT: Final = {
    "inbound_addresses": "allowed_addresses", "allowed_address": "allowed_addresses", "addresses": "allowed_addresses",
    "inbound_username": "auth_username", "username": "auth_username", "user": "auth_username",
    "inbound_password": "auth_password", "password": "auth_password", "number": "numbers", "phone_number": "numbers",
    "phone_numbers": "numbers", "called_numbers": "numbers", "outbound_number": "numbers",
    "trunk_id": "trunk_ids", "sip_trunk_id": "trunk_ids", "sip_trunk_ids": "trunk_ids",
    "inbound_trunk_ids": "trunk_ids",
    "room": "room_name", "prefix": "room_prefix", "caller_numbers": "inbound_numbers", "pin_code": "pin",
    "agent_name": "agents", "dispatch_agents": "agents",
}  # fmt: skip
"""Names of earlier versions (livekit.SIPTrunkInfo), and what people call a field; the present ones."""
_CALLERS: Final = {"inbound_numbers": "allowed_numbers"}
"""What a rule calls the callers' numbers, and a trunk."""
_DEPTH: Final = 3
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")


def where_it_belongs(name: str, place: Sequence[str], message: Descriptor, value: object) -> str:
    """The path under which LiveKit reads what a request has as `name` at `place`; "" if there is none.

    It is written as the request's own names are: rule.dispatchRuleDirect.roomName or with underscores.
    """
    plain = _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name)
    here = _at(message, place)
    fields = {field.name for field in here.fields} if here else set()
    present = next((one for one in (_PRESENT.get(plain, ""), _CALLERS.get(plain, "")) if one in fields), "")
    near = present or nearest(plain, fields)
    if near:
        return _written((*_names(message, place), near), value)
    wanted = {plain, _PRESENT.get(plain, "")}
    return next((_written(path, value) for path in _paths(message) if path[-1] in wanted), "")


def _at(message: Descriptor, place: Sequence[str]) -> Descriptor:
    for name in place:
        field = next((one for one in message.fields if name in (one.name, one.json_name)), None)
        if field is None or field.message_type is None:
            return None
        message = field.message_type
    return message


def _names(message: Descriptor, place: Sequence[str]) -> Iterator[str]:
    for name in place:
        field = next(one for one in message.fields if name in (one.name, one.json_name))
        yield str(field.name)
        message = field.message_type


def _paths(message: Descriptor, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field, the ones at the top first, to a depth of three; the types of well-known times have none."""
    fields = [field for field in message.fields if not message.full_name.startswith("google.")]
    yield from ((*above, field.name) for field in fields)
    for field in fields if len(above) < _DEPTH - 1 else ():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            yield from _paths(field.message_type, (*above, field.name))


def _written(path: Sequence[str], value: object) -> str:
    has_underscores = any("_" in name for name in _keys(value))
    return ".".join(path if has_underscores else map(_camel_case, path))


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _keys(inner)
