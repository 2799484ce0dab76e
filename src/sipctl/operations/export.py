"""An export of what a server holds: trunks, rules, live rooms, in LiveKit's own JSON."""

import secrets
import string
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sipctl.command_line import CommandLine
from sipctl.config.urls import same_server
from sipctl.errors import SafeguardError, UsageError
from sipctl.masking import shown_url
from sipctl.operations.safeguards import refusal
from sipctl.telephony.livekit_json import room_to_json, rule_to_json, trunk_to_json
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.snapshot import Origin, Snapshot

EXPORT_TO_FILE: Final = CommandLine.of("rules", "export").on("FILE")

_BUG_MARKER: Final = "None"
"""The PIN that Meet writes for a room without one: no secret, and what the doctor looks for."""


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


def check_origin(origin: Origin | None, named: str, url: str, allow: Container[str]) -> str:
    """Refuse to restore from an export that would not bring back what was here; what a person should know besides.

    `named` is what the export is called, `url` the server to restore to.

    Raises:
        UsageError: a newer version wrote it.
        SafeguardError: its PINs are not the real ones, or it is of another server and that is not allowed.
    """
    if origin is None:
        return f"{named} does not say of which server it is, nor whether its PINs are real"
    if not origin.is_known:
        raise UsageError(f"the head of {named} is none that this version knows", hint="use the sipctl that wrote it")
    if not origin.has_real_pins:
        raise SafeguardError(
            f"{named} restores nothing: its PINs are swapped for others",
            code="rail-swapped-pins",
            hint=(EXPORT_TO_FILE, " writes one that restores"),
        )
    if not origin.server:
        return f"{named} does not say of which server it is"
    if not same_server(origin.server, url) and "foreign-export" not in allow:
        raise refusal("foreign-export", f"{named} is of {shown_url(origin.server)}, and this is {shown_url(url)}")
    return ""


def records(snapshot: Snapshot, swap: PinSwap | None) -> Mapping[str, Iterable[Mapping[str, Any]]]:
    """The three lists of a snapshot in LiveKit's JSON, made as they are consumed; trunks without their passwords."""
    rules = snapshot.rules or ()
    return {
        "trunks": map(trunk_to_json, snapshot.trunks or ()),
        "rules": map(rule_to_json, map(swap.rule, rules) if swap else rules),
        "rooms": map(room_to_json, snapshot.rooms or ()),
    }
