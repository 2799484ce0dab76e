"""RUL4xx: what the list of dispatch rules proves."""

import re
from collections import defaultdict
from collections.abc import Iterator

from sipctl.doctor.check import check, counted, found, skipped
from sipctl.doctor.facts import Facts
from sipctl.findings import Finding, Level
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.numbers import normalize_number
from sipctl.telephony.ownership import is_open, serves
from sipctl.telephony.pins import is_pin, mask_pin
from sipctl.telephony.priority import can_meet, outranks
from sipctl.telephony.ruleset import Conflict, rule_conflicts

_SOURCE = "ListSIPDispatchRule"
_TYPABLE = re.compile(r"[0-9*]{1,16}\Z")
"""What a phone's keys can enter: # ends a PIN, and livekit-sip hangs up at the 17th (livekit/sip inbound.go)."""


def _label(rule: DispatchRule) -> str:
    return f"rule {rule.sip_dispatch_rule_id}"


def _told(rule: DispatchRule) -> str:
    return f"{rule.sip_dispatch_rule_id} ({rule.name or 'unnamed'}, room {rule.room_name!r})".lstrip()


def _delete(rule: DispatchRule, *words: str) -> str:
    allow = "".join(f" --allow {word}" for word in words)
    return f"sipctl rules delete {rule.sip_dispatch_rule_id}{allow}"


@check("RUL401", "rules", sees=("rooms",))
def conflicting_pairs(facts: Facts) -> Iterator[Finding]:
    """Stored rules that LiveKit would refuse to store today."""
    typed = [rule for rule in facts.rules.get() if rule.kind is not None]
    for conflict in rule_conflicts(typed):
        loser = _less_needed(facts, conflict)
        yield found(
            "RUL401",
            _label(loser),
            f"{_told(conflict.first)} and {_told(conflict.second)} take the same calls",
            source=_SOURCE,
            command=_delete(loser, *_words(facts, loser)),
        )


def _less_needed(facts: Facts, conflict: Conflict[DispatchRule]) -> DispatchRule:
    """The one of two clashing rules whose room is not live; the later one if that does not tell them apart."""
    live = {room.name for room in facts.rooms.value or ()}
    keeps_second = conflict.second.room_name in live and conflict.first.room_name not in live
    return conflict.first if keeps_second else conflict.second


def _words(facts: Facts, rule: DispatchRule) -> tuple[str, ...]:
    """The rails that stand before deleting this rule."""
    is_live = any(serves(rule, room.name) for room in facts.rooms.value or ())
    foreign = () if facts.mark.owns(rule) else ("foreign",)
    return (*foreign, "live-room") if is_live else foreign


@check("RUL402", "rules", sees=("rooms",))
def open_rule_outranks(facts: Facts) -> Iterator[Finding]:
    """Open rules that win over PIN rules before anyone is asked for a PIN."""
    for rule, rivals in _open_beside_pin(facts):
        losers = [rival for rival in rivals if outranks(rule, rival)]
        if losers:
            yield _open_finding("RUL402", facts, rule, f"wins over {_told(losers[0])}")


@check("RUL403", "rules", sees=("rooms",))
def open_rule_beside(facts: Facts) -> Iterator[Finding]:
    """Open rules that a caller reaches by pressing # at the PIN prompt."""
    for rule, rivals in _open_beside_pin(facts):
        if not any(outranks(rule, rival) for rival in rivals):
            yield _open_finding("RUL403", facts, rule, "# alone at the prompt leads there")


def _open_beside_pin(facts: Facts) -> Iterator[tuple[DispatchRule, list[DispatchRule]]]:
    """Each open rule with the PIN rules that its calls can match too, one for each scope that PIN rules have."""
    typed = [rule for rule in facts.rules.get() if rule.kind is not None]
    scopes = {
        (rule.kind, rule.trunk_ids, rule.numbers, rule.inbound_numbers): rule for rule in typed if not is_open(rule)
    }
    for rule in filter(is_open, typed):
        rivals = [rival for rival in scopes.values() if can_meet(rule, rival)]
        if rivals:
            yield rule, rivals


def _open_finding(code: str, facts: Facts, rule: DispatchRule, consequence: str) -> Finding:
    return found(
        code,
        _label(rule),
        f"{_told(rule)} has no PIN: {consequence}",
        source=_SOURCE,
        command=_delete(rule, *_words(facts, rule)),
    )


@check("RUL404", "rules")
def pins_that_cannot_be_typed(facts: Facts) -> Iterator[Finding]:
    """PINs that are no 4 to 16 digits: most can be typed on no phone, the others are soon guessed."""
    for rule in facts.rules.get():
        if rule.pin and not is_pin(rule.pin):
            opens = _TYPABLE.match(rule.pin) is not None
            told = "can be typed, but is" if opens else "lets nobody in: it is"
            yield found(
                "RUL404",
                _label(rule),
                f"the PIN of room {rule.room_name!r} {told} {_pin_fault(rule.pin)}",
                level=Level.WARN if opens else None,
                observed=rule.pin if rule.pin == "None" else mask_pin(rule.pin),
                expected="4 to 16 digits",
                source=_SOURCE,
            )


def _pin_fault(pin: str) -> str:
    if pin == "None":
        return "the word None, which Meet writes for a room without PIN"
    return f"{len(pin)} {'digits' if pin.isdecimal() else 'characters and not all digits'}"


@check("RUL405", "rules", "rooms")
def stale_rules(facts: Facts) -> Iterator[Finding]:
    """Owned rules whose room is not live."""
    live = {room.name for room in facts.rooms.get()}
    for rule in facts.rules.get():
        if facts.mark.is_stale(rule, live):
            yield found(
                "RUL405",
                _label(rule),
                f"room {rule.room_name!r} of {rule.name} is not live",
                source="ListSIPDispatchRule, then ListRooms",
                command=_delete(rule),
            )


