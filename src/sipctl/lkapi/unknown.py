"""Fields of newer servers that our model has no name for: kept as they are, so that none is lost on the way.

They travel as the protobuf of a message that holds nothing else, in base64: parsed over a message of the same type, it
adds them (https://protobuf.dev/programming-guides/encoding/#order).
"""

import base64
import binascii
from collections.abc import Container
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from sipctl.errors import UsageError

M = TypeVar("M", bound=Message)


def unknown_fields(message: Message, known: Container[str]) -> str:
    """What a message holds besides its `known` fields, and these besides all that the SDK knows; "" = nothing."""
    rest = type(message)()
    rest.CopyFrom(message)
    _strip(rest, known)
    return base64.b64encode(rest.SerializeToString(deterministic=True)).decode()


def _strip(message: Any, known: Container[str] | None) -> None:  # noqa: ANN401 - any message; None = all are known
    for field, value in message.ListFields():
        if known is not None and field.name not in known:
            continue
        if isinstance(value, Message):
            _strip(value, None)
        if not isinstance(value, Message) or not value.ByteSize():
            message.ClearField(field.name)


def has_unknown_fields(message: Message) -> bool:
    """Whether a message itself holds a field that the SDK does not know; it costs less than to look for which."""
    return bool(len(UnknownFieldSet(message)))


def add_unknown_fields(message: M, text: str) -> M:
    """Put fields back into a message of the type that they came from.

    Raises:
        UsageError: the text is no protobuf in base64.
    """
    if text:
        try:
            message.MergeFromString(base64.b64decode(text, validate=True))
        except (binascii.Error, DecodeError, ValueError):
            hint = "leave it as sipctl printed it, or take it out"
            raise UsageError("unknown_fields is no protobuf in base64", hint=hint) from None
    return message
