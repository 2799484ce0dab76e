"""Whom LiveKit asks for a PIN: the rule that comes first for a call decides it, whatever room the caller is going to.

If a rule goes, an open one may come first where callers were asked; if one is written, callers may be asked where an
open one came first. Either changes what becomes of calls to other rooms. A rule that hides phone numbers counts as an
open one here: where it comes first, a call without a caller's number fails.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.pins import is_pin
from sipctl.telephony.priority import priority
from sipctl.telephony.ruleset import meet, takes_all_of

_Place = tuple[bool, int]
_Shape = tuple[_Place, bool, bool, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(slots=True)
class Prompts:
    """The rules of one state. `live` are the live rooms, `pins` the registry's PINs, as far as they are known.

    What it cannot tell it takes for harm: where the order of two rules hangs on names of rooms, and where several rules
    together would do what no single one does.
    """

    rules: Sequence[DispatchRule]
    live: frozenset[str]
    pins: Mapping[str, str]
    _asking: list[DispatchRule] = field(init=False)
    _doors: list[DispatchRule] = field(init=False)

    def __post_init__(self) -> None:
        typed = [rule for rule in self.rules if rule.kind is not None]
        self._asking = [rule for rule in typed if rule.pin]
        self._doors = [rule for rule in typed if not rule.pin or rule.hide_phone_number]

    def needed_of(self, going: Iterable[DispatchRule]) -> dict[str, str]:
        """Which of the rules that would go are needed, so that callers of live rooms are asked for a PIN.

        Each id with that of the rule that would come first in its place.
        """
        if not self._doors:
            return {}
        going = list(going)
        leaving = {rule.sip_dispatch_rule_id for rule in going}
        staying = [rule for rule in self._asking if rule.sip_dispatch_rule_id not in leaving]
        needed: dict[str, str] = {}
        harmless: set[_Shape] = set()
        for rule in going:
            if (shape := _shape(rule)) in harmless or (not rule.pin and rule.room_name not in self.live):
                continue
            door = next((one for one in self._doors if self._opens(one, rule, staying)), None)
            if door is None:
                harmless.add(shape)
            else:
                needed[rule.sip_dispatch_rule_id] = door.sip_dispatch_rule_id
                staying.append(rule)
        return needed

    def _opens(self, door: DispatchRule, rule: DispatchRule, staying: Sequence[DispatchRule]) -> bool:
        """Whether, without this rule, the door comes first for a call to a live room that is asked for a PIN now."""
        comes_first_now = _place(rule) <= _place(door) and meet(door, rule)
        if door is rule or not comes_first_now or (rule.hide_phone_number and door.pin):
            return False
        if not any(self._is_behind(other, door) and meet(other, rule) for other in staying):
            return False
        return not any(_asks_before(other, door) and takes_all_of(other, rule) for other in staying)

    def _is_behind(self, rule: DispatchRule, door: DispatchRule) -> bool:
        """Whether the rule leads to a live room, and calls that fit both meet the door first."""
        leads = rule.kind is not RuleKind.DIRECT or rule.room_name in self.live
        return leads and rule is not door and _place(door) <= _place(rule) and meet(door, rule)

    def forbids(self, after: DispatchRule, before: DispatchRule | None) -> str:
        """The id of the rule for whose sake this one is not written now; "" if it may be.

        `before` is the rule in its place, None for a new one. Only where no PIN was asked before can a new prompt do
        harm: to callers of an open rule to a live room, whose PIN no rule takes yet, and to callers without a number,
        where the rule hides numbers.
        """
        if not self._doors or (before is not None and before.pin):
            return ""
        if after.hide_phone_number:
            behind = (one for one in self._asking if self._is_behind(one, after))
            return next((one.sip_dispatch_rule_id for one in behind), "")
        others = (door for door in self._doors if door is not before)
        first_now = (door for door in others if before is None or _place(door) <= _place(before))
        return next((door.sip_dispatch_rule_id for door in first_now if self._shuts_out(after, door)), "")

    def _shuts_out(self, rule: DispatchRule, door: DispatchRule) -> bool:
        """Whether callers whom the open rule lets in would be asked for a PIN, and no rule takes the right one."""
        room, pin = door.room_name, self.pins.get(door.room_name, "")
        concerns = not door.pin and door.kind is RuleKind.DIRECT and room in self.live and room != rule.room_name
        if not concerns or not is_pin(pin) or _place(door) < _place(rule) or not meet(door, rule):
            return False
        asked_before = any(_asks_before(one, door) and _takes_common(one, rule, door) for one in self._asking)
        carriers = [one for one in self._asking if one.pin == pin]
        let_in = any(_takes_common(one, rule, door) for one in carriers if one.room_name == room)
        return not asked_before and not (let_in and all(one.room_name == room for one in carriers))


def _asks_before(rule: DispatchRule, door: DispatchRule) -> bool:
    """Whether a rule with a PIN comes before the door wherever both fit, and harms no caller itself."""
    return _place(rule) < _place(door) and not rule.hide_phone_number


def _takes_common(rule: DispatchRule, one: DispatchRule, other: DispatchRule) -> bool:
    """Whether a rule surely takes the calls that two others have in common."""
    return takes_all_of(rule, one) or takes_all_of(rule, other)


def _place(rule: DispatchRule) -> _Place:
    """What LiveKit prefers by, apart from the names of rooms; smaller comes first."""
    return not rule.trunk_ids, priority(rule)


def _shape(rule: DispatchRule) -> _Shape:
    """All of a rule that matters here."""
    scope = rule.trunk_ids, rule.numbers, rule.inbound_numbers
    return _place(rule), bool(rule.pin), rule.hide_phone_number, *scope
