"""Live rooms whose rules do not carry the PIN that the room has: typing it opens nothing yet."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable

from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership, is_open
from sipctl.telephony.pins import is_pin


def behind_by(rules: Iterable[DispatchRule], live: Container[str], mark: Ownership) -> Callable[[str, str], str]:
    """Says of a room and its PIN why this PIN does not open it though it is live; "" = it does, or is not live."""
    owned: defaultdict[str, list[DispatchRule]] = defaultdict(list)
    for rule in rules:
        if mark.owns(rule):
            owned[rule.room_name].append(rule)

    def behind(room: str, pin: str) -> str:
        if room not in live or not mark.is_ours(room):
            return ""
        wrong = next((rule for rule in owned.get(room, ()) if rule.pin != pin or not is_pin(rule.pin)), None)
        if wrong:
            return f"its rule {wrong.sip_dispatch_rule_id} {_fault(wrong)}"
        return "" if room in owned else "it has no rule of this profile"

    return behind


def _fault(rule: DispatchRule) -> str:
    if is_open(rule):
        return "is open"
    return "has the word None as its PIN" if rule.pin == "None" else "carries another PIN"
