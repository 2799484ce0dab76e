"""The SIP service: trunks and dispatch rules, stored as livekit-server stores them (pkg/service/sip.go).

Its holes are kept: no lock, no cascade, and updates that are checked only against the list of what they turn into.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final, TypeVar

from livekit.protocol.models import Pagination
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    CreateSIPOutboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    GetSIPInboundTrunkRequest,
    GetSIPInboundTrunkResponse,
    GetSIPOutboundTrunkRequest,
    GetSIPOutboundTrunkResponse,
    ListSIPDispatchRuleRequest,
    ListSIPDispatchRuleResponse,
    ListSIPInboundTrunkRequest,
    ListSIPInboundTrunkResponse,
    ListSIPOutboundTrunkRequest,
    ListSIPOutboundTrunkResponse,
    ListSIPTrunkRequest,
    ListSIPTrunkResponse,
    SIPDispatchRuleInfo,
    SIPDispatchRuleUpdate,
    SIPInboundTrunkInfo,
    SIPInboundTrunkUpdate,
    SIPOutboundTrunkInfo,
    SIPOutboundTrunkUpdate,
    SIPTrunkInfo,
    UpdateSIPDispatchRuleRequest,
    UpdateSIPInboundTrunkRequest,
    UpdateSIPOutboundTrunkRequest,
)

from sipctl.lkapi.convert import rule_from_message, trunk_from_message
from sipctl.sandbox.auth import Claims, require
from sipctl.sandbox.method import Service
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import PREFIX, TwirpError, invalid
from sipctl.sandbox.validation import (
    check_inbound,
    check_list_update,
    check_media,
    check_outbound,
    from_update,
    updated_list,
)
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ruleset import UNTYPED_RULE, rules_refusal, trunks_refusal

Trunk = SIPInboundTrunkInfo | SIPOutboundTrunkInfo
T = TypeVar("T")

SIP: Final = Service(needs_redis=True)

_BATCH: Final = 1000
_NO_TRUNK: Final = "requested sip trunk does not exist"
_NO_RULE: Final = "requested sip dispatch rule does not exist"


def _admin(claims: Claims | None, _request: object) -> None:
    require(claims, "sip", "admin")


def _listed(things: Mapping[str, T], page: Pagination, passes: Callable[[T], bool], *, filtered: bool) -> list[T]:
    """What a list method answers: in the order of ids, from `after_id` on.

    `limit` is only the size of LiveKit's inner batches; with a filter, the first batch without a hit ends the list.
    """
    ordered = [things[key] for key in sorted(things) if key > page.after_id]
    if not (page.limit and filtered):
        return list(filter(passes, ordered))
    chosen: list[T] = []
    for start in range(0, len(ordered), page.limit):
        hits = list(filter(passes, ordered[start : start + page.limit]))
        if not hits:
            break
        chosen += hits
    return chosen


def _with_second(listed: list[T], new: T) -> list[T]:
    """The list as LiveKit checks it on a create: the new thing right after the one with the smallest id."""
    return [*listed[:1], new, *listed[1:]]


def _swapped(listed: Iterable[T], identify: Callable[[T], str], updated: T) -> list[T]:
    """The list as LiveKit checks it on an update: the updated thing counts only where the stored one is listed."""
    return [updated if identify(thing) == identify(updated) else thing for thing in listed]


# --- inbound trunks ---


def _inbound_with(numbers: Iterable[str]) -> Callable[[SIPInboundTrunkInfo], bool]:
    """Trunks with one of these numbers, and all without any; with none asked for, all."""
    wanted = set(map(normalize_number, numbers))
    return lambda trunk: not wanted or not trunk.numbers or not wanted.isdisjoint(map(normalize_number, trunk.numbers))


def _inbound_listed(store: Store, numbers: Iterable[str]) -> list[SIPInboundTrunkInfo]:
    return _listed(store.inbound, Pagination(), _inbound_with(numbers), filtered=False)


def _refuse_trunks(trunks: Iterable[SIPInboundTrunkInfo]) -> None:
    refusal = trunks_refusal(map(trunk_from_message, trunks))
    if refusal:
        raise invalid(refusal)


@SIP.method("CreateSIPInboundTrunk", CreateSIPInboundTrunkRequest, _admin)
def create_inbound(store: Store, request: CreateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
    """Store an inbound trunk."""
    _refuse_given_trunk(request)
    check_inbound(request.trunk)
    store.reach_redis()
    _refuse_trunks(_with_second(_inbound_listed(store, request.trunk.numbers), request.trunk))
    request.trunk.sip_trunk_id = store.new_id("ST_")
    store.inbound[request.trunk.sip_trunk_id] = request.trunk
    return request.trunk


def _refuse_given_trunk(request: CreateSIPInboundTrunkRequest | CreateSIPOutboundTrunkRequest) -> None:
    if not request.HasField("trunk"):
        raise invalid("missing trunk")
    if request.trunk.sip_trunk_id:
        raise invalid("trunk id must not be set")


@SIP.method("UpdateSIPInboundTrunk", UpdateSIPInboundTrunkRequest, _admin)
def update_inbound(store: Store, request: UpdateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
    """Replace an inbound trunk, or change some of its fields."""
    identifier = _trunk_to_update(request)
    if request.WhichOneof("action") == "replace":
        check_inbound(request.replace)
        updated = SIPInboundTrunkInfo()
        updated.CopyFrom(request.replace)
        _stored(store, store.inbound, identifier)
    else:
        _check_trunk_update(request.update, ("numbers", "allowed_addresses", "allowed_numbers"))
        updated = SIPInboundTrunkInfo()
        updated.CopyFrom(_stored(store, store.inbound, identifier))
        _apply(request.update, updated, lists=("numbers", "allowed_addresses", "allowed_numbers"))
        _recheck(check_inbound, updated, psrpc=True)
    updated.sip_trunk_id = identifier
    _refuse_trunks(_swapped(_inbound_listed(store, updated.numbers), _trunk_id, updated))
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


def _apply(update: Any, target: Any, *, lists: Container[str]) -> None:  # noqa: ANN401 - three pairs of messages
    """Write the fields that an update names, and the empty `media` that any update leaves behind."""
    for field, value in update.ListFields():
        if field.name in lists:
            changed = updated_list(getattr(target, field.name), value)
            target.ClearField(field.name)
            getattr(target, field.name).extend(changed)
        elif field.name == "attributes":
            for key, text in value.items():
                target.attributes.pop(key, None)
                if text:
                    target.attributes[key] = text
        elif field.message_type:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)
    _upgrade_media(target)


def _upgrade_media(thing: Any) -> None:  # noqa: ANN401 - a rule or a trunk
    """Carry the older `media_encryption` over into `media`, which comes into being by that."""
    thing.media.SetInParent()
    if thing.media_encryption and not thing.media.HasField("encryption"):
        thing.media.encryption = thing.media_encryption


def _recheck(check: Callable[[T], None], trunk: T, *, psrpc: bool) -> None:
    try:
        check(trunk)
    except TwirpError as error:
        raise from_update(error, psrpc=psrpc) from None


def _stored(store: Store, things: Mapping[str, T], identifier: str, missing: str = _NO_TRUNK) -> T:
    store.reach_redis()
    if identifier not in things:
        raise TwirpError("not_found", missing)
    return things[identifier]


@SIP.method("GetSIPInboundTrunk", GetSIPInboundTrunkRequest, _admin)
def get_inbound(store: Store, request: GetSIPInboundTrunkRequest) -> GetSIPInboundTrunkResponse:
    """One inbound trunk."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    return GetSIPInboundTrunkResponse(trunk=_stored(store, store.inbound, request.sip_trunk_id))


