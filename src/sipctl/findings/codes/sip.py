"""SIP7xx: the SIP node."""

from typing import Final

from sipctl.findings.record import Code, Level

SIP_CODES: Final = (
    Code(
        code="SIP705",
        level=Level.ERROR,
        title="The SIP node is healthy",
        cause="The health port of livekit-sip refuses, or says NotStarted, UnderLoad or Stopped.",
        callers="Nothing at all, if the node is down.",
        fix="start livekit-sip and read its log: it ends with status 0 on configuration errors",
    ),
)
