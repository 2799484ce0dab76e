"""What callers report, and the codes whose page says that they hear it, the most frequent cause first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sipctl.command_line import CommandLine, Prose
from sipctl.findings.codes import CODES


class Symptom(StrEnum):
    """What a caller reports."""

    SILENCE = "silence"
    RINGING = "ringing"
    BUSY = "busy"
    NO_PROMPT = "no-prompt"
    WRONG_PIN = "wrong-pin"
    ONE_WAY = "one-way"
    TONE = "tone"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class Picture:
    """A symptom: what is heard, by which words the pages of codes tell it, and what no check can see.

    `first` are the codes that explain most cases, in that order; `steps` are what to do next, in words and a command.
    """

    heard: str
    words: str
    first: tuple[str, ...]
    steps: tuple[tuple[Prose, CommandLine], ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that explain the symptom: the frequent ones, then all others whose page names it."""
        others = (code.code for code in CODES.values() if re.search(self.words, code.callers, re.IGNORECASE))
        return tuple(dict.fromkeys((*self.first, *others)))


_ONE_CALL: Final = (
    "walk one call through trunks and rules, with the numbers as the provider sends them",
    CommandLine.of("rules", "explain", "--to", "CALLED", "--from", "CALLER"),
)
_WITH_PIN: Final = (
    "walk one call with its PIN through trunks and rules",
    CommandLine.of("rules", "explain", "--to", "CALLED", "--from", "CALLER", "--pin", "PIN"),
)
_LOG: Final = (
    "read in the log of livekit-sip how failed calls ended",
    CommandLine.of("rules", "explain", "--log", "livekit-sip.log", "--failed"),
)
_NODES: Final = ("ask the SIP nodes over every transport", CommandLine.of("trunk", "check"))
_ROOM: Final = ("see who is in the room", CommandLine.of("room", "show", "ROOM"))
_PIN: Final = ("compare the PIN that people have with the one of the room", CommandLine.of("pin", "show", "ROOM"))
_PINS: Final = ("see whose a PIN is, and which rules carry it", CommandLine.of("pin", "lookup"))

PICTURES: Final[Mapping[Symptom, Picture]] = MappingProxyType({
    Symptom.RINGING: Picture(
        "the phone rings without end", r"\bringing\b|rule is ever created|: no rule, or",
        ("RUL410", "TRK304", "CFG127", "CFG126", "CFG124", "CFG118", "RUL414", "API202", "API204", "TRK311", "RUL418",
         "RUL419", "RUL408", "TRK303"),
        (_ONE_CALL, _LOG, _NODES),
    ),
    Symptom.TONE: Picture(
        "an error tone, at once or after a short ring", r"error tone|call fails",
        ("RUL401", "TRK308", "API205", "CFG120", "CFG121", "API201", "TRK302", "RUL412", "TRK313", "RUL413"),
        (_ONE_CALL, _LOG, _NODES),
    ),
    Symptom.BUSY: Picture(
        "the busy tone: many providers play it for any error", r"busy|error tone",
        ("RUL401", "TRK308", "CFG122", "CFG123", "CFG137", "API205", "CFG120", "CFG121", "TRK302", "RUL412"),
        (_LOG, _ONE_CALL, _NODES),
    ),
    Symptom.SILENCE: Picture(
        "the call is answered or not, and nothing is heard",
        r"silence|no sound|nothing at all|without sound|(sits|waits) alone",
        ("CFG142", "CFG135", "SIP705", "CFG131", "RUL416", "RUL405", "API207", "CFG130"),
        (_LOG, _NODES, _ROOM),
    ),
    Symptom.ONE_WAY: Picture(
        "one side hears the other, but not the other way round", r"silence[;.]|no sound|without sound",
        ("CFG142", "CFG135", "CFG131", "CFG130"),
        (_LOG, _NODES),
    ),
    Symptom.NO_PROMPT: Picture(
        "no one asks for the PIN: the caller is in a room at once",
        r"no pin prompt|no one is asked for a pin|# alone|lands? in (another|the other)",
        ("RUL402", "PIN513", "RUL403", "RUL417", "RUL407"),
        (_ONE_CALL, _LOG),
    ),
    Symptom.WRONG_PIN: Picture(
        "the PIN is refused", r"wrong-pin|the pin is wrong|no pin opens|no pin that opens|pin that people have",
        ("PIN505", "RUL411", "PIN510", "RUL404", "PIN501", "PIN503", "PIN504", "CFG114", "RUL417"),
        (_WITH_PIN, _PIN, _PINS, _LOG),
    ),
    Symptom.ENDS: Picture(
        "the PIN is accepted, then the call ends", r"then the call ends|end of the call",
        ("CFG122", "CFG123", "CFG145", "CFG137", "CFG133"),
        (_LOG, _ROOM),
    ),
})  # fmt: skip
"""By symptom: what it is, and where to search."""
