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
