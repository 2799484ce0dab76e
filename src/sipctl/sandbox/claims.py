"""The types of a token's claims, as Go's JSON reader demands them (golang-jwt, livekit/protocol auth/grants.go)."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from livekit.protocol.room import RoomConfiguration

Claims = Mapping[str, Any]

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_INT64: Final = 2.0**63


def claims_from_json(payload: bytes) -> Claims:
    """The claims of a token's payload.

    Raises:
        ValueError: they are no JSON object, or a registered claim (RFC 7519 4.1) is of the wrong type.
    """
    claims = json.loads(payload, parse_constant=_refuse)
    if claims is None:
        return {}
    if not isinstance(claims, dict) or not all(_is_text(claims.get(name)) for name in ("iss", "sub", "jti")):
        raise ValueError("no claims")
    audience = claims.get("aud")
    if not (_is_text(audience) or (isinstance(audience, list) and all(isinstance(one, str) for one in audience))):
        raise ValueError("no audience")
    for name in ("exp", "nbf", "iat"):
        unix_seconds(claims.get(name))
    return claims


def _refuse(word: str) -> None:
    raise ValueError(word)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def unix_seconds(value: object) -> float | None:
    """A time of a claim, a number or the text of one; None = not given. What 64 bits cannot hold is the remote past.

    Raises:
        ValueError: it is no number, or one beyond all floats.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not (
        isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.match(value))
    ):
        raise ValueError("no number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("no float") from None
    if math.isinf(number):
        raise ValueError("no float")
    return number if abs(number) < _INT64 else -_INT64


@dataclass(frozen=True, slots=True)
class _Grant:
    name: str
    fields: Mapping[str, str]


_FLAGS: Final = (
    "roomCreate", "roomList", "roomRecord", "roomAdmin", "roomJoin", "canPublish", "canSubscribe", "canPublishData",
    "canUpdateOwnMetadata", "ingressAdmin", "hidden", "recorder", "agent", "canSubscribeMetrics",
)  # fmt: skip
_VIDEO: Final = {"room": "string", "destinationRoom": "string", "canPublishSources": "[]string"}
_GRANTS: Final = {
    "video": _Grant("VideoGrant", _VIDEO | dict.fromkeys(_FLAGS, "bool")),
    "sip": _Grant("SIPGrant", dict.fromkeys(("admin", "call"), "bool")),
    "agent": _Grant("AgentGrant", {"admin": "bool"}),
    "inference": _Grant("InferenceGrant", {"perform": "bool"}),
}
_PLAIN: Final = {
    **dict.fromkeys(("identity", "name", "kind", "roomPreset", "sha256", "metadata"), "string"),
    "attributes": "map[string]string",
}
_PYTHON: Final[Mapping[str, type]] = {"string": str, "bool": bool, "[]string": list, "map[string]string": dict}
_GO: Final[Mapping[type, str]] = {
    str: "string", int: "number", float: "number", bool: "bool", list: "array", dict: "object",
}  # fmt: skip


def mistyped(claims: Claims) -> str:
    """What Go says of the first of LiveKit's own claims that is of the wrong type; "" if none is."""
    return next(filter(None, (_mistyped_claim(name, value) for name, value in claims.items())), "")


def _mistyped_claim(name: str, value: object) -> str:
    if name == "roomConfig":
        return _mistyped_configuration(value)
    if name not in _GRANTS:
        return _mistyped(value, _PLAIN[name], f"tokenClaims.ClaimGrants.{name}") if name in _PLAIN else ""
    grant = _GRANTS[name]
    if not isinstance(value, dict | None):
        return _unmarshalled(value, f"tokenClaims.ClaimGrants.{name}", f"auth.{grant.name}")
    fields = ((field, inner) for field, inner in (value or {}).items() if field in grant.fields)
    place = f"{grant.name}.ClaimGrants.{name}"
    return next(
        filter(None, (_mistyped(inner, grant.fields[field], f"{place}.{field}") for field, inner in fields)), ""
    )


def _mistyped(value: Any, wanted: str, place: str) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    if not isinstance(value, _PYTHON[wanted]):
        return _unmarshalled(value, place, wanted)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_mistyped(one, "string", place) for one in inner)), "")


def _unmarshalled(value: object, place: str, wanted: str) -> str:
    return f"json: cannot unmarshal {_GO[type(value)]} into Go struct field {place} of type {wanted}"


def _mistyped_configuration(value: object) -> str:
    """A protobuf message in JSON, which another reader reads."""
    if not isinstance(value, dict | None):
        token = "[" if isinstance(value, list) else json.dumps(value)
        return f"proto: syntax error (line 1:1): unexpected token {token}"
    try:
        ParseDict(value or {}, RoomConfiguration(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError):
        return "proto: syntax error"
    return ""
