"""LiveKit's protobuf messages to our model and back, field by field: MessageToDict costs five times more."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.models import Room as RoomMessage
from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleInfo,
    SIPHeaderOptions,
    SIPInboundTrunkInfo,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
    SIPStatusCode,
    SIPTransport,
)

from sipctl.lkapi.unknown import add_unknown_fields, has_unknown_fields, unknown_fields
from sipctl.telephony.livekit_json import rule_to_json
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Participant, Room, RuleKind
from sipctl.telephony.secret import Secret

M = TypeVar("M", bound=Message)

_ENCRYPTION: Final = {number: name for name, number in SIPMediaEncryption.items()}
_HEADERS: Final = {number: name for name, number in SIPHeaderOptions.items()}
_STATUS: Final = {number: name for name, number in SIPStatusCode.items()}
_TRANSPORT: Final = {number: name for name, number in SIPTransport.items()}
_KINDS: Final = {kind.value: kind for kind in RuleKind}


def rule_from_message(message: SIPDispatchRuleInfo) -> DispatchRule:
    """The dispatch rule that a message holds: the fields that are set, which are few of many."""
    given: dict[str, Any] = {"kind": None}
    holds_more = has_unknown_fields(message)
    for field, value in message.ListFields():
        name = field.name
        if name == "rule":
            given |= _rule_type(value)
            holds_more = holds_more or _type_holds_more(value)
        elif name in _RULE_FIELDS:
            read = _RULE_READERS.get(name)
            given[name] = read(value) if read else value
            holds_more = holds_more or name in _RULE_MESSAGES
        else:
            holds_more = True
    if holds_more:
        given["unknown_fields"] = unknown_fields(message, _RULE_FIELDS)
    return DispatchRule(**given)


def _type_holds_more(rule: SIPDispatchRule) -> bool:
    name = rule.WhichOneof("rule")
    return has_unknown_fields(rule) or (name is not None and has_unknown_fields(getattr(rule, name)))


def _rule_type(rule: SIPDispatchRule) -> dict[str, Any]:
    """The type, the room or its prefix, the PIN, and whether the room gets a random part."""
    name = rule.WhichOneof("rule")
    if name is None:
        return {}
    kind, inner = _KINDS[name], getattr(rule, name)
    if kind is RuleKind.DIRECT:
        return {"kind": kind, "room_name": inner.room_name, "pin": inner.pin}
    randomized = not inner.no_randomness if kind is RuleKind.INDIVIDUAL else inner.randomize
    return {"kind": kind, "room_name": inner.room_prefix, "pin": inner.pin, "randomized": randomized}


def rule_to_message(rule: DispatchRule) -> SIPDispatchRuleInfo:
    """The message that stores a dispatch rule.

    Raises:
        UsageError: its `unknown_fields` are none.
    """
    return message_from_json(dict(rule_to_json(rule)), SIPDispatchRuleInfo())


def message_from_json(value: dict[str, Any], message: M) -> M:
    """A message out of LiveKit's JSON shape, with the fields beside it that have no name.

    Raises:
        ParseError: LiveKit has no such field or value.
        UsageError: `unknown_fields` are none.
    """
    unknown = value.pop("unknown_fields", "")
    return add_unknown_fields(ParseDict(value, message), str(unknown))


def trunk_from_message(message: SIPInboundTrunkInfo) -> InboundTrunk:
    """The inbound trunk that a message holds."""
    return InboundTrunk(
        **_common_to_trunks(message),
        allowed_addresses=tuple(message.allowed_addresses),
        allowed_numbers=tuple(message.allowed_numbers),
        auth_realm=message.auth_realm,
        ringing_timeout=_time(message, "ringing_timeout"),
        ringing_timeout_status=_name(_STATUS, message.ringing_timeout_status),
        max_call_duration=_time(message, "max_call_duration"),
        krisp_enabled=message.krisp_enabled,
    )


def outbound_from_message(message: SIPOutboundTrunkInfo) -> OutboundTrunk:
    """The outbound trunk that a message holds."""
    return OutboundTrunk(
        **_common_to_trunks(message),
        address=message.address,
        destination_country=message.destination_country,
        transport=_name(_TRANSPORT, message.transport),
        from_host=message.from_host,
    )


def _common_to_trunks(message: SIPInboundTrunkInfo | SIPOutboundTrunkInfo) -> dict[str, Any]:
    return {
        "sip_trunk_id": message.sip_trunk_id,
        "name": message.name,
        "metadata": message.metadata,
        "numbers": tuple(message.numbers),
        "auth_username": message.auth_username,
        "auth_password": Secret(message.auth_password),
        "headers": dict(message.headers),
        "headers_to_attributes": dict(message.headers_to_attributes),
        "attributes_to_headers": dict(message.attributes_to_headers),
        "include_headers": _name(_HEADERS, message.include_headers),
        "media_encryption": _name(_ENCRYPTION, message.media_encryption),
        "media": _json(message.media) if message.HasField("media") else None,
        "created_at": _time(message, "created_at"),
        "updated_at": _time(message, "updated_at"),
        "unknown_fields": unknown_fields(message, _TRUNK_FIELDS[type(message)]),
    }


def trunk_to_message(trunk: InboundTrunk) -> SIPInboundTrunkInfo:
    """The message that stores an inbound trunk, its password in clear.

    Raises:
        UsageError: its `unknown_fields` are none.
    """
    message = SIPInboundTrunkInfo(
        sip_trunk_id=trunk.sip_trunk_id,
        name=trunk.name,
        metadata=trunk.metadata,
        numbers=trunk.numbers,
        allowed_addresses=trunk.allowed_addresses,
        allowed_numbers=trunk.allowed_numbers,
        auth_username=trunk.auth_username,
        auth_password=trunk.auth_password.reveal(),
        auth_realm=trunk.auth_realm,
        headers=dict(trunk.headers),
        headers_to_attributes=dict(trunk.headers_to_attributes),
        attributes_to_headers=dict(trunk.attributes_to_headers),
        krisp_enabled=trunk.krisp_enabled,
    )
    rest = {
        "include_headers": trunk.include_headers,
        "media_encryption": trunk.media_encryption,
        "ringing_timeout": trunk.ringing_timeout,
        "ringing_timeout_status": trunk.ringing_timeout_status,
        "max_call_duration": trunk.max_call_duration,
        "media": trunk.media,
        "created_at": trunk.created_at,
        "updated_at": trunk.updated_at,
    }
    return add_unknown_fields(ParseDict(rest, message), trunk.unknown_fields)


def room_from_message(message: RoomMessage) -> Room:
    """The room that a message holds; its `turn_password` stays behind."""
    return Room(
        sid=message.sid,
        name=message.name,
        empty_timeout=message.empty_timeout,
        departure_timeout=message.departure_timeout,
        max_participants=message.max_participants,
        creation_time=message.creation_time,
        creation_time_ms=message.creation_time_ms,
        enabled_codecs=tuple({"mime": codec.mime, "fmtp_line": codec.fmtp_line} for codec in message.enabled_codecs),
        metadata=message.metadata,
        num_participants=message.num_participants,
        num_publishers=message.num_publishers,
        active_recording=message.active_recording,
    )


def participant_from_message(message: ParticipantInfo) -> Participant:
    """The participant that a message holds."""
    return Participant(
        sid=message.sid,
        identity=message.identity,
        name=message.name,
        state=_value_name(ParticipantInfo.State, message.state),
        kind=_value_name(ParticipantInfo.Kind, message.kind),
        joined_at=message.joined_at,
        attributes=dict(message.attributes),
        metadata=message.metadata,
        is_publisher=message.is_publisher,
    )


def _value_name(enum: Any, number: int) -> str:  # noqa: ANN401 - protobuf's enum wrappers share no type
    return _name({value: name for name, value in enum.items()}, number)


def _name(names: Mapping[int, str], number: int) -> str:
    """An enum's name; a number that this SDK does not know stays a number."""
    return names.get(number) or str(number)


def _time(message: Message, name: str) -> str | None:
    return _time_text(getattr(message, name)) if message.HasField(name) else None


def _time_text(value: Any) -> str | None:  # noqa: ANN401 - a Timestamp or a Duration
    """A time or duration as protojson writes it; None for no time that there is."""
    try:
        return str(value.ToJsonString())
    except ValueError:
        return None


def _json(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


_RULE_FIELDS: Final = frozenset(field.name for field in fields(DispatchRule)) | {"rule"}
_RULE_MESSAGES: Final = frozenset({"room_config", "media"})
"""Fields that are messages with fields of their own."""
_TRUNK_FIELDS: Final = {
    SIPInboundTrunkInfo: frozenset(field.name for field in fields(InboundTrunk)),
    SIPOutboundTrunkInfo: frozenset(field.name for field in fields(OutboundTrunk)),
}
_RULE_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "trunk_ids": tuple,
    "inbound_numbers": tuple,
    "numbers": tuple,
    "attributes": dict,
    "room_config": _json,
    "media": _json,
    "media_encryption": lambda number: _name(_ENCRYPTION, number),
    "created_at": _time_text,
    "updated_at": _time_text,
}
"""How the fields are read that do not come as they are."""
