"""Trunks of both directions, stored as livekit-server stores them (livekit/livekit pkg/service/sip.go)."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from livekit.protocol.models import Pagination
from livekit.protocol.sip import (
    CreateSIPInboundTrunkRequest,
    CreateSIPOutboundTrunkRequest,
    DeleteSIPTrunkRequest,
    GetSIPInboundTrunkRequest,
    GetSIPInboundTrunkResponse,
    GetSIPOutboundTrunkRequest,
    GetSIPOutboundTrunkResponse,
    ListSIPInboundTrunkRequest,
    ListSIPInboundTrunkResponse,
    ListSIPOutboundTrunkRequest,
    ListSIPOutboundTrunkResponse,
    ListSIPTrunkRequest,
    ListSIPTrunkResponse,
    SIPInboundTrunkInfo,
    SIPInboundTrunkUpdate,
    SIPOutboundTrunkInfo,
    SIPOutboundTrunkUpdate,
    SIPTrunkInfo,
    UpdateSIPInboundTrunkRequest,
    UpdateSIPOutboundTrunkRequest,
)

from sipctl.lkapi.convert import trunk_from_message
from sipctl.sandbox.listing import SIP, admin, apply_update, listed, stored, swapped, with_second
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import TwirpError, invalid
from sipctl.sandbox.validation import (
    check_inbound,
    check_list_update,
    check_media,
    check_outbound,
    from_update,
)
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ruleset import trunks_refusal

Trunk = SIPInboundTrunkInfo | SIPOutboundTrunkInfo
T = TypeVar("T")

_NO_TRUNK: Final = "requested sip trunk does not exist"

# --- inbound trunks ---


def _inbound_with(numbers: Iterable[str]) -> Callable[[SIPInboundTrunkInfo], bool]:
    """Trunks with one of these numbers, and all without any; with none asked for, all."""
    wanted = set(map(normalize_number, numbers))
    return lambda trunk: not wanted or not trunk.numbers or not wanted.isdisjoint(map(normalize_number, trunk.numbers))


def _inbound_listed(store: Store, numbers: Iterable[str]) -> list[SIPInboundTrunkInfo]:
    return listed(store.inbound, Pagination(), _inbound_with(numbers), filtered=False)


def _refuse_trunks(trunks: Iterable[SIPInboundTrunkInfo]) -> None:
    refusal = trunks_refusal(map(trunk_from_message, trunks))
    if refusal:
        raise invalid(refusal)


@SIP.method("CreateSIPInboundTrunk", CreateSIPInboundTrunkRequest, admin)
def create_inbound(store: Store, request: CreateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
    """Store an inbound trunk."""
    _refuse_given_trunk(request)
    check_inbound(request.trunk)
    store.reach_redis()
    _refuse_trunks(with_second(_inbound_listed(store, request.trunk.numbers), request.trunk))
    request.trunk.sip_trunk_id = store.new_id("ST_")
    store.inbound[request.trunk.sip_trunk_id] = request.trunk
    return request.trunk


def _refuse_given_trunk(request: CreateSIPInboundTrunkRequest | CreateSIPOutboundTrunkRequest) -> None:
    if not request.HasField("trunk"):
        raise invalid("missing trunk")
    if request.trunk.sip_trunk_id:
        raise invalid("trunk id must not be set")


@SIP.method("UpdateSIPInboundTrunk", UpdateSIPInboundTrunkRequest, admin)
def update_inbound(store: Store, request: UpdateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
    """Replace an inbound trunk, or change some of its fields."""
    identifier = _trunk_to_update(request)
    if request.WhichOneof("action") == "replace":
        check_inbound(request.replace)
        updated = SIPInboundTrunkInfo()
        updated.CopyFrom(request.replace)
        stored(store, store.inbound, identifier, _NO_TRUNK)
    else:
        _check_trunk_update(request.update, ("numbers", "allowed_addresses", "allowed_numbers"))
        updated = SIPInboundTrunkInfo()
        updated.CopyFrom(stored(store, store.inbound, identifier, _NO_TRUNK))
        apply_update(request.update, updated, lists=("numbers", "allowed_addresses", "allowed_numbers"))
        _recheck(check_inbound, updated, psrpc=True)
    updated.sip_trunk_id = identifier
    _refuse_trunks(swapped(_inbound_listed(store, updated.numbers), _trunk_id, updated))
    store.inbound[identifier] = updated
    return updated


def _trunk_id(trunk: Trunk) -> str:
    return trunk.sip_trunk_id


def _trunk_to_update(request: UpdateSIPInboundTrunkRequest | UpdateSIPOutboundTrunkRequest) -> str:
    if not request.sip_trunk_id:
        raise invalid("trunk id must be set")
    if not request.WhichOneof("action"):
        raise invalid("missing or unsupported update action")
    if request.replace.sip_trunk_id not in {"", request.sip_trunk_id}:
        raise invalid("trunk id in the info must be empty or match the id in the update")
    return request.sip_trunk_id


def _check_trunk_update(update: SIPInboundTrunkUpdate | SIPOutboundTrunkUpdate, lists: Iterable[str]) -> None:
    for name in lists:
        if update.HasField(name):
            check_list_update(getattr(update, name))
    check_media(update.media)


def _recheck(check: Callable[[T], None], trunk: T, *, psrpc: bool) -> None:
    try:
        check(trunk)
    except TwirpError as error:
        raise from_update(error, psrpc=psrpc) from None


@SIP.method("GetSIPInboundTrunk", GetSIPInboundTrunkRequest, admin)
def get_inbound(store: Store, request: GetSIPInboundTrunkRequest) -> GetSIPInboundTrunkResponse:
    """One inbound trunk."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    return GetSIPInboundTrunkResponse(trunk=stored(store, store.inbound, request.sip_trunk_id, _NO_TRUNK))


