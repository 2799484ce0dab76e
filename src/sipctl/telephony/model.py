"""LiveKit's objects as frozen values, under LiveKit's own names.

Times are RFC 3339 UTC text, durations LiveKit's JSON text ("30s"), enums LiveKit's names, ids LiveKit's ids
("" = not stored yet). `room_config` and `media` keep LiveKit's JSON shape: sipctl carries them, it does not judge them.
`unknown_fields` are those of newer servers that this version has no name for, as protobuf in base64; "" = none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sipctl.telephony.secret import Secret

Json = Mapping[str, Any]


class RuleKind(StrEnum):
    """The member of LiveKit's `rule` oneof that a dispatch rule sets."""

    DIRECT = "dispatch_rule_direct"
    INDIVIDUAL = "dispatch_rule_individual"
    CALLEE = "dispatch_rule_callee"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRule:
    """A SIP dispatch rule (livekit.SIPDispatchRuleInfo).

    `room_name` is the room of a direct rule and the `room_prefix` of the other kinds. `randomized` tells whether
    those append a random part to it (`no_randomness` reversed, or `randomize`). No `trunk_ids` = any trunk or none;
    `numbers` are called numbers, `inbound_numbers` callers'. A `kind` of None is a rule without a type, which LiveKit
    can store but not use.
    """

    sip_dispatch_rule_id: str = ""
    kind: RuleKind | None = RuleKind.DIRECT
    room_name: str = ""
    pin: str = ""
    randomized: bool = False
    trunk_ids: tuple[str, ...] = ()
    hide_phone_number: bool = False
    inbound_numbers: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    room_preset: str = ""
    room_config: Json | None = None
    media: Json | None = None
    krisp_enabled: bool = False
    media_encryption: str = "SIP_MEDIA_ENCRYPT_DISABLE"
    created_at: str | None = None
    updated_at: str | None = None
    unknown_fields: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundTrunk:
    """An inbound SIP trunk (livekit.SIPInboundTrunkInfo): which calls from a provider belong to it.

    No `numbers` = every called number; `allowed_numbers` are callers; `allowed_addresses` are source addresses or
    CIDR blocks. LiveKit asks for digest only when username and password are both set. `ringing_timeout_status` is what
    the caller gets at the end of `ringing_timeout`, of 300 to 699; SIP_STATUS_UNKNOWN = 486.
    """

    sip_trunk_id: str = ""
    name: str = ""
    metadata: str = ""
    numbers: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    allowed_numbers: tuple[str, ...] = ()
    auth_username: str = ""
    auth_password: Secret = Secret()
    auth_realm: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_to_attributes: Mapping[str, str] = field(default_factory=dict)
    attributes_to_headers: Mapping[str, str] = field(default_factory=dict)
    include_headers: str = "SIP_NO_HEADERS"
    ringing_timeout: str | None = None
    ringing_timeout_status: str = "SIP_STATUS_UNKNOWN"
    max_call_duration: str | None = None
    krisp_enabled: bool = False
    media_encryption: str = "SIP_MEDIA_ENCRYPT_DISABLE"
    media: Json | None = None
    created_at: str | None = None
    updated_at: str | None = None
    unknown_fields: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundTrunk:
    """An outbound SIP trunk (livekit.SIPOutboundTrunkInfo): where LiveKit sends the calls it makes."""

    sip_trunk_id: str = ""
    name: str = ""
    metadata: str = ""
    address: str = ""
    destination_country: str = ""
    transport: str = "SIP_TRANSPORT_AUTO"
    numbers: tuple[str, ...] = ()
    auth_username: str = ""
    auth_password: Secret = Secret()
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_to_attributes: Mapping[str, str] = field(default_factory=dict)
    attributes_to_headers: Mapping[str, str] = field(default_factory=dict)
    include_headers: str = "SIP_NO_HEADERS"
    media_encryption: str = "SIP_MEDIA_ENCRYPT_DISABLE"
    media: Json | None = None
    from_host: str = ""
    created_at: str | None = None
    updated_at: str | None = None
    unknown_fields: str = ""


Trunk = InboundTrunk | OutboundTrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room that LiveKit lists (livekit.Room, without its `turn_password`).

    Timeouts are seconds, `creation_time` Unix seconds, `creation_time_ms` Unix milliseconds. The counters lag by up
    to 5 s and are not proof of anyone's presence (livekit/livekit pkg/service/redisstore.go).
    """

    sid: str = ""
    name: str = ""
    empty_timeout: int = 0
    departure_timeout: int = 0
    max_participants: int = 0
    creation_time: int = 0
    creation_time_ms: int = 0
    enabled_codecs: tuple[Json, ...] = ()
    metadata: str = ""
    num_participants: int = 0
    num_publishers: int = 0
    active_recording: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Someone in a room (livekit.ParticipantInfo). `kind` is "SIP" for a phone caller, "STANDARD" for a browser."""

    sid: str = ""
    identity: str = ""
    name: str = ""
    state: str = "JOINING"
    kind: str = "STANDARD"
    joined_at: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    metadata: str = ""
    is_publisher: bool = False

    @property
    def is_phone(self) -> bool:
        """Whether this is a phone caller, who alone does not make a room attended."""
        return self.kind == "SIP"
