"""Our model in LiveKit's own JSON shape and names (protojson with UseProtoNames and EmitUnpopulated)."""

from typing import Any, Final, NotRequired, TypedDict

from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Participant, Room, RuleKind, Trunk


class RuleJson(TypedDict):
    """A dispatch rule as ListSIPDispatchRule shows it; `unknown_fields` is protobuf in base64, if there are any."""

    sip_dispatch_rule_id: str
    rule: dict[str, dict[str, str | bool]] | None
    trunk_ids: list[str]
    hide_phone_number: bool
    inbound_numbers: list[str]
    numbers: list[str]
    name: str
    metadata: str
    attributes: dict[str, str]
    room_preset: str
    room_config: dict[str, Any] | None
    media: dict[str, Any] | None
    krisp_enabled: bool
    media_encryption: str
    created_at: str | None
    updated_at: str | None
    unknown_fields: NotRequired[str]


class RoomJson(TypedDict):
    """A room as ListRooms shows it, without `turn_password`; 64-bit integers are text."""

    sid: str
    name: str
    empty_timeout: int
    departure_timeout: int
    max_participants: int
    creation_time: str
    creation_time_ms: str
    enabled_codecs: list[dict[str, str]]
    metadata: str
    num_participants: int
    num_publishers: int
    active_recording: bool


class ParticipantJson(TypedDict):
    """A participant's main fields as ListParticipants shows them."""

    sid: str
    identity: str
    state: str
    metadata: str
    joined_at: str
    name: str
    is_publisher: bool
    kind: str
    attributes: dict[str, str]


RULE_TYPE_FIELDS: Final = {
    RuleKind.DIRECT: ("room_name", None),
    RuleKind.INDIVIDUAL: ("room_prefix", "no_randomness"),
    RuleKind.CALLEE: ("room_prefix", "randomize"),
}
"""What each type of rule calls its room, and its switch for a random part of the room's name."""


def rule_to_json(rule: DispatchRule) -> RuleJson:
    """A dispatch rule as ListSIPDispatchRule shows it. The PIN is in full."""
    shown: RuleJson = {
        "sip_dispatch_rule_id": rule.sip_dispatch_rule_id,
        "rule": None if rule.kind is None else {rule.kind.value: _kind_to_json(rule, rule.kind)},
        "trunk_ids": list(rule.trunk_ids),
        "hide_phone_number": rule.hide_phone_number,
        "inbound_numbers": list(rule.inbound_numbers),
        "numbers": list(rule.numbers),
        "name": rule.name,
        "metadata": rule.metadata,
        "attributes": dict(rule.attributes),
        "room_preset": rule.room_preset,
        "room_config": dict(rule.room_config) if rule.room_config is not None else None,
        "media": dict(rule.media) if rule.media is not None else None,
        "krisp_enabled": rule.krisp_enabled,
        "media_encryption": rule.media_encryption,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
    }
    if rule.unknown_fields:
        shown["unknown_fields"] = rule.unknown_fields
    return shown


def _kind_to_json(rule: DispatchRule, kind: RuleKind) -> dict[str, Any]:
    room, switch = RULE_TYPE_FIELDS[kind]
    value: dict[str, Any] = {room: rule.room_name, "pin": rule.pin}
    if switch:
        value[switch] = rule.randomized is (switch == "randomize")
    return value


def trunk_to_json(trunk: Trunk) -> dict[str, Any]:
    """A trunk as LiveKit's lists show it, its password masked."""
    shown = _inbound_to_json(trunk) if isinstance(trunk, InboundTrunk) else _outbound_to_json(trunk)
    return shown | ({"unknown_fields": trunk.unknown_fields} if trunk.unknown_fields else {})


def _inbound_to_json(trunk: InboundTrunk) -> dict[str, Any]:
    return {
        "sip_trunk_id": trunk.sip_trunk_id,
        "name": trunk.name,
        "metadata": trunk.metadata,
        "numbers": list(trunk.numbers),
        "allowed_addresses": list(trunk.allowed_addresses),
        "allowed_numbers": list(trunk.allowed_numbers),
        "auth_username": trunk.auth_username,
        "auth_password": str(trunk.auth_password),
        "auth_realm": trunk.auth_realm,
        **_headers_to_json(trunk),
        "ringing_timeout": trunk.ringing_timeout,
        "ringing_timeout_status": trunk.ringing_timeout_status,
        "max_call_duration": trunk.max_call_duration,
        "krisp_enabled": trunk.krisp_enabled,
        "media_encryption": trunk.media_encryption,
        "media": trunk.media,
        "created_at": trunk.created_at,
        "updated_at": trunk.updated_at,
    }


def _outbound_to_json(trunk: OutboundTrunk) -> dict[str, Any]:
    return {
        "sip_trunk_id": trunk.sip_trunk_id,
        "name": trunk.name,
        "metadata": trunk.metadata,
        "address": trunk.address,
        "destination_country": trunk.destination_country,
        "transport": trunk.transport,
        "numbers": list(trunk.numbers),
        "auth_username": trunk.auth_username,
        "auth_password": str(trunk.auth_password),
        **_headers_to_json(trunk),
        "media_encryption": trunk.media_encryption,
        "media": trunk.media,
        "from_host": trunk.from_host,
        "created_at": trunk.created_at,
        "updated_at": trunk.updated_at,
    }


def _headers_to_json(trunk: Trunk) -> dict[str, Any]:
    return {
        "headers": dict(trunk.headers),
        "headers_to_attributes": dict(trunk.headers_to_attributes),
        "attributes_to_headers": dict(trunk.attributes_to_headers),
        "include_headers": trunk.include_headers,
    }


def room_to_json(room: Room) -> RoomJson:
    """A room as ListRooms shows it, without `turn_password`; 64-bit integers are text, as in protojson."""
    return {
        "sid": room.sid,
        "name": room.name,
        "empty_timeout": room.empty_timeout,
        "departure_timeout": room.departure_timeout,
        "max_participants": room.max_participants,
        "creation_time": str(room.creation_time),
        "creation_time_ms": str(room.creation_time_ms),
        "enabled_codecs": [dict(codec) for codec in room.enabled_codecs],
        "metadata": room.metadata,
        "num_participants": room.num_participants,
        "num_publishers": room.num_publishers,
        "active_recording": room.active_recording,
    }


def participant_to_json(person: Participant) -> ParticipantJson:
    """A participant's main fields as ListParticipants shows them."""
    return {
        "sid": person.sid,
        "identity": person.identity,
        "state": person.state,
        "metadata": person.metadata,
        "joined_at": str(person.joined_at),
        "name": person.name,
        "is_publisher": person.is_publisher,
        "kind": person.kind,
        "attributes": dict(person.attributes),
    }
