"""The codes of what the matcher proves; a part of `doctor.codes`, and like it never renumbered."""

from typing import Final

from sipctl.findings import Code, Level

RINGING: Final = "Ringing without end, then the provider's own message."
NOTHING: Final = "Nothing unusual."

ROUTING_CODES: Final = (
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
        cause="LiveKit compares a host name with the host of the From header, which whoever calls writes.",
        callers=NOTHING + " Strangers who know the name reach the PIN prompt too.",
        fix="write the provider's addresses instead",
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
)
