"""Changes of one rule or trunk that might let a dropped call in: what is wrong with it for this very call."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sipctl.telephony.addresses import mask_fault
from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.matching.rules import RuleReason
from sipctl.telephony.matching.trunks import TrunkReason
from sipctl.telephony.model import DispatchRule, InboundTrunk
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.quoting import go_quote_all
from sipctl.telephony.site import Site
from sipctl.telephony.spelling import is_same_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A fault in words, the thing that has it, what it would be without, and the options that change it."""

    fault: str
    before: DispatchRule | InboundTrunk
    after: DispatchRule | InboundTrunk
    words: tuple[str, ...] = ()


def repairs(site: Site, call: Call, outcome: Outcome) -> Iterator[Repair]:
    """What is wrong with the rules and trunks that a call missed, the first of each kind."""
    seen: set[object] = set()
    for reason, repair in (*_of_trunks(site, call, outcome), *_of_rules(site, call, outcome)):
        if reason not in seen:
            seen.add(reason)
            yield repair


def _of_rules(site: Site, call: Call, outcome: Outcome) -> Iterator[tuple[RuleReason, Repair]]:
    choice = outcome.after_pin or outcome.before_pin
    for rule, reason in zip(choice.rules, choice.reasons, strict=True) if choice else ():
        if not call.pin or not outcome.after_pin or rule.pin == call.pin:
            repair = _of_rule(site, call, outcome.trunk, rule, reason)
            if repair:
                yield reason, repair


def _of_rule(
    site: Site, call: Call, trunk: InboundTrunk | None, rule: DispatchRule, reason: RuleReason
) -> Repair | None:
    if reason in {RuleReason.TRUNK_IDS, RuleReason.NO_TRUNK}:
        return _of_trunk_ids(site, call, trunk, rule)
    if reason is RuleReason.INBOUND_NUMBERS:
        return _inbound_numbers(site, call, rule)
    if reason is RuleReason.NUMBERS:
        return _numbers(site, call, rule)
    return None


def _of_trunk_ids(site: Site, call: Call, trunk: InboundTrunk | None, rule: DispatchRule) -> Repair | None:
    """The trunks that the rule names are none, or none that took the call."""
    if site.trunk_ids.isdisjoint(rule.trunk_ids):
        return _dangling(site, trunk, rule)
    if trunk is None:
        return None  # the trunk has to take the call, or anyone could
    has_pin = "has this PIN but " if call.pin and rule.pin == call.pin else ""
    fault = f"{has_pin}serves only {', '.join(rule.trunk_ids)}; the call came by {trunk.sip_trunk_id}"
    wanted = (*rule.trunk_ids, trunk.sip_trunk_id)
    return Repair(fault=fault, before=rule, after=replace(rule, trunk_ids=wanted), words=_repeated("--trunk", wanted))


def _dangling(site: Site, trunk: InboundTrunk | None, rule: DispatchRule) -> Repair:
    named = rule.trunk_ids[0]
    fault = f"names {named}, which " + ("only makes calls" if named in site.outbound else "is no trunk of this server")
    wanted = (trunk.sip_trunk_id,) if trunk else ()
    words = ("--trunk", *wanted) if wanted else ("--any-trunk",)
    return Repair(fault=fault, before=rule, after=replace(rule, trunk_ids=wanted), words=words)


def _inbound_numbers(site: Site, call: Call, rule: DispatchRule) -> Repair | None:
    """The dialled number where callers belong, or the caller in another spelling."""
    if normalize_number(call.to_user) in map(normalize_number, rule.inbound_numbers):
        fault = "has the dialled number in inbound_numbers, which LiveKit compares with the caller"
        return Repair(fault=fault, before=rule, after=replace(rule, inbound_numbers=()), words=("--any-caller",))
    same = [one for one in rule.inbound_numbers if is_same_number(one, call.from_user, site.countries)]
    if not same:
        wanted = (*rule.inbound_numbers, call.from_user)
        fault = f"admits the callers {go_quote_all(rule.inbound_numbers)} alone (inbound_numbers)"
        words = _repeated("--caller", wanted)
        return Repair(fault=fault, before=rule, after=replace(rule, inbound_numbers=wanted), words=words)
    fault = f"has the caller as {same[0]!r} in inbound_numbers, and LiveKit compares them byte by byte"
    after = replace(rule, inbound_numbers=_swapped(rule.inbound_numbers, same[0], call.from_user))
    return Repair(fault=fault, before=rule, after=after, words=_repeated("--caller", after.inbound_numbers))


