"""The rules that accept one PIN, seen from the room whose PIN it is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership, serves

RulesByPin = Mapping[str, Sequence[DispatchRule]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """The rules that accept a room's PIN.

    `own` are the room's, by the profile's mark; `foreign` ones of others, whose calls can land in this room, too.
    `elsewhere` lead to other rooms, whose PIN it is as well.
    """

    own: tuple[DispatchRule, ...] = ()
    foreign: tuple[DispatchRule, ...] = ()
    elsewhere: tuple[DispatchRule, ...] = ()


def by_pin(rules: Iterable[DispatchRule]) -> RulesByPin:
    """The rules that ask for a PIN, by that PIN."""
    found: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in rules:
        if rule.pin:
            found[rule.pin].append(rule)
    return found


def carriers(rules: RulesByPin, room: str, pin: str, mark: Ownership) -> Carriers:
    """Which rules accept this PIN of this room."""
    accepting = rules.get(pin, ())
    leading = [rule for rule in accepting if serves(rule, room)]
    return Carriers(
        own=tuple(rule for rule in leading if mark.owns(rule)),
        foreign=tuple(rule for rule in leading if not mark.owns(rule)),
        elsewhere=tuple(rule for rule in accepting if not serves(rule, room)),
    )
