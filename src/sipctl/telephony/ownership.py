"""Which dispatch rules belong to this backend, and which room a rule serves."""

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sipctl.telephony.model import DispatchRule, RuleKind

ROOM_FIELD: Final = "{room}"


@dataclass(frozen=True)
class Ownership:
    """The mark of this backend's rules: a direct rule named exactly after its own room.

    `name_template` holds `{room}` once; `room_pattern` is a regular expression that the whole room name must match
    (None = every room). Any other rule is foreign. Meet's mark is `SIP_` and the room's UUID.
    """

    name_template: str = "SIP_{room}"
    room_pattern: str | None = None

    @cached_property
    def _affixes(self) -> tuple[str, str]:
        before, _, after = self.name_template.partition(ROOM_FIELD)
        return before, after

    @cached_property
    def _room(self) -> re.Pattern[str]:
        return re.compile(self.room_pattern if self.room_pattern is not None else r".*", re.DOTALL)

    def name_for(self, room: str) -> str:
        """The name that an owned rule of this room has."""
        before, after = self._affixes
        return f"{before}{room}{after}"

    def room_named_by(self, rule: DispatchRule) -> str | None:
        """The room that the name of a direct rule says; None = it carries no such mark, or any name would be one."""
        before, after = self._affixes
        marked = rule.name.startswith(before) and rule.name.endswith(after) and len(rule.name) >= len(before + after)
        if rule.kind is not RuleKind.DIRECT or not marked or not (before or after):
            return None
        return rule.name[len(before) : len(rule.name) - len(after)]

    def owns(self, rule: DispatchRule) -> bool:
        """Whether the rule carries this backend's mark."""
        return (
            rule.kind is RuleKind.DIRECT and rule.name == self.name_for(rule.room_name) and self.is_ours(rule.room_name)
        )

    def is_ours(self, room: str) -> bool:
        """Whether a room of this name is one of this backend's."""
        return self._room.fullmatch(room) is not None

    def is_stale(self, rule: DispatchRule, live_rooms: Container[str]) -> bool:
        """Whether the rule is owned and its room is not among the live ones. List rules first, rooms second."""
        return rule.room_name not in live_rooms and self.owns(rule)


def is_open(rule: DispatchRule) -> bool:
    """Whether the rule lets callers in without a PIN."""
    return not rule.pin


def serves(rule: DispatchRule, room: str) -> bool:
    """Whether calls of this rule land in this room (livekit/protocol sip/sip.go, EvaluateDispatchRule).

    A direct rule names its room. The other kinds make rooms called `<prefix>_…`, or any name without a prefix. A rule
    without a type leads nowhere.
    """
    if rule.kind is None:
        return False
    if rule.kind is RuleKind.DIRECT:
        return rule.room_name == room
    return not rule.room_name or room == rule.room_name or room.startswith(f"{rule.room_name}_")
