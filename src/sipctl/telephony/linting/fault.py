"""One thing that is wrong with a rule or a trunk."""

from dataclasses import dataclass
from typing import Final

from sipctl.findings.record import Level
from sipctl.telephony.model import DispatchRule, InboundTrunk

CLASH: Final = "RUL401"
"""Two rules with one key."""

REFUSED: Final = (CLASH, "RUL402", "RUL408", "RUL417")
"""Faults with which no write of a rule may end unless someone allows it: clashing, outranking, a condition that no
caller meets, shadowing."""

DESCRIBED: Final = ("RUL413", "RUL418", "RUL419")
"""Faults of a rule with which a write may end; they are described."""

TRUNK_CLASH: Final = "TRK308"
"""Two trunks with one key."""

NEW_TRUNK: Final = "ST_new"
"""The id of a trunk that is judged before LiveKit stored it; a fault of two names it last."""
REFUSED_TRUNKS: Final = ("TRK302", TRUNK_CLASH, "TRK313", "TRK314")
"""Faults with which no write of a trunk may end unless someone allows it."""

DESCRIBED_TRUNKS: Final = ("TRK303", "TRK306", "TRK311", "TRK312", "TRK315")
"""Faults of a trunk with which a write may end; they are described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault under its stable code, about one thing, or about several in words.

    `detail` says in one sentence what follows for callers; `level` is what it weighs if not what its code does.
    `beside` is the other rule that it takes for a fault of two.
    `observed` and `expected` are evidence, PINs masked. `remedy` are the words of the command on the thing that helps:
    ("delete",) or the options of an update; () = none.
    """

    code: str
    about: DispatchRule | InboundTrunk | str
    detail: str
    observed: str = ""
    expected: str = ""
    remedy: tuple[str, ...] = ()
    level: Level | None = None
    beside: DispatchRule | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two faults the same: whose they are, whatever those are called and wherever they lead."""
        if isinstance(self.about, str):
            return self.code, self.about, self.detail
        own = self.about.sip_dispatch_rule_id if isinstance(self.about, DispatchRule) else self.about.sip_trunk_id
        return self.code, own, self.beside.sip_dispatch_rule_id if self.beside else self.observed or self.detail
