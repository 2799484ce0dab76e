"""LiveKit's own JSON request files, as its CLI and documentation write them, read into our model."""

import json
import re
from dataclasses import replace
from typing import Any, Final, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sipctl.errors import UsageError
from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.telephony.model import DispatchRule, InboundTrunk

M = TypeVar("M", bound=Message)

_RULE_WRAPPERS: Final = ("dispatch_rule", "dispatchRule")
_TRUNK_WRAPPERS: Final = ("trunk",)
_UNKNOWN: Final = re.compile(r'has no field named "([^"]*)" at "([^"]*)"')
_WHERE: Final = re.compile(r""" at "?SIP\w+(\.[\w.]*)?"?""")


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
    try:
        return ParseDict(_unwrapped(value, wrappers), message)
    except (ParseError, ValueError, RecursionError) as error:
        raise UsageError(f"LiveKit cannot read the request: {told(error)}") from None


def told(error: Exception) -> str:
    """What protobuf's parser complains of, without the names of its messages and the list of all fields."""
    text = str(error).partition("\n")[0].rstrip(".")
    unknown = _UNKNOWN.search(text)
    if unknown is None:
        return _WHERE.sub("", text).replace("Failed to parse ", "")
    place = unknown[2].partition(".")[2]
    return f"there is no field {unknown[1]!r}{f' in {place}' if place else ''}"


def _unwrapped(value: dict[str, Any], wrappers: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    return next((value[name] for name in wrappers if name in value), value)
