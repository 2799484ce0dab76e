"""Faults of dispatch rules, each by proof: the calls that it concerns exist."""

from collections.abc import Iterator, Sequence
from typing import Final

from sipctl.findings.record import Level
from sipctl.telephony.linting.fault import Fault
from sipctl.telephony.linting.shadows import Shadows
from sipctl.telephony.linting.terrain import Terrain
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import describe_rule
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.pins import MAX_LENGTH, MIN_LENGTH, is_pin, is_typable, mask_pin
from sipctl.telephony.ruleset import Conflict, fault_text, less_needed, rule_conflicts, rule_keys
from sipctl.telephony.site import Site

_DELETE: Final = ("delete",)


def conflicting(site: Site) -> Iterator[Fault]:
    """RUL401: rules with one key. LiveKit refuses to evaluate any list that holds both."""
    for conflict in rule_conflicts(site.lists.rules):
        about = less_needed(conflict.first, conflict.second, site.live or (), site.pins)
        yield Fault(
            code="RUL401",
            about=about,
            beside=conflict.second if about is conflict.first else conflict.first,
            detail=f"{describe_rule(conflict.first)} and {describe_rule(conflict.second)} take the same calls:"
            f" {_concerned(conflict)} get 503",
            observed=f"{_describe_key(conflict)}; LiveKit says: {fault_text(conflict)}",
            expected="one rule for each PIN, trunk and pair of numbers",
            remedy=_DELETE,
        )


def _concerned(conflict: Conflict[DispatchRule]) -> str:
    """The calls for which LiveKit lists both rules."""
    if not (conflict.first.trunk_ids and conflict.second.trunk_ids):
        return _describe_calls(())
    return _describe_calls([one for one in conflict.first.trunk_ids if one in conflict.second.trunk_ids])


def _describe_calls(trunk_ids: Sequence[str]) -> str:
    """The calls for which LiveKit lists the rules of these trunks; it lists all rules for calls that match none."""
    return f"calls on {' and '.join(dict.fromkeys(trunk_ids))} and on no trunk" if trunk_ids else "all calls"


def _describe_key(conflict: Conflict[DispatchRule]) -> str:
    pin, trunk_id, number, caller = rule_keys(conflict.second)[conflict.at]
    return (
        f"PIN {mask_pin(pin) or 'none'}, trunk {trunk_id or 'any'}, called {number or 'any'}, caller {caller or 'any'}"
    )


def open_rules(shadows: Shadows) -> Iterator[Fault]:
    """RUL402: open rules that win where others ask for a PIN. RUL403: open rules that `#` alone leads to."""
    for opened, rival, outranks in shadows.open_rules():
        wins = f"wins over {describe_rule(rival)}"
        yield Fault(
            code="RUL402" if outranks else "RUL403",
            about=opened,
            beside=rival,
            detail=f"{describe_rule(opened)} has no PIN: {wins if outranks else '# alone at the prompt leads there'}",
            remedy=_DELETE,
        )


def bad_pins(rules: Sequence[DispatchRule]) -> Iterator[Fault]:
    """RUL404: PINs that are no 4 to 16 digits: most can be typed on no phone, the others are soon guessed."""
    for rule in rules:
        if rule.pin and not is_pin(rule.pin):
            opens = is_typable(rule.pin) and len(rule.pin) <= MAX_LENGTH
            described = "can be typed, but is" if opens else "lets no one in: it is"
            yield Fault(
                code="RUL404",
                about=rule,
                detail=f"the PIN of room {rule.room_name!r} {described} {_pin_fault(rule.pin)}",
                observed=rule.pin if rule.pin == "None" else mask_pin(rule.pin),
                expected=f"{MIN_LENGTH} to {MAX_LENGTH} digits",
                level=Level.WARN if opens else None,
            )


def _pin_fault(pin: str) -> str:
    if pin == "None":
        return "the word None, which Meet writes for a room without PIN"
    return f"{len(pin)} {'digits' if pin.isdecimal() else 'characters and not all digits'}"


