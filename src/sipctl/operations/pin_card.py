"""All about one room's PIN: the number to dial, and what becomes of those who do."""

from dataclasses import dataclass, replace

from sipctl.config.model import Settings
from sipctl.operations.reach import Observed
from sipctl.telephony.e164 import to_e164
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import Reach, ReachWord, unknown
from sipctl.telephony.reach.words import describe_reach
from sipctl.telephony.registered import Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All about one room's PIN. `rules`, `live` and `reach` are None if LiveKit was not asked.

    `number` is in E.164, `one_tap` what a phone dials in one go; both "" if the number is not set. `is_ours` = the room
    has a name that this backend makes.
    """

    holding: Holding
    number: str
    one_tap: str
    is_ours: bool
    rules: tuple[DispatchRule, ...] | None = None
    live: bool | None = None
    reach: Reach | None = None

    @property
    def outcome(self) -> ReachWord | None:
        """The word for what becomes of callers; None unless the room is live, and one of this backend's."""
        return self.reach.outcome.value if self.reach and self.live and self.is_ours else None

    @property
    def caller_hears(self) -> str:
        """What becomes of callers, as a sentence without its full stop."""
        if self.reach is None:
            return "LiveKit was not asked"
        return describe_reach(self.reach) if self.live else f"{describe_reach(self.reach)}; the room is not live"


def card(settings: Settings, holding: Holding, observed: Observed | None) -> Card:
    """The card of a room."""
    telephony, room = settings.telephony, holding.room
    number = telephony.phone_number and to_e164(telephony.phone_number, telephony.default_country)
    blank = Card(
        holding=holding,
        number=number or "",
        one_tap=f"{number},,{holding.pin}#" if number and holding.pin else "",
        is_ours=settings.mark.is_ours(room),
    )
    return _with_callers(blank, observed) if observed else blank


def _with_callers(blank: Card, observed: Observed) -> Card:
    room, site = blank.holding.room, observed.site
    reach = Reacher(replace(site, pins={room: blank.holding.pin})).of(room) if site else unknown(room, observed.why)
    return replace(
        blank,
        rules=tuple(rule for rule in observed.rules if rule.room_name == room),
        live=any(one.name == room for one in observed.rooms),
        reach=reach,
    )
