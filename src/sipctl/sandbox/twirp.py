"""Twirp as livekit-server speaks it: bodies in JSON or protobuf, errors always in JSON (twirp v8 errors.go)."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError, Message

M = TypeVar("M", bound=Message)

PREFIX: Final = "twirp error unknown: "
"""What LiveKit puts before the text of errors that are not Twirp's own (livekit/protocol utils/xtwirp/errors.go)."""

JSON_TYPE: Final = "application/json"
PROTOBUF_TYPE: Final = "application/protobuf"

_STATUS: Final = {
    "canceled": 408, "unknown": 500, "invalid_argument": 400, "malformed": 400, "deadline_exceeded": 408,
    "not_found": 404, "bad_route": 404, "already_exists": 409, "permission_denied": 403, "unauthenticated": 401,
    "resource_exhausted": 429, "failed_precondition": 412, "aborted": 409, "out_of_range": 400, "unimplemented": 501,
    "internal": 500, "unavailable": 503, "data_loss": 500,
}  # fmt: skip

_LATER_FIELDS: Final = frozenset({"livekit.SIPInboundTrunkInfo.ringing_timeout_status"})
"""Fields that the SDK's protocol has and livekit-server 1.13 does not."""


_TIMES: Final = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})


class TwirpError(Exception):
    """A refusal in Twirp's JSON."""

    def __init__(self, code: str, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.meta = meta

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return _STATUS[self.code]

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body; `meta` is left out if there is none."""
        body: dict[str, Any] = {"code": self.code, "msg": self.message}
        return body | {"meta": dict(self.meta)} if self.meta else body


def invalid(message: str) -> TwirpError:
    """The refusal of an argument."""
    return TwirpError("invalid_argument", message)


def decode(body: bytes, content_type: str, message: M) -> M:
    """Fill a message from a request's body.

    Raises:
        TwirpError: `malformed`, as livekit-server says it.
    """
    if content_type == PROTOBUF_TYPE:
        try:
            message.ParseFromString(body)
            _refuse_times_without_text(message)
        except (DecodeError, ValueError):
            raise TwirpError("malformed", "the protobuf request could not be decoded") from None
        return message
    try:
        value, _ = _JSON.raw_decode(body.decode().lstrip())
        _refuse_half_characters(value, body)
        _refuse_double_spelling(value, message.DESCRIPTOR)
        return ParseDict(value, message, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise TwirpError("malformed", "the json request could not be decoded") from None


def _refuse_times_without_text(message: Message) -> None:
    """Times outside protobuf's bounds, which LiveKit would store, and then fail to write into any JSON answer."""
    for field, value in message.ListFields():
        if field.message_type and not field.message_type.GetOptions().map_entry:
            for inner in value if field.is_repeated else (value,):
                if field.message_type.full_name in _TIMES:
                    inner.ToJsonString()
                else:
                    _refuse_times_without_text(inner)


def _refuse_half_characters(value: Any, body: bytes) -> None:  # noqa: ANN401 - any JSON value
    """Half a surrogate pair, which only an escape can write, and which Go's reader refuses."""
    if b"\\u" in body:
        json.dumps(value, ensure_ascii=False).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a field appears twice")
    return value


_JSON: Final = json.JSONDecoder(object_pairs_hook=_object)


def _refuse_double_spelling(value: Any, descriptor: Any) -> None:  # noqa: ANN401 - protobuf has two kinds
    """LiveKit takes snake_case and camelCase, but not both for one field; Python's parser takes the last."""
    if not isinstance(value, dict):
        raise TypeError("a message is a JSON object")
    for field in descriptor.fields:
        if field.json_name != field.name and {field.json_name, field.name} <= value.keys():
            raise ValueError("one field in both spellings")
        inner = value.get(field.json_name, value.get(field.name))
        if isinstance(inner, dict) and field.message_type and not field.message_type.GetOptions().map_entry:
            _refuse_double_spelling(inner, field.message_type)


def whole_characters(text: str) -> str:
    """The text as Go writes it: U+FFFD where half a surrogate pair, or a byte that is no UTF-8, is alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encode(message: Message, content_type: str) -> bytes:
    """A message as the body of an answer."""
    if content_type == PROTOBUF_TYPE:
        return message.SerializeToString()
    return json.dumps(to_json(message), ensure_ascii=False, separators=(",", ":")).encode()


def to_json(message: Message) -> dict[str, Any]:
    """What protojson writes with UseProtoNames and EmitUnpopulated: null for unset messages, no unset optionals."""
    return {
        field.name: _field_to_json(message, field)
        for field in message.DESCRIPTOR.fields
        if field.full_name not in _LATER_FIELDS and (field.containing_oneof is None or message.HasField(field.name))
    }


def _field_to_json(message: Message, field: Any) -> Any:  # noqa: ANN401 - as above
    value = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        return {str(key): inner for key, inner in value.items()}
    if field.is_repeated:
        return [_value_to_json(item, field) for item in value]
    if field.message_type and not message.HasField(field.name):
        return None
    return _value_to_json(value, field)


def _value_to_json(value: Any, field: Any) -> Any:  # noqa: ANN401 - as above
    if field.message_type:
        return value.ToJsonString() if field.message_type.full_name in _TIMES else to_json(value)
    if field.enum_type:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.cpp_type in {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
