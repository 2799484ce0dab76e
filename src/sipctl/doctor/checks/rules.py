"""RUL4xx: what rules and rooms together prove. What rules and trunks prove is linting's."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sipctl.doctor.facts import REACH_NEEDS, REACH_SEES, Facts
from sipctl.findings.check import Check, found, skipped
from sipctl.findings.record import Finding, Level
from sipctl.telephony.commands import delete_rule, update_rule
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.naming import counted, describe_rule
from sipctl.telephony.reach.words import describe_reach
from sipctl.telephony.ruleset import RulesByScope, covers, meet

_SOURCE = "ListSIPDispatchRule"


def _label(rule: DispatchRule) -> str:
    return f"rule {rule.sip_dispatch_rule_id}"


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
                command=delete_rule(rule, facts.mark, live),
            )


def names_that_disagree(facts: Facts) -> Iterator[Finding]:
    """Rules with the mark of one room that lead to another: an error while callers do not get into the first."""
    missing_in = {row.room: row for row in facts.reach if row.attended and row.cause and row.cause.code == "RUL407"}
    for rule in facts.rules.get():
        named = facts.mark.room_named_by(rule)
        if named is not None and named != rule.room_name:
            lost = missing_in.get(named)
            yield found(
                "RUL407",
                _label(rule),
                f"{rule.name} leads to room {rule.room_name!r}" + (f": {describe_reach(lost)}" if lost else ""),
                level=Level.ERROR if lost and not facts.settings.telephony.is_off else None,
                command=update_rule(rule, ("--room", named), facts.mark, facts.site.live or ()) if lost else None,
                observed=rule.room_name,
                expected=named,
                source=_SOURCE,
            )


def foreign_rules(facts: Facts) -> Iterator[Finding]:
    """Rules of others."""
    foreign = [rule for rule in facts.rules.get() if not facts.mark.owns(rule)]
    if foreign:
        yield found(
            "RUL409",
            counted(len(foreign), "rule") if len(foreign) > 1 else _label(foreign[0]),
            f"not named {facts.settings.name_template!r} after their room, for example {describe_rule(foreign[0])}",
            source=_SOURCE,
        )


def no_rule(facts: Facts) -> Iterator[Finding]:
    """A server without rules, while no one is in a meeting. If someone is, RUL421 says so."""
    if not facts.rules.get() and not any(row.attended for row in facts.reach):
        yield found("RUL410", detail="a caller hears ringing now", source=_SOURCE)


def superfluous_rules(facts: Facts) -> Iterator[Finding]:
    """Rooms that several PINs lead to, or two rules of which one takes every call of the other."""
    for room, rules in _rooms_of_several_rules(facts):
        if len({rule.pin for rule in rules}) > 1 or any(_is_covered(*pair) for pair in _meeting(rules)):
            yield found("RUL411", f"room {room}", ", ".join(map(describe_rule, rules)), source=_SOURCE)


def rules_that_overlap_in_part(facts: Facts) -> Iterator[Finding]:
    """Rules of one room and one PIN that share calls with another one, of which neither is a duplicate."""
    for room, rules in _rooms_of_several_rules(facts):
        pairs = (pair for pair in _meeting(rules) if pair[0].pin == pair[1].pin and not _is_covered(*pair))
        if pair := next(pairs, None):
            yield found("RUL420", f"room {room}", " and ".join(map(describe_rule, pair)), source=_SOURCE)


def _is_covered(one: DispatchRule, other: DispatchRule) -> bool:
    return covers(one, other) or covers(other, one)


def _meeting(rules: Sequence[DispatchRule]) -> Iterator[tuple[DispatchRule, DispatchRule]]:
    """The pairs of rules that share calls."""
    earlier = RulesByScope()
    for rule in rules:
        yield from ((other, rule) for other in earlier.near(rule) if meet(other, rule))
        earlier.add(rule)


def _rooms_of_several_rules(facts: Facts) -> Iterator[tuple[str, list[DispatchRule]]]:
    by_room: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in facts.rules.get():
        if rule.kind is RuleKind.DIRECT:
            by_room[rule.room_name].append(rule)
    return ((room, rules) for room, rules in by_room.items() if len(rules) > 1)


def rules_while_telephony_is_off(facts: Facts) -> Iterator[Finding]:
    """Owned rules that no one will delete."""
    if "ROOM_TELEPHONY_ENABLED" not in facts.settings.telephony.given:
        yield skipped("RUL415", "ROOM_TELEPHONY_ENABLED is not known")
        return
    owned = [rule for rule in facts.rules.get() if facts.mark.owns(rule)]
    if owned and facts.settings.telephony.is_off:
        yield found(
            "RUL415",
            counted(len(owned), "rule"),
            "Meet does not delete them while telephony and roomkit are off",
            observed="ROOM_TELEPHONY_ENABLED=False",
            source=_SOURCE,
        )


def rooms_of_phone_callers(facts: Facts) -> Iterator[Finding]:
    """Rooms that hold phone callers and no one else."""
    ghosts = facts.ghosts.value or frozenset()
    for room, people in facts.participants.get().items():
        if people and room not in ghosts and all(person.is_phone for person in people):
            yield found(
                "RUL416",
                f"room {room}",
                f"{len(people)} by phone, no one else",
                source="ListParticipants",
            )


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check("RUL405", stale_rules, needs=("rules", "rooms")),
    Check("RUL407", names_that_disagree, needs=("rules",), sees=(*REACH_NEEDS, *REACH_SEES)),
    Check("RUL409", foreign_rules, needs=("rules",)),
    Check("RUL410", no_rule, needs=("rules",), sees=(*REACH_NEEDS, *REACH_SEES)),
    Check("RUL411", superfluous_rules, needs=("rules",)),
    Check("RUL420", rules_that_overlap_in_part, needs=("rules",)),
    Check("RUL415", rules_while_telephony_is_off, needs=("rules",)),
    Check("RUL416", rooms_of_phone_callers, needs=("participants",), sees=("ghosts",)),
)
