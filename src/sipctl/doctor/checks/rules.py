"""RUL4xx: what rules and rooms together prove. What rules and trunks prove is linting's."""

from collections import defaultdict
from collections.abc import Iterator

from sipctl.doctor.check import check, found, skipped
from sipctl.doctor.facts import Facts
from sipctl.findings import Finding
from sipctl.telephony.commands import delete_rule
from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.naming import counted, told_rule

_SOURCE = "ListSIPDispatchRule"


def _label(rule: DispatchRule) -> str:
    return f"rule {rule.sip_dispatch_rule_id}"


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
                command=delete_rule(rule, facts.mark, live),
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


@check("RUL409", "rules")
def foreign_rules(facts: Facts) -> Iterator[Finding]:
    """Rules of others."""
    foreign = [rule for rule in facts.rules.get() if not facts.mark.owns(rule)]
    if foreign:
        yield found(
            "RUL409",
            counted(len(foreign), "rule") if len(foreign) > 1 else _label(foreign[0]),
            f"not named {facts.settings.name_template!r} after their room, for example {told_rule(foreign[0])}",
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
            yield found("RUL411", f"room {room}", ", ".join(map(told_rule, rules)), source=_SOURCE)


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
