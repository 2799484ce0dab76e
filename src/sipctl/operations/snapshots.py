"""A snapshot of what a server holds: trunks, rules, live rooms, in LiveKit's own JSON."""

import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sipctl.lkapi.client import LiveKitClient
from sipctl.telephony.livekit_json import room_to_json, rule_to_json, trunk_to_json
from sipctl.telephony.model import DispatchRule, InboundTrunk, Room

_BUG_MARKER: Final = "None"
"""The PIN that Meet writes for a room without one: no secret, and what the doctor looks for."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a server holds. Rules were listed before rooms."""

    trunks: Sequence[InboundTrunk]
    rules: Sequence[DispatchRule]
    rooms: Sequence[Room]


async def take_snapshot(client: LiveKitClient) -> Holdings:
    """One look at everything that decides where calls land."""
    rules = tuple(await client.list_rules())
    return Holdings(await client.list_inbound_trunks(), rules, await client.list_rooms())


@dataclass(slots=True)
class PinSwap:
    """Swaps PINs one-to-one for others of the same length and kind, so that what is alike stays alike.

    No PIN becomes one that is really in use. `below(n)` is a uniform integer from 0 up to n.
    """

    real: frozenset[str]
    below: Callable[[int], int] = secrets.randbelow
    _swapped: dict[str, str] = field(default_factory=dict)

    def rule(self, rule: DispatchRule) -> DispatchRule:
        """The rule with another PIN."""
        return replace(rule, pin=self.pin(rule.pin))

    def pin(self, pin: str) -> str:
        """What stands for a PIN; the same each time."""
        if pin in {"", _BUG_MARKER}:
            return pin
        if pin not in self._swapped:
            self._swapped[pin] = self._another(pin)
        return self._swapped[pin]

    def _another(self, pin: str) -> str:
        taken = self.real | set(self._swapped.values())
        drawn = "".join(map(self._like, pin))
        while drawn in taken and any(map(str.isalnum, pin)):
            drawn = "".join(map(self._like, pin))
        return drawn

    def _like(self, character: str) -> str:
        for kind in (string.digits, string.ascii_letters):
            if character in kind:
                return kind[self.below(len(kind))]
        return character


def records(holdings: Holdings, swap: PinSwap | None) -> Mapping[str, Iterable[Mapping[str, Any]]]:
    """The three lists of a snapshot in LiveKit's JSON, made as they are consumed; trunks without their passwords."""
    rules = map(swap.rule, holdings.rules) if swap else holdings.rules
    return {
        "trunks": map(trunk_to_json, holdings.trunks),
        "rules": map(rule_to_json, rules),
        "rooms": map(room_to_json, holdings.rooms),
    }
