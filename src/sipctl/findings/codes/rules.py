"""RUL4xx: dispatch rules."""

from typing import Final

from sipctl.command_line import CommandLine
from sipctl.findings.codes.heard import BUSY, NOTHING, RINGING
from sipctl.findings.record import Code, Level

RULE_CODES: Final = (
    Code(
        code="RUL401",
        level=Level.ERROR,
        title="No two dispatch rules take the same calls",
        cause="Two stored rules share PIN, trunk and numbers. LiveKit checks all rules on every call and every create.",
        callers=BUSY,
        fix="delete one of the two",
    ),
    Code(
        code="RUL402",
        level=Level.ERROR,
        title="No open rule outranks the PIN rules",
        cause="A rule without PIN that names a trunk or a number wins over PIN rules without them.",
        callers="No PIN prompt: every caller lands in the open rule's room.",
        fix="give the rule a PIN, or delete it",
    ),
    Code(
        code="RUL403",
        level=Level.ERROR,
        title="No open rule competes with PIN rules",
        cause="At the PIN prompt, a caller who presses # alone is led by the open rule.",
        callers="The PIN prompt; with # alone the caller is in the open rule's room.",
        fix="give the rule a PIN, or delete it",
    ),
    Code(
        code="RUL404",
        level=Level.ERROR,
        title="Every PIN can be typed",
        cause="LiveKit stores any text as PIN. A Meet room without PIN gets the word None. Under 4 digits only warns.",
        callers="The PIN prompt, and no PIN that opens this room.",
        fix="give the room a PIN of 4 to 16 digits, then write the rule again",
    ),
    Code(
        code="RUL405",
        level=Level.WARN,
        title="Every owned rule has a live room",
        cause="The webhook room_finished was lost, or telephony was switched off meanwhile.",
        callers="With the PIN of an ended meeting a caller opens its room again and sits there alone.",
        fix=("delete the rule; ", CommandLine.of("rules", "purge", "--apply"), " deletes all that stay stale"),
        for_all=CommandLine.of("rules", "purge", "--apply"),
    ),
    Code(
        code="RUL407",
        level=Level.WARN,
        title="Rule names agree with their rooms",
        cause="A rule has this profile's mark for one room and leads to another. An error while people are in the room"
        " of its name and callers do not get there.",
        callers="Callers land in another room than the rule's name says.",
        fix="correct the room or the name",
    ),
    Code(
        code="RUL408",
        level=Level.ERROR,
        title="inbound_numbers holds callers, not the own number",
        cause="LiveKit compares inbound_numbers with who calls; the called number belongs into `numbers`.",
        callers=RINGING,
        fix="move the number to `numbers`, or take it out",
    ),
    Code(
        code="RUL409",
        level=Level.INFO,
        title="All rules carry this profile's mark",
        cause="Other applications, or people, keep rules on the same server. sipctl leaves them alone.",
        callers=NOTHING,
        fix="nothing, if you know whose they are",
    ),
    Code(
        code="RUL410",
        level=Level.INFO,
        title="There is a dispatch rule",
        cause="No one is in a meeting: rules exist only while their rooms do.",
        callers=RINGING + " That is what dialling before the first participant sounds like.",
        fix="nothing, if no meeting is on",
    ),
    Code(
        code="RUL411",
        level=Level.WARN,
        title="No room has a rule too many",
        cause="Two writers created a rule for one room, or a rotation left the old one behind. Rules of one PIN for"
        " different trunks or numbers are all needed, and are no fault.",
        callers="Several PINs open the room, or nothing unusual if the rules have one PIN.",
        fix=(
            "delete the rules with a PIN that no caller was given; ",
            CommandLine.of("rules", "sync"),
            " finds the duplicates",
        ),
    ),
    Code(
        code="RUL412",
        level=Level.ERROR,
        title="Every rule has a type",
        cause="A stored rule says neither direct, individual nor callee; LiveKit cannot evaluate it.",
        callers=BUSY,
        fix="delete the rule",
    ),
    Code(
        code="RUL413",
        level=Level.WARN,
        title="No rule hides phone numbers",
        cause="With hide_phone_number, a call without a caller number stops livekit-server 1.13.x and all its rooms.",
        callers="The call fails after four seconds, and every meeting on the server is cut off.",
        fix="switch hide_phone_number off, or let a firewall admit only the provider",
    ),
    Code(
        code="RUL414",
        level=Level.WARN,
        title="Rules name trunks that exist",
        cause="A trunk was deleted or created anew; LiveKit leaves the rules that name it dangling.",
        callers=RINGING,
        fix="give the rule the new trunk's id",
    ),
    Code(
        code="RUL415",
        level=Level.WARN,
        title="No owned rules while telephony is off",
        cause="With ROOM_TELEPHONY_ENABLED and ROOMKIT_ENABLED off Meet deletes no rules: they stay dialable.",
        callers="The PINs of these rules still open their rooms.",
        fix="switch telephony on, or delete the rules",
    ),
    Code(
        code="RUL416",
        level=Level.WARN,
        title="No one is in a room by phone alone",
        cause="A caller entered by a stale rule, or stayed when everyone else left; a phone cannot be first by design.",
        callers="Silence: the caller waits alone, and keeps the room alive.",
        fix="delete the room if its meeting is over",
    ),
    Code(
        code="RUL417",
        level=Level.ERROR,
        title="Every dispatch rule can win a call",
        cause="Another rule with the same PIN or with none comes first for every call that this rule fits.",
        callers="Another room than this one, or no PIN prompt.",
        fix="delete one of the two, or give them trunks or numbers of their own",
    ),
    Code(
        code="RUL418",
        level=Level.WARN,
        title="Rules have numbers as providers send them",
        cause="LiveKit compares the numbers of rules byte for byte: spaces count, and so does the plus.",
        callers=RINGING,
        fix="write the number as +, country code, number",
    ),
    Code(
        code="RUL419",
        level=Level.WARN,
        title="Every rule's numbers are its trunks'",
        cause="The rule has called numbers that none of its trunks has, or callers that none of them admits.",
        callers=RINGING,
        fix="correct the numbers of the rule or of the trunk",
    ),
    Code(
        code="RUL420",
        level=Level.WARN,
        title="No two rules of a room share a part of their calls",
        cause="Some calls fit both rules, and each takes calls that the other does not take, or makes something else of"
        " them. Neither is a duplicate, so `rules sync` leaves both as they are.",
        callers=NOTHING,
        fix="give the two different trunks, numbers or callers, or replace them by one rule that takes all the calls",
    ),
    Code(
        code="RUL421",
        level=Level.ERROR,
        title="Every room with people in it has a rule",
        cause="The webhook room_started was lost, the backend refused it, or the room has no PIN. Information while"
        " telephony is off, and for rooms whose names this backend never makes.",
        callers=RINGING + " Where other rules ask for a PIN: the wrong-PIN message.",
        fix=("write the rule: ", CommandLine.of("rules", "sync"), " names all that are missing"),
    ),
    Code(
        code="RUL422",
        level=Level.ERROR,
        title="Callers reach every room with people in it",
        cause="A rule leads to the room, and a caller who dials the advertised number does not get to it: the"
        " rule names another trunk or number, or another rule comes first. A warning where only some callers get in.",
        callers="Ringing without end, an error tone, the wrong-PIN message, or another room: the finding says which.",
        fix="change the rule or the trunk so that the rule takes the call",
    ),
)
