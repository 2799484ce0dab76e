"""Which of two dispatch rules LiveKit prefers (livekit/protocol sip/sip.go, MatchDispatchRuleIter)."""

from typing import Final

from sipctl.telephony.model import DispatchRule, RuleKind

_DIRECT, _INDIVIDUAL = RuleKind.DIRECT, RuleKind.INDIVIDUAL
_OPEN: Final = 100
_ANY_NUMBER: Final = 1000


def priority(rule: DispatchRule) -> int:
    """The rank among rules that name the trunk, or among those that name none; lower wins."""
    if rule.kind is None:
        raise ValueError("a rule without a type is never evaluated")
    kind = 0 if rule.kind is _DIRECT else 1 if rule.kind is _INDIVIDUAL else 2
    numbers = (not rule.inbound_numbers) + (not rule.numbers)
    return kind + (0 if rule.pin else _OPEN) + _ANY_NUMBER * numbers


def can_meet(one: DispatchRule, other: DispatchRule) -> bool:
    """Whether some call could match both rules, were each alone: neither trunks nor numbers keep them apart."""
    return (
        _overlap(one.trunk_ids, other.trunk_ids)
        and _overlap(one.numbers, other.numbers)
        and _overlap(one.inbound_numbers, other.inbound_numbers)
    )


def outranks(one: DispatchRule, other: DispatchRule) -> bool:
    """Whether LiveKit prefers `one` where both match: rules that name the trunk always beat those that name none."""
    if bool(one.trunk_ids) != bool(other.trunk_ids):
        return bool(one.trunk_ids)
    return (priority(one), one.room_name.encode()) < (priority(other), other.room_name.encode())


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two restrictions let something through both; none at all lets everything through."""
    return not one or not other or not set(one).isdisjoint(other)
