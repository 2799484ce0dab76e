"""Which PIN a dispatch rule may carry that comes back: restored by a person, or put back by a run.

That it existed once is no reason for its PIN to open the room again. A PIN that was rotated away may be known to people
who must not get in, and one that was released may be another room's. So the registry is asked as it is today.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sipctl.telephony.model import DispatchRule, RuleKind
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsToday:
    """What the registry says today: the PINs `of_rooms`; of PINs which room has them `in_use`, or had them `retired`.

    A PIN that was taken away stays so after its quarantine, until another room has it. `others_change_pins` = a backend
    writes them, too, and leaves no note of the old ones.
    """

    of_rooms: Mapping[str, str]
    in_use: Mapping[str, str]
    retired: Mapping[str, str]
    others_change_pins: bool = False


@dataclass(frozen=True, slots=True)
class Returning:
    """A rule with the PIN that it may come back with; `objection` = why it must not come back, "" = it may.

    `has_todays_pin` = its PIN is another one than it was.
    """

    rule: DispatchRule
    objection: str = ""
    has_todays_pin: bool = False


def as_of_today(rule: DispatchRule, today: PinsToday | None, mark: Ownership) -> Returning:
    """The rule with the PIN that its room has today, or why its own one must not come back.

    `today` None = there is no registry: it comes back as it was. So does a rule whose PIN the registry never knew. Only
    where others change PINs, a rule with the profile's `mark` may have had one that they took away.
    """
    if today is None:
        return Returning(rule)
    current = today.of_rooms.get(rule.room_name, "") if rule.kind is RuleKind.DIRECT else ""
    known = rule.pin in today.in_use or rule.pin in today.retired
    if is_pin(current) and (known or (today.others_change_pins and mark.owns(rule))):
        return Returning(replace(rule, pin=current), has_todays_pin=current != rule.pin)
    return Returning(rule, _objection(rule.pin, today))


def _objection(pin: str, today: PinsToday) -> str:
    if pin in today.in_use:
        return f"its PIN is that of room {today.in_use[pin]!r} by now"
    if pin in today.retired:
        return f"its PIN was taken away from room {today.retired[pin]!r}"
    return ""