@SIP.method("ListSIPInboundTrunk", ListSIPInboundTrunkRequest, _admin)
def list_inbound(store: Store, request: ListSIPInboundTrunkRequest) -> ListSIPInboundTrunkResponse:
    """Inbound trunks by id or number; those without numbers pass every filter by number."""
    store.reach_redis()
    has_number = _inbound_with(request.numbers)
    items = _listed(
        store.inbound,
        request.page,
        lambda trunk: (not request.trunk_ids or trunk.sip_trunk_id in request.trunk_ids) and has_number(trunk),
        filtered=bool(request.trunk_ids or request.numbers),
    )
    return ListSIPInboundTrunkResponse(items=items)


# --- outbound trunks ---


@SIP.method("CreateSIPOutboundTrunk", CreateSIPOutboundTrunkRequest, _admin)
def create_outbound(store: Store, request: CreateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
    """Store an outbound trunk."""
    _refuse_given_trunk(request)
    check_outbound(request.trunk)
    store.reach_redis()
    request.trunk.sip_trunk_id = store.new_id("ST_")
    store.outbound[request.trunk.sip_trunk_id] = request.trunk
    return request.trunk


@SIP.method("UpdateSIPOutboundTrunk", UpdateSIPOutboundTrunkRequest, _admin)
def update_outbound(store: Store, request: UpdateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
    """Replace an outbound trunk, or change some of its fields."""
    identifier = _trunk_to_update(request)
    updated = SIPOutboundTrunkInfo()
    if request.WhichOneof("action") == "replace":
        check_outbound(request.replace)
        updated.CopyFrom(request.replace)
        _stored(store, store.outbound, identifier)
    else:
        _check_trunk_update(request.update, ("numbers",))
        updated.CopyFrom(_stored(store, store.outbound, identifier))
        _apply(request.update, updated, lists=("numbers",))
        _recheck(check_outbound, updated, psrpc=False)
    updated.sip_trunk_id = identifier
    store.outbound[identifier] = updated
    return updated


@SIP.method("GetSIPOutboundTrunk", GetSIPOutboundTrunkRequest, _admin)
def get_outbound(store: Store, request: GetSIPOutboundTrunkRequest) -> GetSIPOutboundTrunkResponse:
    """One outbound trunk."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    return GetSIPOutboundTrunkResponse(trunk=_stored(store, store.outbound, request.sip_trunk_id))


@SIP.method("ListSIPOutboundTrunk", ListSIPOutboundTrunkRequest, _admin)
def list_outbound(store: Store, request: ListSIPOutboundTrunkRequest) -> ListSIPOutboundTrunkResponse:
    """Outbound trunks by id or number, the number compared as it stands."""
    store.reach_redis()
    items = _listed(
        store.outbound,
        request.page,
        lambda trunk: (
            (not request.trunk_ids or trunk.sip_trunk_id in request.trunk_ids)
            and (not request.numbers or not trunk.numbers or not set(request.numbers).isdisjoint(trunk.numbers))
        ),
        filtered=bool(request.trunk_ids or request.numbers),
    )
    return ListSIPOutboundTrunkResponse(items=items)


@SIP.method("ListSIPTrunk", ListSIPTrunkRequest, _admin)
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


@SIP.method("DeleteSIPTrunk", DeleteSIPTrunkRequest, _admin)
def delete_trunk(store: Store, request: DeleteSIPTrunkRequest) -> SIPTrunkInfo:
    """Delete a trunk, if there is one; rules that name it stay."""
    if not request.sip_trunk_id:
        raise invalid("trunk ID is required")
    store.reach_redis()
    store.inbound.pop(request.sip_trunk_id, None)
    store.outbound.pop(request.sip_trunk_id, None)
    return SIPTrunkInfo(sip_trunk_id=request.sip_trunk_id)


# --- dispatch rules ---


def _rules_on(trunk_ids: Iterable[str]) -> Callable[[SIPDispatchRuleInfo], bool]:
    """Rules that share a trunk with these, and all that name none; with none asked for, all."""
    wanted = set(trunk_ids)
    return lambda rule: not wanted or not rule.trunk_ids or not wanted.isdisjoint(rule.trunk_ids)


def _rules_listed(store: Store, trunk_ids: Iterable[str]) -> list[SIPDispatchRuleInfo]:
    return _listed(store.rules, Pagination(), _rules_on(trunk_ids), filtered=False)


def _rule_id(rule: SIPDispatchRuleInfo) -> str:
    return rule.sip_dispatch_rule_id


def _refuse_rules(rules: Iterable[SIPDispatchRuleInfo]) -> None:
    refusal = rules_refusal(list(map(rule_from_message, rules)))
    if refusal:
        raise invalid(PREFIX + refusal if refusal == UNTYPED_RULE else refusal)


@SIP.method("CreateSIPDispatchRule", CreateSIPDispatchRuleRequest, _admin)
def create_rule(store: Store, request: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """Store a rule. The shape of the request decides which stored rules it is checked against."""
    modern = request.HasField("dispatch_rule")
    rule = request.dispatch_rule if modern else _rule_of_legacy_shape(request)
    if rule.sip_dispatch_rule_id:
        raise invalid("rule id must not be set")
    if not rule.HasField("rule"):
        raise invalid("missing rule")
    check_media(rule.media)
    store.reach_redis()
    _refuse_rules(_with_second(_rules_listed(store, () if modern else rule.trunk_ids), rule))
    if modern:
        _upgrade_media(rule)
    rule.sip_dispatch_rule_id = store.new_id("SDR_")
    store.rules[rule.sip_dispatch_rule_id] = rule
    return rule


def _rule_of_legacy_shape(request: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """The fields that stand at the top of a request as older clients, Meet among them, write it."""
    rule = SIPDispatchRuleInfo()
    for field, value in request.ListFields():
        if field.is_repeated and not isinstance(value, Mapping):
            getattr(rule, field.name).extend(value)
        elif isinstance(value, Mapping):
            getattr(rule, field.name).update(value)
        elif field.message_type:
            getattr(rule, field.name).CopyFrom(value)
        else:
            setattr(rule, field.name, value)
    return rule


@SIP.method("UpdateSIPDispatchRule", UpdateSIPDispatchRuleRequest, _admin)
def update_rule(store: Store, request: UpdateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """Replace a rule, or change some of its fields; `numbers` and others cannot be changed by an update."""
    identifier, updated = request.sip_dispatch_rule_id, SIPDispatchRuleInfo()
    if not identifier:
        raise invalid("rule id must be set")
    action = request.WhichOneof("action")
    if not action:
        raise invalid("missing or unsupported update action")
    if action == "replace":
        _refuse_given_rule(request.replace, identifier)
        updated.CopyFrom(request.replace)
        _stored(store, store.rules, identifier, _NO_RULE)
    else:
        _check_rule_update(request.update)
        updated.CopyFrom(_stored(store, store.rules, identifier, _NO_RULE))
        _apply(request.update, updated, lists=("trunk_ids",))
    updated.sip_dispatch_rule_id = identifier
    _refuse_rules(_swapped(_rules_listed(store, updated.trunk_ids), _rule_id, updated))
    store.rules[identifier] = updated
    return updated


def _refuse_given_rule(rule: SIPDispatchRuleInfo, identifier: str) -> None:
    if rule.sip_dispatch_rule_id not in {"", identifier}:
        raise invalid("rule id in the info must be empty or match the id in the update")
    if not rule.HasField("rule"):
        raise invalid("missing rule")
    check_media(rule.media)


def _check_rule_update(update: SIPDispatchRuleUpdate) -> None:
    if update.HasField("trunk_ids"):
        check_list_update(update.trunk_ids)
    check_media(update.media)


@SIP.method("ListSIPDispatchRule", ListSIPDispatchRuleRequest, _admin)
def list_rules(store: Store, request: ListSIPDispatchRuleRequest) -> ListSIPDispatchRuleResponse:
    """Rules by id or trunk; those that name no trunk pass every filter by trunk."""
    store.reach_redis()
    on_trunk, ids = _rules_on(request.trunk_ids), set(request.dispatch_rule_ids)
    items = _listed(
        store.rules,
        request.page,
        lambda rule: (not ids or rule.sip_dispatch_rule_id in ids) and on_trunk(rule),
        filtered=bool(ids or request.trunk_ids),
    )
    return ListSIPDispatchRuleResponse(items=items)


@SIP.method("DeleteSIPDispatchRule", DeleteSIPDispatchRuleRequest, _admin)
def delete_rule(store: Store, request: DeleteSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """Delete a rule and answer what it was."""
    if not request.sip_dispatch_rule_id:
        raise invalid("dispatch rule ID is required")
    rule = _stored(store, store.rules, request.sip_dispatch_rule_id, _NO_RULE)
    del store.rules[request.sip_dispatch_rule_id]
    return rule