@check("RUL407", "rules")
def names_that_disagree(facts: Facts) -> Iterator[Finding]:
    """Rules with the mark of one room that lead to another."""
    before, _, after = facts.settings.name_template.partition("{room}")
    for rule in facts.rules.get():
        marked = rule.name.startswith(before) and rule.name.endswith(after) and (before or after)
        named = rule.name[len(before) : len(rule.name) - len(after)]
        if rule.kind is RuleKind.DIRECT and marked and named != rule.room_name:
            yield found(
                "RUL407",
                _label(rule),
                f"{rule.name} leads to room {rule.room_name!r}",
                observed=rule.room_name,
                expected=named,
                source=_SOURCE,
            )


@check("RUL408", "rules", "inbound")
def own_number_as_caller(facts: Facts) -> Iterator[Finding]:
    """Rules that admit only callers who call from the trunk's own number."""
    own = {normalize_number(number) for trunk in facts.inbound.get() for number in trunk.numbers}
    if facts.settings.telephony.phone_number:
        own.add(normalize_number(facts.settings.telephony.phone_number))
    for rule in facts.rules.get():
        mistaken = [number for number in rule.inbound_numbers if normalize_number(number) in own]
        if mistaken:
            yield found(
                "RUL408",
                _label(rule),
                f"{_told(rule)} admits only calls from {mistaken[0]}, which is the number people dial",
                observed=mistaken[0],
                expected="a caller's number, or none",
                source=_SOURCE,
            )


@check("RUL409", "rules")
def foreign_rules(facts: Facts) -> Iterator[Finding]:
    """Rules of others."""
    foreign = [rule for rule in facts.rules.get() if not facts.mark.owns(rule)]
    if foreign:
        yield found(
            "RUL409",
            counted(len(foreign), "rule") if len(foreign) > 1 else _label(foreign[0]),
            f"not named {facts.settings.name_template!r} after their room, for example {_told(foreign[0])}",
            source=_SOURCE,
        )


@check("RUL410", "rules")
def no_rule(facts: Facts) -> Iterator[Finding]:
    """A server without rules: nobody is in a meeting, or nobody writes rules."""
    if not facts.rules.get():
        yield found("RUL410", detail="a caller hears ringing now", source=_SOURCE)


@check("RUL411", "rules")
def several_rules_for_a_room(facts: Facts) -> Iterator[Finding]:
    """Rooms that several direct rules lead to."""
    by_room: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in facts.rules.get():
        if rule.kind is RuleKind.DIRECT:
            by_room[rule.room_name].append(rule)
    for room, rules in by_room.items():
        if len(rules) > 1:
            yield found("RUL411", f"room {room}", ", ".join(map(_told, rules)), source=_SOURCE)


@check("RUL412", "rules")
def rules_without_a_type(facts: Facts) -> Iterator[Finding]:
    """Rules that are neither direct, individual nor callee."""
    for rule in facts.rules.get():
        if rule.kind is None:
            yield found(
                "RUL412",
                _label(rule),
                "every call that matches no trunk fails, and every create",
                source=_SOURCE,
                command=_delete(rule, "foreign"),
            )


@check("RUL413", "rules")
def rules_that_hide_numbers(facts: Facts) -> Iterator[Finding]:
    """Rules by which one anonymous call can stop the server."""
    for rule in facts.rules.get():
        if rule.hide_phone_number:
            yield found("RUL413", _label(rule), f"{_told(rule)} has hide_phone_number", source=_SOURCE)


@check("RUL414", "rules", "inbound", "outbound")
def dangling_trunk_ids(facts: Facts) -> Iterator[Finding]:
    """Rules that name trunks which do not exist, or which only make calls."""
    inbound = {trunk.sip_trunk_id for trunk in facts.inbound.get()}
    outbound = {trunk.sip_trunk_id for trunk in facts.outbound.get()}
    for rule in facts.rules.get():
        dangling = [trunk_id for trunk_id in rule.trunk_ids if trunk_id not in inbound]
        if dangling:
            what = "an outbound trunk" if dangling[0] in outbound else "no trunk"
            yield found(
                "RUL414",
                _label(rule),
                f"{_told(rule)} names {dangling[0]!r}, which is {what}",
                observed=", ".join(dangling),
                expected="ids of inbound trunks",
                source=_SOURCE,
            )


@check("RUL415", "rules")
def rules_while_telephony_is_off(facts: Facts) -> Iterator[Finding]:
    """Owned rules that nobody will delete."""
    if "ROOM_TELEPHONY_ENABLED" not in facts.settings.telephony.given:
        yield skipped("RUL415", "ROOM_TELEPHONY_ENABLED is not known")
        return
    owned = [rule for rule in facts.rules.get() if facts.mark.owns(rule)]
    if owned and not facts.settings.telephony.enabled:
        yield found(
            "RUL415",
            counted(len(owned), "rule"),
            "Meet does not delete them while telephony is off",
            observed="ROOM_TELEPHONY_ENABLED=False",
            source=_SOURCE,
        )


@check("RUL416", "participants", sees=("ghosts",))
def rooms_of_phone_callers(facts: Facts) -> Iterator[Finding]:
    """Rooms that hold phone callers and nobody else."""
    ghosts = facts.ghosts.value or frozenset()
    for room, people in facts.participants.get().items():
        if people and room not in ghosts and all(person.is_phone for person in people):
            yield found(
                "RUL416",
                f"room {room}",
                f"{len(people)} by phone, nobody else",
                source="ListParticipants",
            )