@SIP.method("ListSIPInboundTrunk", ListSIPInboundTrunkRequest, admin)
def list_inbound(store: Store, request: ListSIPInboundTrunkRequest) -> ListSIPInboundTrunkResponse:
    """Inbound trunks by id or number; those without numbers pass every filter by number."""
    store.reach_redis()
    has_number = _inbound_with(request.numbers)
    items = listed(
        store.inbound,
        request.page,
        lambda trunk: (not request.trunk_ids or trunk.sip_trunk_id in request.trunk_ids) and has_number(trunk),
        filtered=bool(request.trunk_ids or request.numbers),
    )
    return ListSIPInboundTrunkResponse(items=items)


# --- outbound trunks ---


@SIP.method("CreateSIPOutboundTrunk", CreateSIPOutboundTrunkRequest, admin)
def create_outbound(store: Store, request: CreateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
    """Store an outbound trunk."""
    _refuse_given_trunk(request)
    check_outbound(request.trunk)
    store.reach_redis()
    request.trunk.sip_trunk_id = store.new_id("ST_")
    store.outbound[request.trunk.sip_trunk_id] = request.trunk
    return request.trunk


@SIP.method("UpdateSIPOutboundTrunk", UpdateSIPOutboundTrunkRequest, admin)
def update_outbound(store: Store, request: UpdateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
    """Replace an outbound trunk, or change some of its fields."""
    identifier = _trunk_to_update(request)
    updated = SIPOutboundTrunkInfo()
    if request.WhichOneof("action") == "replace":
        check_outbound(request.replace)
        updated.CopyFrom(request.replace)
        stored(store, store.outbound, identifier, _NO_TRUNK)
    else:
        _check_trunk_update(request.update, ("numbers",))
        updated.CopyFrom(stored(store, store.outbound, identifier, _NO_TRUNK))
        apply_update(request.update, updated, lists=("numbers",))
        _recheck(check_outbound, updated, psrpc=False)
    updated.sip_trunk_id = identifier
    store.outbound[identifier] = updated
    return updated


@SIP.method("GetSIPOutboundTrunk", GetSIPOutboundTrunkRequest, admin)
def get_outbound(store: Store, request: GetSIPOutboundTrunkRequest) -> GetSIPOutboundTrunkResponse:
    """One outbound trunk."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    return GetSIPOutboundTrunkResponse(trunk=stored(store, store.outbound, request.sip_trunk_id, _NO_TRUNK))


@SIP.method("ListSIPOutboundTrunk", ListSIPOutboundTrunkRequest, admin)
def list_outbound(store: Store, request: ListSIPOutboundTrunkRequest) -> ListSIPOutboundTrunkResponse:
    """Outbound trunks by id or number, the number compared as it is."""
    store.reach_redis()
    items = listed(
        store.outbound,
        request.page,
        lambda trunk: (
            (not request.trunk_ids or trunk.sip_trunk_id in request.trunk_ids)
            and (not request.numbers or not trunk.numbers or not set(request.numbers).isdisjoint(trunk.numbers))
        ),
        filtered=bool(request.trunk_ids or request.numbers),
    )
    return ListSIPOutboundTrunkResponse(items=items)


@SIP.method("ListSIPTrunk", ListSIPTrunkRequest, admin)
def list_legacy(store: Store, _request: ListSIPTrunkRequest) -> ListSIPTrunkResponse:
    """All trunks in the form of LiveKit's first SIP release."""
    store.reach_redis()
    legacy: list[SIPTrunkInfo] = [
        *map(_legacy_inbound, store.inbound.values()),
        *map(_legacy_outbound, store.outbound.values()),
    ]
    legacy.sort(key=lambda trunk: trunk.sip_trunk_id)
    return ListSIPTrunkResponse(items=legacy)


def _legacy_inbound(trunk: SIPInboundTrunkInfo) -> SIPTrunkInfo:
    return SIPTrunkInfo(
        sip_trunk_id=trunk.sip_trunk_id,
        kind=SIPTrunkInfo.TrunkKind.TRUNK_INBOUND,
        inbound_addresses=trunk.allowed_addresses,
        outbound_number="".join(trunk.numbers[:1]),
        inbound_numbers=trunk.allowed_numbers,
        inbound_username=trunk.auth_username,
        inbound_password=trunk.auth_password,
        name=trunk.name,
        metadata=trunk.metadata,
    )


def _legacy_outbound(trunk: SIPOutboundTrunkInfo) -> SIPTrunkInfo:
    return SIPTrunkInfo(
        sip_trunk_id=trunk.sip_trunk_id,
        kind=SIPTrunkInfo.TrunkKind.TRUNK_OUTBOUND,
        outbound_address=trunk.address,
        outbound_number="".join(trunk.numbers[:1]),
        transport=trunk.transport,
        outbound_username=trunk.auth_username,
        outbound_password=trunk.auth_password,
        name=trunk.name,
        metadata=trunk.metadata,
    )


@SIP.method("DeleteSIPTrunk", DeleteSIPTrunkRequest, admin)
def delete_trunk(store: Store, request: DeleteSIPTrunkRequest) -> SIPTrunkInfo:
    """Delete a trunk, if there is one; rules that name it stay."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    store.reach_redis()
    store.inbound.pop(request.sip_trunk_id, None)
    store.outbound.pop(request.sip_trunk_id, None)
    return SIPTrunkInfo(sip_trunk_id=request.sip_trunk_id)
