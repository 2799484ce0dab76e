"""What the checks look at: everything gathered once, each piece with the reason if it is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from sipctl.config.model import Settings
from sipctl.errors import SipctlError
from sipctl.findings import Finding
from sipctl.telephony.matching.lists import WholeLists
from sipctl.telephony.model import DispatchRule, InboundTrunk, OutboundTrunk, Participant, Room
from sipctl.telephony.ownership import Ownership
from sipctl.telephony.site import Site

if TYPE_CHECKING:
    from sipctl.lkapi.health import WrongPins
    from sipctl.operations.pins import PinFacts  # and SQLAlchemy with it

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """One question's outcome: a value, or the error that came instead, or why nobody asked."""

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
    node is gone; `health` is the SIP node's HTTP status and the start of its text (0 and the reason if nobody
    answers); `pins` is what the registry holds, `wrong_pins` what the SIP node counted;
    `files` are the findings of the profile's component files.
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
    pins: "Answer[PinFacts]" = Answer(not_asked="no registry was looked at")
    wrong_pins: "Answer[WrongPins]" = Answer(not_asked="no sip_metrics_url is configured")
    files: tuple[Finding, ...] = field(default=())

    @cached_property
    def site(self) -> Site:
        """Rules and trunks for the lints, as far as they are known."""
        rooms = self.rooms.value
        return Site(
            lists=WholeLists(self.inbound.value or (), self.rules.value or ()),
            mark=self.mark,
            outbound=frozenset(trunk.sip_trunk_id for trunk in self.outbound.value or ()),
            live=None if rooms is None else frozenset(room.name for room in rooms),
            number=self.settings.telephony.phone_number or "",
            country=self.settings.telephony.default_country,
        )
