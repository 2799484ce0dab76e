"""What a write is stopped by: words of `--allow`, protected profiles and rooms, rooms where someone may be dialling."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sipctl.command_line import CommandLine, quoted
from sipctl.config.model import Settings
from sipctl.errors import RetiredPinError, SafeguardError, unknown_value
from sipctl.operations.snapshot import Live
from sipctl.telephony.linting.fault import REFUSED, REFUSED_TRUNKS
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.naming import counted, describe_rule
from sipctl.telephony.ownership import Ownership, serves
from sipctl.telephony.pins import is_pin

if TYPE_CHECKING:
    from sipctl.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What the command line allows: safeguards by their word, a protected profile by its name."""

    allow: frozenset[str] = frozenset()
    confirm: str = ""
    dry_run: bool = False


def check_profile(settings: Settings, permit: Permit) -> None:
    """Stop unless a protected profile is confirmed by its name.

    Raises:
        SafeguardError: it is not.
    """
    profile = settings.profile
    if settings.protected and permit.confirm != profile:
        raise SafeguardError(
            f"profile {profile!r} is protected", code="rail-protected", hint=f"add `{quoted('--confirm', profile)}`"
        )


SAFEGUARDS: Final = (
    "call",
    "foreign",
    "foreign-export",
    "in-use",
    "live-room",
    "open",
    "protected",
    "retired-pin",
    "telephony-off",
    "unattended",
    *REFUSED,
    *REFUSED_TRUNKS,
)
"""The words of `--allow`; codes are those of faults that a write must not bring about."""


def permit_from(allow: Iterable[str], confirm: str, *, dry_run: bool) -> Permit:
    """The permit that these words give.

    Raises:
        UsageError: a word names no safeguard.
    """
    unknown = sorted(set(allow) - set(SAFEGUARDS))
    if unknown:
        raise unknown_value("--allow", unknown[0], SAFEGUARDS)
    return Permit(allow=frozenset(allow), confirm=confirm, dry_run=dry_run)


def refusal(word: str, reason: str) -> SafeguardError:
    """What stops a write for this reason unless `--allow` has the word."""
    return SafeguardError(reason, code=f"rail-{word}", hint=f"to do it all the same, add `{quoted('--allow', word)}`")


def retired_pin(rule: DispatchRule, objection: str) -> RetiredPinError:
    """What stops a rule from coming back unless `--allow` has the word for it."""
    lifted = refusal("retired-pin", f"the rule of room {rule.room_name!r} does not come back: {objection}")
    return RetiredPinError(lifted.message, hint=lifted.advice)


_SHOWN: Final = 5
"""How many rules a refusal names."""


def foreign_carriers(room: str, rules: Sequence[DispatchRule]) -> SafeguardError:
    """What stops a rotation unless `--allow foreign`: rules of others accept the room's PIN, too."""
    described = ", ".join(
        one.sip_dispatch_rule_id + ("" if serves(one, room) else f" (it leads to {one.room_name!r})")
        for one in rules[:_SHOWN]
    )
    verb = "carries" if len(rules) == 1 else "carry"
    return refusal(
        "foreign",
        f"will not rotate the PIN of room {room!r}: {counted(len(rules), 'rule')} that this profile does not own"
        f" {verb} it, too: {described}",
    )


SPARED: Final = {
    "live": ("live-room", "it is live, and someone may be dialling"),
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
    """Refuse to work on a registry of our own that does not know the PINs which live rules of this profile carry.

    Else two systems would hand out different PINs. Meet's own table is the truth: a rule with another PIN is drift.

    Raises:
        SafeguardError: another backend writes these PINs.
    """
    if registry.in_meet:
        return
    owned = (rule for rule in live.rules if rule.room_name in live.rooms and mark.owns(rule))
    carried = {rule.pin: rule for rule in owned if is_pin(rule.pin)}
    known = registry.holders(carried)
    strangers = [rule for pin, rule in carried.items() if pin not in known]
    if strangers:
        raise SafeguardError(
            f"two systems would hand out PINs: another backend, probably Meet, wrote {counted(len(strangers), 'rule')}"
            f" with a PIN that this registry does not know: {_described(strangers)}",
            code="two-truths",
            hint=(
                'point the registry at its database (registry.layout = "meet"), or bring its PINs in by ',
                CommandLine.of("pin", "import", "--from-rules", "--apply"),
            ),
        )


def check_home(settings: Settings) -> None:
    """Refuse to work on PINs in a file of our own beside a Meet, which has PINs of its own and would not know them.

    Raises:
        SafeguardError: the env files are Meet's, and no registry is named.
    """
    registry = settings.registry
    if registry.meets_files and not (registry.in_meet or registry.url):
        raise SafeguardError(
            f"Meet would not know PINs of sipctl's own file: the env files are Meet's ({registry.meets_files})",
            code="rail-not-meets",
            hint='write `registry = { layout = "meet" }` into the profile: PINs are then those of Meet\'s table',
        )


def _described(rules: Sequence[DispatchRule]) -> str:
    more = f" and {len(rules) - _SHOWN} more" if len(rules) > _SHOWN else ""
    return ", ".join(map(describe_rule, rules[:_SHOWN])) + more
