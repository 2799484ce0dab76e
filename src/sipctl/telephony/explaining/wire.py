"""What the caller's side sees and hears, and after how long.

Times were measured on loopback with livekit-sip 1.10.0 and its default settings; a network adds its own round trips,
the order stays. 1.8.0 behaves the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sipctl.telephony.matching.route import Outcome, Result, Stage
from sipctl.telephony.model import InboundTrunk

Kind = Literal["response", "request", "sound", "silence"]
Since = Literal["INVITE", "200", "#", "17th digit"]

RINGING_TIMEOUT_MS: Final = 180_000

_SECONDS: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s\Z")
"""A duration as protojson writes it."""

EARLY_DIGITS: Final = 10
"""How many keys typed during the prompt livekit-sip keeps (livekit/sip pkg/sip/media_pipeline.go)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireStep:
    """One thing that reaches the caller's side, `after_ms` milliseconds after `since`; None = no one can say.

    `what` is the start of a response, the method of a request, a sound, or what never comes. `every_ms` is the pause
    before it comes again. `when` is the condition on which it depends, "" if none.
    """

    what: str
    after_ms: int | None
    kind: Kind = "response"
    since: Since = "INVITE"
    every_ms: int | None = None
    when: str = ""


_TRYING: Final = WireStep(what="100 Processing", after_ms=1)
_RINGING: Final = WireStep(what="180 Ringing", after_ms=4)
_ANSWERED: Final = (
    WireStep(what="200 OK", after_ms=7),
    WireStep(what="prompt for the PIN", kind="sound", since="200", after_ms=0),
)


def wire(outcome: Outcome) -> tuple[WireStep, ...]:
    """The steps of one outcome. A digest challenge ends them; those of `after_auth` start with the next INVITE."""
    return tuple(_steps(outcome))


def _steps(outcome: Outcome) -> Iterator[WireStep]:
    yield _TRYING
    if outcome.stage is Stage.TRUNK:
        yield WireStep(what="503 Try again later", after_ms=2)
    elif outcome.stage is Stage.AUTH:
        yield WireStep(what="407 Unauthorized", after_ms=4)
    elif outcome.stage is Stage.RULE:
        yield from _before_pin(outcome)
    else:
        yield _RINGING
        yield from _ANSWERED
        yield from _after_pin(outcome)


def _before_pin(outcome: Outcome) -> Iterator[WireStep]:
    if outcome.result is Result.ACCEPT:
        yield from _ringing_room(outcome.trunk)
    elif outcome.fault and outcome.fault.code == "panic":
        yield WireStep(what="180 Ringing", after_ms=4, every_ms=1000)
        yield WireStep(what="503 Try again later", after_ms=4000)
    else:
        yield _RINGING
        if outcome.result is Result.REQUEST_PIN:
            yield from _ANSWERED
        elif outcome.fault:
            yield WireStep(what="503 Try again later", after_ms=6)
        else:
            yield WireStep(what="nothing more, and no answer to a CANCEL", kind="silence", after_ms=4)


def _ringing_room(trunk: InboundTrunk | None) -> Iterator[WireStep]:
    """An open rule rings until someone in the room can be heard."""
    yield WireStep(what="180 Ringing", after_ms=4, every_ms=1000)
    yield WireStep(what="200 OK", after_ms=None, when="once someone in the room publishes audio")
    timeout = ringing_timeout_ms(trunk)
    yield WireStep(what="486 Rejected", after_ms=timeout, when="if no one does; at once if the room cannot be joined")


def ringing_timeout_ms(trunk: InboundTrunk | None) -> int:
    """How long an open rule rings: the trunk's ringing_timeout, else livekit-sip's default of 3 minutes."""
    written = _SECONDS.match(str(trunk.ringing_timeout)) if trunk else None
    return round(float(written[1]) * 1000) if written and float(written[1]) else RINGING_TIMEOUT_MS


def _after_pin(outcome: Outcome) -> Iterator[WireStep]:
    if outcome.result is Result.ACCEPT:
        yield WireStep(what="joining message", kind="sound", since="#", after_ms=130)
        yield WireStep(what="in the room", kind="sound", since="#", after_ms=1320)
    elif outcome.fault:
        yield WireStep(what="BYE", kind="request", since="#", after_ms=None)
    else:
        since: Since = "#" if outcome.after_pin else "17th digit"
        yield WireStep(what="wrong-PIN message", kind="sound", since=since, after_ms=140)
        yield WireStep(what="BYE", kind="request", since=since, after_ms=2050 if since == "#" else 2040)
