"""Which rooms a rotation is about, and what forbids it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sipctl.config.model import Settings
from sipctl.errors import SafeguardError
from sipctl.operations.pins import without_pin
from sipctl.operations.safeguards import SPARED, check_sole_issuer, foreign_carriers, refusal, spared_by
from sipctl.operations.snapshot import Live
from sipctl.telephony.carriers import by_pin, carriers
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.registered import Holding

if TYPE_CHECKING:
    from sipctl.registry.store import Registry


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """Which rooms are rotated, and which are left out, each with the reason: "live" or "protected".

    `foreign` are the rules of others that carry the PINs of rooms to be rotated, by room: the rotation is refused.
    """

    rooms: tuple[Holding, ...]
    left_out: tuple[tuple[Holding, str], ...] = ()
    foreign: Mapping[str, tuple[DispatchRule, ...]] = field(default_factory=dict)

    @property
    def refusal(self) -> SafeguardError | None:
        """What forbids the rotation of them all, unless `--allow` has its word."""
        return next((foreign_carriers(room, rules) for room, rules in self.foreign.items()), None)


def plan_rotation(
    registry: "Registry",
    settings: Settings,
    rooms: Iterable[str] | None,
    live: Live | None,
    allow: frozenset[str],
    *,
    alone: str = "",
) -> RotationPlan:
    """Which of the named rooms that have a PIN are rotated; `rooms` None = all that the registry knows.

    `alone` is the name of a room that is the only one: it is refused where a set would leave it out.

    Raises:
        NotFoundError, UsageError: the registry knows no such room, or several; the only one has no PIN.
        SafeguardError: the only one is live or protected, or another system hands out PINs.
    """
    if live:
        check_sole_issuer(registry, settings.mark, live)
    meant = registry.holdings() if rooms is None else registry.find_all(rooms)
    held = [holding for holding in dict.fromkeys(meant) if holding.pin]
    if alone and not held:
        raise without_pin(alone)
    spared = spared_by(settings, live, allow)
    reasons = [(holding, spared(holding.room)) for holding in held]
    left_out = tuple((holding, reason) for holding, reason in reasons if reason)
    if alone and left_out:
        word, described = SPARED[left_out[0][1]]
        raise refusal(word, f"will not rotate the PIN of room {left_out[0][0].room!r}: {described}")
    rotated = tuple(holding for holding, reason in reasons if not reason)
    foreign = {} if "foreign" in allow else rules_of_others(rotated, live, settings.mark)
    return RotationPlan(rotated, left_out, foreign)


def rules_of_others(
    rooms: Iterable[Holding], live: Live | None, mark: Ownership
) -> Mapping[str, tuple[DispatchRule, ...]]:
    """The rules that the profile does not own and that carry the PINs of these rooms, by room.

    One that leads to another room accepts the PIN, too, though the other room is what it opens.
    """
    rules = by_pin(live.rules if live else ())
    found = {one.room: carriers(rules, one.room, one.pin, mark) for one in rooms if one.pin in rules}
    others = {
        room: (*all_of_it.foreign, *(rule for rule in all_of_it.elsewhere if not mark.owns(rule)))
        for room, all_of_it in found.items()
    }
    return {room: rules_of_it for room, rules_of_it in others.items() if rules_of_it}
