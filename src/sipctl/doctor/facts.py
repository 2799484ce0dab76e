"""What the checks look at: everything gathered once, each piece with the reason if it is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sipctl.config.model import Settings
from sipctl.errors import SipctlError
from sipctl.findings.check import Lack
from sipctl.findings.record import Finding, Level
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Participant, Room
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.reach.reach import Reacher
from sipctl.telephony.reach.row import Reach, unknown
from sipctl.telephony.site import Site
from sipctl.telephony.snapshot import Snapshot

if TYPE_CHECKING:
    from sipctl.lkapi.health import Dispatches, WrongPins
    from sipctl.operations.pins import PinFacts  # and SQLAlchemy with it
    from sipctl.operations.trunk_check.check import Checked
    from sipctl.webhooks.endpoint import Endpoint
    from sipctl.webhooks.probe import Probed

T = TypeVar("T")

LIVE_FACTS: Final = (
    "asked", "ghosts", "inbound", "outbound", "participants", "rooms", "rules", "server", "sip", "skew_s", "health",
)  # fmt: skip
"""The names of what a live system tells."""
REACH_NEEDS: Final = ("rooms", "rules", "inbound")
"""What has to be known before anything can be said of callers."""
REACH_SEES: Final = ("participants", "ghosts", "outbound", "pins")
UNCHECKED: Final = "could not be checked: "
NO_SIP_METRICS: Final = "no sip_metrics_url is configured"
NO_METRICS: Final = "no livekit_metrics_url is configured"
NO_PROBE: Final = "no signed event was sent: --probe-webhook does"
_OFFLINE: Final = "offline: no live system was asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """One question's outcome: a value, or the error that came instead, or why it was not asked."""

    value: T | None = None
    error: SipctlError | None = None
    not_asked: str = ""

    def get(self) -> T:
        """The value, for a check that declared its need of it."""
        if self.value is None:
            raise LookupError("a check reads an answer that it does not declare")
        return self.value


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One deployment at one moment.

    `asked` is whether a live system was looked at at all; `server` is whether LiveKit answers and lets us in;
    `skew_s` its clock minus ours in seconds; `participants` are by room name; `ghosts` are names of listed rooms whose
    node is gone; `health` is the SIP node's HTTP status and the start of its text (0 and the reason if no one
    answers), `sip` what its targets answer; `pins` is what the registry holds, `wrong_pins` what the SIP node counted;
    `endpoints` are what answers where LiveKit sends its events, `probed` what it answers to signed ones, `dispatches`
    what LiveKit counted of its events;
    `files` are the findings of the profile's component files; `starting` are rooms that callers did not get into at
    this observation, and that an observation before it did not show so: their rule may be on its way.
    """

    settings: Settings
    mark: Ownership
    asked: Answer[bool]
    server: Answer[str]
    skew_s: Answer[float]
    rules: Answer[tuple[DispatchRule, ...]]
    inbound: Answer[tuple[InboundTrunk, ...]]
    outbound: Answer[tuple[OutboundTrunk, ...]]
    rooms: Answer[tuple[Room, ...]]
    participants: Answer[Mapping[str, tuple[Participant, ...]]]
    ghosts: Answer[frozenset[str]]
    health: Answer[tuple[int, str]]
    sip: "Answer[Checked]"
    pins: "Answer[PinFacts]" = Answer(not_asked="no registry was looked at")
    wrong_pins: "Answer[WrongPins]" = Answer(not_asked=NO_SIP_METRICS)
    endpoints: "Answer[tuple[Endpoint, ...]]" = Answer(not_asked="no webhook was asked")
    probed: "Answer[tuple[Probed, ...]]" = Answer(not_asked=NO_PROBE)
    dispatches: "Answer[Dispatches]" = Answer(not_asked=NO_METRICS)
    files: tuple[Finding, ...] = field(default=())
    starting: frozenset[str] = frozenset()

    @cached_property
    def attended(self) -> Mapping[str, bool]:
        """Of each listed room whether a participant is in it who is no phone caller; in a ghost no one is."""
        ghosts = self.ghosts.value or frozenset()
        people = self.participants.value or {}
        return {room: room not in ghosts and any(not one.is_phone for one in there) for room, there in people.items()}

    @cached_property
    def reach(self) -> tuple[Reach, ...]:
        """What becomes of the callers of each live room of this backend; none where the rooms are not known."""
        why = self.why_unknown
        if why:
            rooms = sorted(filter(self.mark.is_ours, self.site.live or ()))
            return tuple(unknown(room, why, attended=self.attended.get(room)) for room in rooms)
        return tuple(Reacher(self.site).live(self.attended))

    @property
    def registered(self) -> Mapping[str, str] | None:
        """The registry's PINs by room; None = there is no registry, or it could not be read."""
        held = self.pins.value
        return None if held is None else {holding.room: holding.pin for holding in held.holdings}

    @property
    def never_served(self) -> list[str]:
        """Attended rooms of names that this backend never makes."""
        return sorted(room for room, attended in self.attended.items() if attended and not self.mark.is_ours(room))

    @property
    def why_unknown(self) -> str:
        """Why no one can say what becomes of callers: a list or the registry could not be read; "" if all were."""
        lack = self.lack(REACH_NEEDS)
        return lack.reason.removeprefix(UNCHECKED) if lack else self.pins.error.message if self.pins.error else ""

    def lack(self, needs: Sequence[str]) -> Lack | None:
        """Why one of these was not learnt."""
        for need in needs:
            answer: Answer[object] = getattr(self, need)
            if answer.error:
                return Lack(Level.UNKNOWN, f"{UNCHECKED}{answer.error.message}", answer.error.advice)
            if answer.not_asked:
                return Lack(Level.SKIPPED, answer.not_asked)
        return None

    @cached_property
    def site(self) -> Site:
        """Rules and trunks for the lints, as far as they are known."""
        rooms = self.rooms.value
        return Site(
            lists=WholeLists(self.inbound.value or (), self.rules.value or ()),
            mark=self.mark,
            outbound=frozenset(trunk.sip_trunk_id for trunk in self.outbound.value or ()),
            live=None if rooms is None else frozenset(room.name for room in rooms),
            number=self.settings.telephony.dialled,
            pins=self.registered,
            by_backend=bool(self.settings.webhook_url),
            country=self.settings.telephony.default_country,
        )


def facts_offline(settings: Settings, snapshot: Snapshot | None, files: Iterable[Finding]) -> Facts:
    """What files and a snapshot tell, without asking anyone."""
    held = {
        name: Answer(value=value)
        for name, value in (
            ("inbound", snapshot.trunks if snapshot else None),
            ("outbound", snapshot.outbound if snapshot else None),
            ("rules", snapshot.rules if snapshot else None),
            ("rooms", snapshot.rooms if snapshot else None),
        )
        if value is not None
    }
    return facts_of(settings, files, held, Answer(not_asked=_OFFLINE))


def facts_unasked(error: SipctlError, settings: Settings, files: Iterable[Finding]) -> Facts:
    """What files tell when no one knows whom to ask, for this reason."""
    return facts_of(settings, files, {}, Answer(error=error))


def facts_of(
    settings: Settings, files: Iterable[Finding], found: Mapping[str, Answer[Any]], other: Answer[Any]
) -> Facts:
    """The facts that were found, and one answer in the place of every other."""
    answers: dict[str, Any] = {**dict.fromkeys(LIVE_FACTS, other), **found}
    return Facts(settings=settings, mark=settings.mark, files=tuple(files), **answers)
