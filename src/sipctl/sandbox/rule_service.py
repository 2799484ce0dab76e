"""Dispatch rules, stored as livekit-server stores them: no lock, and updates checked against what they turn into."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from livekit.protocol.models import Pagination
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    DeleteSIPDispatchRuleRequest,
    ListSIPDispatchRuleRequest,
    ListSIPDispatchRuleResponse,
    SIPDispatchRuleInfo,
    SIPDispatchRuleUpdate,
    UpdateSIPDispatchRuleRequest,
)

from sipctl.lkapi.convert import rule_from_message
from sipctl.sandbox.listing import SIP, admin, apply_update, listed, stored, swapped, upgrade_media, with_second
from sipctl.sandbox.store import Store
from sipctl.sandbox.twirp import PREFIX, invalid
from sipctl.sandbox.validation import (
    check_list_update,
    check_media,
)
from sipctl.telephony.ruleset import UNTYPED_RULE, rules_refusal

_NO_RULE: Final = "requested sip dispatch rule does not exist"

# --- dispatch rules ---


def _rules_on(trunk_ids: Iterable[str]) -> Callable[[SIPDispatchRuleInfo], bool]:
    """Rules that share a trunk with these, and all that name none; with none asked for, all."""
    wanted = set(trunk_ids)
    return lambda rule: not wanted or not rule.trunk_ids or not wanted.isdisjoint(rule.trunk_ids)


def _rules_listed(store: Store, trunk_ids: Iterable[str]) -> list[SIPDispatchRuleInfo]:
    return listed(store.rules, Pagination(), _rules_on(trunk_ids), filtered=False)


def _rule_id(rule: SIPDispatchRuleInfo) -> str:
    return rule.sip_dispatch_rule_id


def _refuse_rules(rules: Iterable[SIPDispatchRuleInfo]) -> None:
    refusal = rules_refusal(list(map(rule_from_message, rules)))
    if refusal:
        raise invalid(PREFIX + refusal if refusal == UNTYPED_RULE else refusal)


@SIP.method("CreateSIPDispatchRule", CreateSIPDispatchRuleRequest, admin)
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
    _refuse_rules(with_second(_rules_listed(store, () if modern else rule.trunk_ids), rule))
    if modern:
        upgrade_media(rule)
    rule.sip_dispatch_rule_id = store.new_id("SDR_")
    store.rules[rule.sip_dispatch_rule_id] = rule
    return rule


def _rule_of_legacy_shape(request: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """The fields at the top of a request as older clients, Meet among them, write it."""
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


@SIP.method("UpdateSIPDispatchRule", UpdateSIPDispatchRuleRequest, admin)
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
        stored(store, store.rules, identifier, _NO_RULE)
    else:
        _check_rule_update(request.update)
        updated.CopyFrom(stored(store, store.rules, identifier, _NO_RULE))
        apply_update(request.update, updated, lists=("trunk_ids",))
    updated.sip_dispatch_rule_id = identifier
    _refuse_rules(swapped(_rules_listed(store, updated.trunk_ids), _rule_id, updated))
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


@SIP.method("ListSIPDispatchRule", ListSIPDispatchRuleRequest, admin)
def list_rules(store: Store, request: ListSIPDispatchRuleRequest) -> ListSIPDispatchRuleResponse:
    """Rules by id or trunk; those that name no trunk pass every filter by trunk."""
    store.reach_redis()
    on_trunk, ids = _rules_on(request.trunk_ids), set(request.dispatch_rule_ids)
    items = listed(
        store.rules,
        request.page,
        lambda rule: (not ids or rule.sip_dispatch_rule_id in ids) and on_trunk(rule),
        filtered=bool(ids or request.trunk_ids),
    )
    return ListSIPDispatchRuleResponse(items=items)


@SIP.method("DeleteSIPDispatchRule", DeleteSIPDispatchRuleRequest, admin)
def delete_rule(store: Store, request: DeleteSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    """Delete a rule and answer what it was."""
    if not request.sip_dispatch_rule_id:
        raise invalid("dispatch rule ID is required")
    rule = stored(store, store.rules, request.sip_dispatch_rule_id, _NO_RULE)
    del store.rules[request.sip_dispatch_rule_id]
    return rule