def own_number_as_caller(site: Site) -> Iterator[Fault]:
    """RUL408: rules that admit only callers who call from the number that people dial."""
    own = {normalize_number(number) for trunk in site.lists.trunks for number in trunk.numbers}
    own.update(filter(None, [normalize_number(site.number)]))
    for rule in site.lists.rules:
        mistaken = next((number for number in rule.inbound_numbers if normalize_number(number) in own), None)
        if mistaken is not None:
            yield Fault(
                code="RUL408",
                about=rule,
                detail=f"{describe_rule(rule)} admits only calls from {mistaken}, which is the number people dial",
                observed=mistaken,
                expected="a caller's number, or none",
                remedy=("--any-caller",),
            )


def untyped(rules: Sequence[DispatchRule]) -> Iterator[Fault]:
    """RUL412: rules that are neither direct, individual nor callee."""
    for rule in rules:
        if rule.kind is None:
            detail = f"{_describe_calls(rule.trunk_ids)} fail, and every create"
            yield Fault(code="RUL412", about=rule, detail=detail, remedy=_DELETE)


def hiding(rules: Sequence[DispatchRule]) -> Iterator[Fault]:
    """RUL413: rules by which one call without a number stops the server."""
    for rule in rules:
        if rule.hide_phone_number:
            yield Fault(
                code="RUL413",
                about=rule,
                detail=f"{describe_rule(rule)} has hide_phone_number",
                remedy=("--show-phone-number",),
            )


def dangling(site: Site) -> Iterator[Fault]:
    """RUL414: rules that name trunks which do not exist, or which only make calls."""
    for rule in site.lists.rules:
        gone = [trunk_id for trunk_id in rule.trunk_ids if trunk_id not in site.trunk_ids]
        if gone:
            what = "an outbound trunk" if gone[0] in site.outbound else "no trunk"
            yield Fault(
                code="RUL414",
                about=rule,
                detail=f"{describe_rule(rule)} names {gone[0]!r}, which is {what}",
                observed=", ".join(gone),
                expected="ids of inbound trunks",
            )


def shadowed(shadows: Shadows) -> Iterator[Fault]:
    """RUL417: rules that some call fits and that win none."""
    for rule, winner in shadows.shadowed():
        how = "has the same PIN" if winner.pin else "has no PIN"
        yield Fault(
            code="RUL417",
            about=rule,
            beside=winner,
            detail=f"{describe_rule(rule)} never wins a call: {describe_rule(winner)} {how} and comes first",
            observed=f"won by {winner.sip_dispatch_rule_id}",
        )


def written_otherwise(rules: Sequence[DispatchRule]) -> Iterator[Fault]:
    """RUL418: numbers of rules in a spelling that providers do not send: LiveKit compares them byte for byte."""
    for rule in rules:
        for field, numbers in (("numbers", rule.numbers), ("inbound_numbers", rule.inbound_numbers)):
            odd = next((number for number in numbers if normalize_number(number) != number), None)
            if odd is not None:
                option, normal = "--number" if field == "numbers" else "--caller", normalize_number(odd)
                yield Fault(
                    code="RUL418",
                    about=rule,
                    detail=f"{describe_rule(rule)} has {odd!r} in {field}: a call with {normal} passes it by",
                    observed=odd,
                    expected=normal,
                    remedy=tuple(word for number in numbers for word in (option, normalize_number(number))),
                )


def off_the_trunk(site: Site, terrain: Terrain) -> Iterator[Fault]:
    """RUL419: rules that none of their trunks' calls can reach, because of numbers that the trunks do not take."""
    for rule in site.lists.rules:
        exists = not rule.trunk_ids or not site.trunk_ids.isdisjoint(rule.trunk_ids)
        if exists and rule.kind is not None and not terrain.spots_of(rule):
            numbers = (*rule.numbers, *rule.inbound_numbers)
            yield Fault(
                code="RUL419",
                about=rule,
                detail=f"no call reaches {describe_rule(rule)}: its trunks take none from or to its numbers",
                observed=", ".join(numbers),
            )
