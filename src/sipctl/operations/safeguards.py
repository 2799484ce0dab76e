"""What keeps a PIN in its place: rooms where someone may be dialling, protected rooms, another system's PINs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sipctl.config.model import Settings
from sipctl.errors import RailError
from sipctl.operations.snapshot import Live
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.pins import is_pin

if TYPE_CHECKING:
    from sipctl.registry.store import Registry

SPARED: Final = {
    "live": ("live-room", "it is live, and somebody may be dialling"),
    "protected": ("protected", "it is on the profile's protect list"),
}
"""By the reason for which a room is left out: the word of `--allow` that includes it, and how it is described."""


def spared_by(settings: Settings, live: Live | None, allow: frozenset[str]) -> Callable[[str], str]:
    """Tells of a room why its PIN must stay, "" = it may change.

    "protected" = the room or its rule is on the protect list; "live" = a caller may be dialling right now.
    """
    protect = frozenset(settings.protect)
    rules = live.rules if live else ()
    by_rule = {rule.room_name for rule in rules if rule.sip_dispatch_rule_id in protect and settings.mark.owns(rule)}
    protected = frozenset() if "protected" in allow else protect
    live_rooms = live.rooms if live and "live-room" not in allow else frozenset()

    def spared(room: str) -> str:
        if protected and (room in by_rule or not protected.isdisjoint((room, settings.mark.name_for(room)))):
            return "protected"
        return "live" if room in live_rooms else ""

    return spared


def check_sole_issuer(registry: "Registry", mark: Ownership, live: Live) -> None:
    """Refuse to work on a registry that does not know the PINs which live rules of this profile carry.

    Else two systems would hand out different PINs.

    Raises:
        RailError: another backend writes these PINs.
    """
    owned = (rule for rule in live.rules if rule.room_name in live.rooms and mark.owns(rule))
    carried = {rule.pin: rule for rule in owned if is_pin(rule.pin)}
    known = registry.holders(carried)
    stranger = next((rule for pin, rule in carried.items() if pin not in known), None)
    if stranger:
        raise RailError(
            f"rule {stranger.sip_dispatch_rule_id} of live room {stranger.room_name!r} carries a PIN that this registry"
            " does not know: another backend, probably Meet, hands out PINs here",
            code="two-truths",
            hint='point the registry at its database (registry.layout = "meet"), or bring its PINs in by `pin import`',
        )
