"""How things are named in sentences."""

from sipctl.telephony.model import DispatchRule, RuleKind, Trunk


def describe_rule(rule: DispatchRule) -> str:
    """A rule by id and room, and by its name unless that only repeats the room, as Meet's names do."""
    repeats_the_room = rule.kind is RuleKind.DIRECT and bool(rule.room_name) and rule.name.endswith(rule.room_name)
    name = "" if repeats_the_room else f"{rule.name or 'unnamed'}, "
    return f"{rule.sip_dispatch_rule_id} ({name}{describe_room(rule)})".lstrip()


def describe_room(rule: DispatchRule) -> str:
    """Where a rule leads: its room, or the pattern of its rooms."""
    if rule.kind is None:
        return "no rule type"
    if rule.kind is RuleKind.DIRECT:
        return f"room {rule.room_name!r}"
    number = "caller" if rule.kind is RuleKind.INDIVIDUAL else "callee"
    return f"rooms {f'{rule.room_name}_' if rule.room_name else ''}<{number}>"


def describe_trunk(trunk: Trunk) -> str:
    """A trunk by id and name."""
    return f"{trunk.sip_trunk_id} ({trunk.name or 'unnamed'})".lstrip()


def counted(number: int, thing: str) -> str:
    """A number of things: "1 rule", "2 rules"."""
    return f"{number} {thing}{'s' if number != 1 else ''}"
