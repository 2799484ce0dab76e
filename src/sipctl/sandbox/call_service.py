"""CreateSIPParticipant and TransferSIPParticipant: every check before a SIP node is needed, and there is none."""

import re
from typing import Final

from google.protobuf.empty_pb2 import Empty
from livekit.protocol.sip import CreateSIPParticipantRequest, SIPParticipantInfo, TransferSIPParticipantRequest

from sipctl.sandbox.auth import require
from sipctl.sandbox.claims import Claims
from sipctl.sandbox.listing import SIP
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import PREFIX, TwirpError, invalid
from sipctl.sandbox.validation import check_header_name

_DISPLAY_NAME_LIMIT: Final = 128
_TRANSFER_URI: Final = re.compile(r"(<?sips?:[^>]+>?|<?tel:[^>]+>?)\Z")
_NO_NODE: Final = TwirpError("unavailable", f"{PREFIX}no response from servers")


def _caller(claims: Claims | None, _request: CreateSIPParticipantRequest) -> None:
    require(claims, "sip", "call")


def _transferer(claims: Claims | None, request: TransferSIPParticipantRequest) -> None:
    """LiveKit looks at room and identity before it looks at the token."""
    if not request.room_name:
        raise invalid(f"{PREFIX}Missing room name")
    if not request.participant_identity:
        raise invalid(f"{PREFIX}Missing participant identity")
    require(claims, "sip", "call")
    require(claims, "video", "roomAdmin", room=request.room_name)


@SIP.method("CreateSIPParticipant", CreateSIPParticipantRequest, _caller)
def create_participant(store: Store, request: CreateSIPParticipantRequest) -> SIPParticipantInfo:
    """Dial out: refused like LiveKit does, or unanswered for want of a SIP node."""
    _check_target(request)
    _check_request(request)
    if request.sip_trunk_id and request.sip_trunk_id not in store.outbound:
        raise TwirpError("not_found", "requested sip trunk does not exist")
    raise _NO_NODE


def _check_target(request: CreateSIPParticipantRequest) -> None:
    if not request.sip_trunk_id and not request.HasField("trunk"):
        raise invalid("missing sip trunk id and sip number")
    if request.HasField("trunk"):
        if not request.trunk.hostname:
            raise invalid("no outbound hostname specified")
        if "@" in request.trunk.hostname or request.trunk.hostname.startswith(("sip:", "sips:")):
            raise invalid("trunk hostname should be a hostname or IP, not SIP URI")
    if not request.sip_call_to:
        raise invalid("missing sip callee number")
    if "@" in request.sip_call_to:
        raise invalid("SipCallTo should be a phone number or SIP user, not a full SIP URI")
    if not request.room_name:
        raise invalid("missing room name")


def _check_request(request: CreateSIPParticipantRequest) -> None:
    if len(request.display_name) > _DISPLAY_NAME_LIMIT:
        raise invalid("DisplayName too long (max 128 characters)")
    if '"' in request.display_name:
        raise invalid("DisplayName must be a valid quoted string: invalid syntax")
    for name in request.headers:
        check_header_name(name)
    destination = request.destination
    if destination.country and not re.fullmatch("[A-Za-z]{2}", destination.country):
        raise invalid("country must be a valid ISO 3166-1 alpha-2 code (2-letter like 'US', 'IN', 'UK')")
    if destination.city and not (destination.country or destination.region):
        raise invalid("if city is specified, country or region must also be specified")


@SIP.method("TransferSIPParticipant", TransferSIPParticipantRequest, _transferer)
def transfer(store: Store, request: TransferSIPParticipantRequest) -> Empty:
    """Transfer a caller: refused like LiveKit does, or unanswered for want of a SIP node."""
    if not request.transfer_to:
        raise invalid("missing transfer to")
    if not _TRANSFER_URI.match(request.transfer_to):
        raise invalid("transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:)")
    for name in request.headers:
        check_header_name(name)
    room = store.rooms.get(request.room_name)
    if room is None or request.participant_identity not in room.people:
        raise TwirpError("not_found", f"{PREFIX}participant does not exist")
    raise _NO_NODE
