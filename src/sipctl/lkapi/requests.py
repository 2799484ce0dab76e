"""LiveKit's own JSON request files, as its CLI and documentation write them, read into our model."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from google.protobuf.json_format import ParseError
from google.protobuf.message import Message
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.errors import UsageError
from sipctl.lkapi.convert import message_from_json, rule_from_message, trunk_from_message
from sipctl.lkapi.misplaced import where_it_belongs
from sipctl.telephony.model import DispatchRule, InboundTrunk

M = TypeVar("M", bound=Message)

_RULE_WRAPPERS: Final = ("dispatch_rule", "dispatchRule")
_TRUNK_WRAPPERS: Final = ("trunk",)
_OURS: Final = "sipctl"
"""What we print beside LiveKit's fields, so that what `rules show` prints can be created again."""
_UNKNOWN: Final = re.compile(r'has no field named "([^"]*)" at "([^"]*)"')
_FIELD: Final = re.compile(r"(\w+) field: ")
_FIELDS: Final = re.compile(rf"(?:(?:Failed to parse )?{_FIELD.pattern})+")
_REASONS: Final = (
    ("expected string", "is no text"),
    ("surrogate", "holds half a character, which is no Unicode"),
    ("enum value", "has a name that LiveKit does not know"),
    ("true or false", "is neither true nor false"),
    ("must be in []", "is no list"),
    ("must be in a dict", "is no object"),
    ("uration", "is no duration such as 30s"),
    ("int()", "is no whole number"),
    ("integer", "is no whole number"),
    ("timestamp", "is not a time such as 2026-11-22T21:17:00Z"),
)
_OTHER: Final = "is none that LiveKit takes"
"""What is wrong, by words of protobuf's parser. Its text may hold the value, which may be a password or a PIN."""


def rule_request_from_json(text: str) -> DispatchRule:
    """A CreateSIPDispatchRule request in either of its two shapes, names in snake_case or camelCase.

    An id in it is dropped: LiveKit gives new ones.

    Raises:
        UsageError: it is not JSON, or LiveKit has no such field or value.
    """
    message = _parse(text, _RULE_WRAPPERS, SIPDispatchRuleInfo())
    return replace(rule_from_message(message), sip_dispatch_rule_id="")


def trunk_request_from_json(text: str) -> InboundTrunk:
    """A CreateSIPInboundTrunk request, or the trunk in it. An id is dropped.

    Raises:
        UsageError: it is not JSON, or LiveKit has no such field or value.
    """
    message = _parse(text, _TRUNK_WRAPPERS, SIPInboundTrunkInfo())
    return replace(trunk_from_message(message), sip_trunk_id="")


def requests_from_json(text: str) -> list[DispatchRule | InboundTrunk]:
    """The rules and trunks of some create requests: one, a list of them, or one a line.

    Raises:
        UsageError: as the functions above.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = [_json(line) for line in text.splitlines() if line.strip()]
    return [_either(value) for value in (whole if isinstance(whole, list) else [whole])]


def _either(value: object) -> DispatchRule | InboundTrunk:
    is_rule = isinstance(value, dict) and not value.keys().isdisjoint((*_RULE_WRAPPERS, "rule"))
    return rule_request_from_json(json.dumps(value)) if is_rule else trunk_request_from_json(json.dumps(value))


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request is not JSON: {error}") from None


def _parse(text: str, wrappers: tuple[str, ...], message: M) -> M:
    value = _json(text)
    if not isinstance(value, dict):
        raise UsageError(
            "the request is not a JSON object", hint='LiveKit expects {"dispatch_rule": …} or {"trunk": …}'
        )
    wanted = _unwrapped(value, wrappers)
    try:
        return message_from_json(wanted, message)
    except (ParseError, ValueError, RecursionError, AttributeError) as error:
        if unknown := _unknown(error, wanted):
            raise _ignored(*unknown, message, wanted) from None
        raise UsageError(f"LiveKit cannot read the request: {described(error, value)}") from None


def _ignored(name: str, place: Sequence[str], message: Message, value: object) -> UsageError:
    """What is wrong with a field that LiveKit does not have, and would pass over."""
    where = f" in {'.'.join(place)}" if place else ""
    belongs = where_it_belongs(name, place, message.DESCRIPTOR, value)
    hint = f"write {belongs}" if belongs else "take it out, or correct its name"
    return UsageError(f"there is no field {name!r}{where}: LiveKit would ignore it", code="unknown-field", hint=hint)


def _unknown(error: Exception, value: object) -> tuple[str, list[str]] | None:
    """The unknown field that protobuf's parser complains of, and where it is; None for another complaint."""
    unknown, known = _UNKNOWN.search(str(error)), set(_keys(value))
    if unknown is None or unknown[1] not in known:
        return None
    return unknown[1], [one for one in unknown[2].split(".") if one in known]


def described(error: Exception, value: object) -> str:
    """What protobuf's parser complains of in a JSON value, without its value, and the names of its messages."""
    text = str(error).partition("\n")[0].rstrip(".")
    unknown, fields, known = _UNKNOWN.search(text), _FIELDS.match(text), set(_keys(value))
    path = unknown[2].split(".") if unknown else _FIELD.findall(fields[0]) if fields else []
    place = ".".join(one for one in path if one in known)  # where it takes a text for an object, it names its pieces
    if unknown and unknown[1] in known:
        return f"there is no field {unknown[1]!r}{f' in {place}' if place else ''}"
    reason = "is no object" if unknown else next((ours for theirs, ours in _REASONS if theirs in text), _OTHER)
    return f"{place or 'a value'} {reason}"


def _keys(value: object) -> Iterator[str]:
    """Every name in a JSON value, at any depth."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(inner)


def _unwrapped(value: dict[str, Any], wrappers: tuple[str, ...]) -> dict[str, Any]:
    """The object of a request without what we print beside LiveKit's fields.

    Raises:
        UsageError: there is something beside it, which LiveKit would ignore, or it is none.
    """
    wrapper = next((name for name in wrappers if name in value), "")
    beside = sorted(value.keys() - {wrapper, _OURS}) if wrapper else []
    if beside:
        raise UsageError(
            f"there is a field {beside[0]!r} beside {wrapper}: LiveKit would ignore it",
            code="unknown-field", hint=f"write {wrapper}.{beside[0]}",
        )  # fmt: skip
    wanted = value[wrapper] if wrapper else value
    if not isinstance(wanted, dict):
        raise UsageError(f"LiveKit cannot read the request: {wrapper} is no object")
    return {name: inner for name, inner in wanted.items() if name != _OURS}
