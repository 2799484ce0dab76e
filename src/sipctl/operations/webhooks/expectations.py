"""What must be true in LiveKit after events: rooms that have a rule, and rooms that have none."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from sipctl.telephony.naming import counted
from sipctl.telephony.ownership import Ownership

if TYPE_CHECKING:
    from sipctl.lkapi.client import LiveKitClient

_PAUSE_S: Final = 0.1


async def unmet(
    client: "LiveKitClient",
    mark: Ownership,
    expected: Mapping[str, bool],
    within_s: float,
    clock: Callable[[], float] | None = None,
) -> dict[str, str]:
    """The rooms that are not as expected after so many seconds, each with what is wrong; {} as soon as all are.

    True = the room has exactly one owned rule, False = it has none.

    Raises:
        SipctlError: LiveKit did not answer.
    """
    clock = clock or asyncio.get_running_loop().time
    until = clock() + within_s
    while True:
        rules = Counter(rule.room_name for rule in await client.list_rules() if mark.owns(rule))
        wrong = {room: _fault(rules[room], has_rule) for room, has_rule in expected.items()}
        wrong = {room: fault for room, fault in wrong.items() if fault}
        if not wrong or clock() >= until:
            return wrong
        await asyncio.sleep(_PAUSE_S)


def _fault(count: int, has_rule: bool) -> str:
    if count == int(has_rule):
        return ""
    return f"room has {counted(count, 'rule') if count else 'no rule'}, expected {'one' if has_rule else 'none'}"
