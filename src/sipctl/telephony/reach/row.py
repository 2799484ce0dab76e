"""The answer for one live room, and what it is made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from sipctl.telephony.matching.call import Call
from sipctl.telephony.matching.route import Outcome
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.reach.callers import Origin


class Reached(StrEnum):
    """What becomes of the caller.

    REACHABLE: is in the room once the PIN is typed. OPEN: gets there without any PIN. UNREACHABLE: does not get there.
    DEPENDS: on who calls, or on the allowed address that the call comes from. UNKNOWN: the lists could not be read.
    """

    REACHABLE = "reachable"
    OPEN = "open"
    UNREACHABLE = "unreachable"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


class DependsOn(StrEnum):
    """What an outcome depends on."""

    CALLER = "caller"
    ADDRESS = "address"


ReachWord = Literal["reachable", "open", "unreachable", "depends", "unknown"]
"""The words of `Reached`, as JSON has them."""

GETS_IN: Final = frozenset({Reached.REACHABLE, Reached.OPEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to a room with its PIN, how LiveKit ends it, and what that is for the caller: in, or not in."""

    call: Call
    origin: Origin
    outcome: Outcome
    reached: Reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why callers do not get in: the code of the finding that says so, and the reason as the end of a sentence."""

    code: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The answer for one live room.

    `attended` None = no one knows. `number` is the one dialled, of several the worst for callers; "" = any that no list
    names. `rule` lets callers in, or leads to the room and does not, or has the room's name; None = there is none.
    `pin` is the registry's, "" = it has none. `attempts` are the calls that were tried, those who get in first. `cause`
    says why callers, or some of them, do not get in; `why_unknown` which list could not be read.
    """

    room: str
    outcome: Reached
    attended: bool | None = None
    number: str = ""
    several_numbers: bool = False
    rule: DispatchRule | None = None
    pin: str = ""
    attempts: tuple[Attempt, ...] = ()
    depends_on: DependsOn | None = None
    cause: Cause | None = None
    why_unknown: str = ""


def unknown(room: str, why: str, *, attended: bool | None = None) -> Reach:
    """The answer where a list could not be read."""
    return Reach(room=room, outcome=Reached.UNKNOWN, attended=attended, why_unknown=why)
