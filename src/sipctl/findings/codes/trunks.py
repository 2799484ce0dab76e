"""TRK3xx: inbound trunks."""

from typing import Final

from sipctl.command_line import CommandLine
from sipctl.findings.codes.heard import BUSY, NOTHING, RINGING
from sipctl.findings.record import Code, Level

TRUNK_CODES: Final = (
    Code(
        code="TRK301",
        level=Level.WARN,
        title="There is an inbound trunk",
        cause="LiveKit does not know the provider. Rules without trunk_ids still take its calls, from anyone.",
        callers=NOTHING + " Every caller who reaches the SIP port gets the PIN prompt, provider or not.",
        fix=("create the trunk: ", CommandLine.of("trunk", "create"), " with --number and --allowed-address"),
    ),
    Code(
        code="TRK302",
        level=Level.ERROR,
        title="At most one inbound trunk is without numbers",
        cause="LiveKit cannot choose between several trunks that take every number.",
        callers=BUSY,
        fix="give the trunks numbers, or delete all but one",
    ),
    Code(
        code="TRK303",
        level=Level.WARN,
        title="Trunk numbers are in E.164",
        cause="LiveKit compares digits and a plus; a number in national format never equals what the provider sends. "
        "It knows no wildcards: a * or ? is an ordinary character, and a SIP URI is compared as it is written.",
        callers=RINGING,
        fix="write the number as +, country code, number; list every number of a range",
    ),
    Code(
        code="TRK304",
        level=Level.WARN,
        title="A trunk has the number that people dial",
        cause="ROOM_TELEPHONY_PHONE_NUMBER and the trunks' numbers drifted apart.",
        callers=RINGING + " Or a dead line, if the number belongs to no one.",
        fix="put the same number into the trunk and into ROOM_TELEPHONY_PHONE_NUMBER",
    ),
    Code(
        code="TRK305",
        level=Level.WARN,
        title="Inbound trunks authenticate the provider",
        cause="A trunk without allowed_addresses and without username and password takes calls from anyone.",
        callers=NOTHING + " Strangers reach the PIN prompt too.",
        fix="set allowed_addresses to the provider's signalling addresses, or a username and password",
    ),
    Code(
        code="TRK306",
        level=Level.WARN,
        title="No trunk allows the whole Internet",
        cause="An allowed_addresses entry such as 0.0.0.0/0 matches every source.",
        callers=NOTHING + " Strangers reach the PIN prompt too.",
        fix="replace it by the provider's signalling addresses",
    ),
    Code(
        code="TRK308",
        level=Level.ERROR,
        title="No two inbound trunks take the same calls",
        cause="Two stored trunks have one number and overlapping callers; LiveKit refuses to choose.",
        callers=BUSY,
        fix="delete one of the two",
    ),
    Code(
        code="TRK309",
        level=Level.INFO,
        title="Rules ask for the trunk, so that its restrictions hold",
        cause="A rule without trunk_ids takes calls that match no trunk, too, and then no trunk asks for anything.",
        callers=NOTHING,
        fix="let a firewall admit only the provider to the SIP port, or give the rules trunk_ids",
    ),
    Code(
        code="TRK310",
        level=Level.WARN,
        title="All inbound trunks are one provider's",
        cause="Trunks differ in addresses or credentials; Meet's telephony supports one provider for an instance.",
        callers=NOTHING,
        fix="keep the trunks of one provider",
    ),
    Code(
        code="TRK311",
        level=Level.WARN,
        title="Every allowed address can match",
        cause="LiveKit ignores or never matches entries with a port, a dotted netmask, brackets or spaces.",
        callers=RINGING,
        fix="write addresses as 192.0.2.7 or 192.0.2.0/24",
    ),
    Code(
        code="TRK312",
        level=Level.WARN,
        title="Username and password come together",
        cause="LiveKit asks for digest only if both are set; with one alone it asks no one.",
        callers=NOTHING + " Strangers reach the PIN prompt too.",
        fix="set both, or neither",
    ),
    Code(
        code="TRK313",
        level=Level.ERROR,
        title="No call matches two inbound trunks",
        cause="Two trunks share a number, one of them for some callers only. LiveKit stores such a pair.",
        callers="An error tone at once for the callers who pass both.",
        fix="keep one trunk for the number, or give both the callers that are theirs alone",
    ),
    Code(
        code="TRK314",
        level=Level.ERROR,
        title="LiveKit reads the allowed addresses",
        cause="LiveKit ignores entries with a space, a bracket, a scheme and the like; if none is left, all may call.",
        callers=NOTHING + " Strangers reach the PIN prompt too.",
        fix="write addresses as 192.0.2.7 or 192.0.2.0/24",
    ),
    Code(
        code="TRK315",
        level=Level.WARN,
        title="No allowed address is a host name",
        cause="LiveKit compares a host name with the host of the From header, which the caller writes.",
        callers=NOTHING + " Strangers who know the name reach the PIN prompt too.",
        fix="write the provider's addresses instead",
    ),
)
