"""PIN5xx: PINs and where they are kept."""

from typing import Final

from sipctl.command_line import CommandLine
from sipctl.findings.codes.heard import NOTHING
from sipctl.findings.record import Code, Level

_ASSIGN: Final = CommandLine.of("pin", "assign", "--missing")

PIN_CODES: Final = (
    Code(
        code="PIN501",
        level=Level.WARN,
        title="Every room has a PIN",
        cause="The room was made while telephony was off, all draws collided, or someone took the PIN away.",
        callers="No PIN opens this room; Meet writes a rule with the word None.",
        fix=(CommandLine.of("pin", "assign", "--missing"),),
        for_all=_ASSIGN,
    ),
    Code(
        code="PIN502",
        level=Level.WARN,
        title="All PINs have the length of the setting",
        cause="ROOM_TELEPHONY_PIN_LENGTH was changed, or the PIN comes from a migration or a person.",
        callers=NOTHING + " Room devices refuse such a PIN.",
        fix="rotate these rooms; invitations that were sent stop working",
    ),
    Code(
        code="PIN503",
        level=Level.ERROR,
        title="Every PIN is digits",
        cause="Someone typed the PIN by hand; Meet does not check it.",
        callers="No PIN opens this room.",
        fix="rotate the room",
    ),
    Code(
        code="PIN504",
        level=Level.ERROR,
        title="No PIN is over 16 digits",
        cause="ROOM_TELEPHONY_PIN_LENGTH was over 16, or someone typed it; livekit-sip hangs up at the 17th digit.",
        callers="The wrong-PIN message at the 17th digit.",
        fix="rotate the room",
    ),
    Code(
        code="PIN505",
        level=Level.ERROR,
        title="Live rules carry the registry's PINs",
        cause="The PIN was changed while the room was live; Meet does not touch a rule that exists.",
        callers="The PIN that people have is wrong, the old one works.",
        fix="give the rule the PIN of the registry",
        for_all=_ASSIGN.then(CommandLine.of("rules", "sync", "--apply")),
    ),
    Code(
        code="PIN506",
        level=Level.ERROR,
        title="No one else uses the registry's PINs",
        cause="Another application on the same LiveKit wrote a rule with a PIN that belongs to one of our rooms.",
        callers="Callers land in the other application's room, or every call fails.",
        fix="rotate the room",
    ),
    Code(
        code="PIN507",
        level=Level.WARN,
        title="No PIN is easy to guess",
        cause="The PIN is one digit repeated, a row, a date or the like: the first that a guesser tries.",
        callers=NOTHING,
        fix="rotate the room",
    ),
    Code(
        code="PIN508",
        level=Level.INFO,
        title="No PIN is over a year old",
        cause="A PIN that was sent around for long is known to many.",
        callers=NOTHING,
        fix="rotate these rooms when it suits their owners",
    ),
    Code(
        code="PIN509",
        level=Level.INFO,
        title="No PIN is the start of another",
        cause="PINs of several lengths are in use. LiveKit compares whole PINs, other bridges do not.",
        callers=NOTHING,
        fix="rotate the shorter one",
    ),
    Code(
        code="PIN510",
        level=Level.ERROR,
        title="Every rotation was finished",
        cause="A run was killed, or LiveKit failed, between the first and the last step of a rotation.",
        callers="The old or the new PIN opens the room, until the rotation is finished.",
        fix="finish it",
    ),
    Code(
        code="PIN511",
        level=Level.WARN,
        title="Wrong PINs are as few as typing errors explain",
        cause="livekit-sip counts more calls with a wrong PIN than the accepted chance of a hit allows a guesser. La "
        "Suite's own gateway takes a PIN from the header X-PIN, too; a wrong one there ends as flood, and is not "
        "counted here.",
        callers=NOTHING + " Each call may try one PIN, and nothing counts the calls.",
        fix="let a firewall admit only the provider, make PINs longer, and ask the provider who calls; before La "
        "Suite's gateway, let a proxy take X-PIN out of requests",
    ),
    Code(
        code="PIN512",
        level=Level.WARN,
        title="Meet knows the room of every live rule",
        cause="The room was deleted in Meet while people were in it, or another instance of Meet uses this LiveKit.",
        callers="The PIN of the rule opens its room, though Meet's table does not have it.",
        fix="let the meeting end: its rule is left alone until then; if another instance wrote it, nothing",
    ),
    Code(
        code="PIN513",
        level=Level.ERROR,
        title="No PIN is blank",
        cause="Meet's table holds a text of no characters for the room's PIN. Meet copies it into the rule.",
        callers="No one is asked for a PIN: the next meeting of this room is open to every caller.",
        fix="give the room a PIN",
        for_all=_ASSIGN,
    ),
    Code(
        code="PIN514",
        level=Level.ERROR,
        title="No rule accepts a PIN in quarantine",
        cause="The PIN was rotated or released, and a rule carries it still, or again: another backend wrote it.",
        callers="The PIN that was taken away still opens the room of that rule.",
        fix="delete the rule, or give it the PIN that its room has today",
    ),
)