def _numbers(site: Site, call: Call, rule: DispatchRule) -> Repair | None:
    same = [one for one in rule.numbers if is_same_number(one, call.to_user, site.countries)]
    if not same:
        wanted = (*rule.numbers, call.to_user)
        fault = f"takes calls to {go_quote_all(rule.numbers)} alone (numbers)"
        words = _repeated("--number", wanted)
        return Repair(fault=fault, before=rule, after=replace(rule, numbers=wanted), words=words)
    fault = f"has the dialled number as {same[0]!r} in numbers, and LiveKit compares them byte by byte"
    after = replace(rule, numbers=_swapped(rule.numbers, same[0], call.to_user))
    return Repair(fault=fault, before=rule, after=after, words=_repeated("--number", after.numbers))


def _of_trunks(site: Site, call: Call, outcome: Outcome) -> Iterator[tuple[TrunkReason, Repair]]:
    choice = outcome.trunk_choice
    if outcome.trunk is None:
        judged = zip(choice.trunks, choice.reasons, strict=True)
        for trunk, reason in sorted(judged, key=lambda pair: not _has_number(site, call, pair[0])):
            repair = _of_trunk(site, call, trunk, reason)
            if repair:
                yield reason, repair


def _has_number(site: Site, call: Call, trunk: InboundTrunk) -> bool:
    """Whether the trunk has the dialled number, if perhaps in another spelling."""
    return any(is_same_number(one, call.to_user, site.countries) for one in trunk.numbers)


def _of_trunk(site: Site, call: Call, trunk: InboundTrunk, reason: TrunkReason) -> Repair | None:
    if reason is TrunkReason.NUMBERS:
        same = [one for one in trunk.numbers if is_same_number(one, call.to_user, site.countries)]
        fault = f"has the numbers {go_quote_all(trunk.numbers)}; add {call.to_user} if its provider sends it"
        if same:
            fault = f"has the dialled number as {same[0]!r}, and the provider sends {call.to_user!r}"
        return _longer(trunk, "numbers", "--number", (*trunk.numbers, call.to_user), fault)
    if reason is TrunkReason.ALLOWED_NUMBERS:
        fault = f"admits the callers {go_quote_all(trunk.allowed_numbers)} alone (allowed_numbers)"
        return _longer(trunk, "allowed_numbers", "--caller", (*trunk.allowed_numbers, call.from_user), fault)
    return _allowed_addresses(call, trunk) if reason is TrunkReason.ALLOWED_ADDRESSES else None


def _allowed_addresses(call: Call, trunk: InboundTrunk) -> Repair:
    """The source is not on the list; entries that can match nothing are named, and go."""
    faults = {mask: fault for mask in trunk.allowed_addresses if (fault := mask_fault(mask))}
    kept = tuple(mask for mask in trunk.allowed_addresses if mask not in faults)
    described = "".join(f"; {mask!r} never matches: {fault}" for mask, fault in faults.items())
    fault = f"does not list {call.source_ip} in allowed_addresses{described}; add it if it is the provider's"
    return _longer(trunk, "allowed_addresses", "--allowed-address", (*kept, call.source_ip), fault)


def _longer(trunk: InboundTrunk, field: str, option: str, values: tuple[str, ...], fault: str) -> Repair:
    changed: dict[str, Any] = {field: values}
    return Repair(fault=fault, before=trunk, after=replace(trunk, **changed), words=_repeated(option, values))


def _swapped(values: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if one == old else one for one in values)


def _repeated(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))
