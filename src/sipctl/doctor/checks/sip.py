"""SIP7xx: the SIP node itself."""

from collections.abc import Iterator
from typing import Final

from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_words

_OK: Final = 200
UNDER_LOAD: Final = 429
"""What livekit-sip answers above its max_cpu_utilization; it goes on taking calls (livekit/sip pkg/service)."""


def health(facts: Facts) -> Iterator[Finding]:
    """A SIP node that does not answer, or says that it is not well."""
    status, said = facts.health.get()
    text = shown_words(said)
    if status != _OK:
        answer = f"livekit-sip's health port says {status} {text}".rstrip()
        detail = answer if status else f"livekit-sip's health port does not answer: {text}"
        observed = f"{status} {text}".rstrip() if status else text
        where = f"SIP node {facts.settings.sip_health_url}"
        level = Level.WARN if status == UNDER_LOAD else None
        yield found("SIP705", where, detail, observed=observed, expected="200 OK", source="health_port", level=level)


CHECKS: Final[tuple[Check[Facts], ...]] = (Check("SIP705", health, needs=("health",)),)
