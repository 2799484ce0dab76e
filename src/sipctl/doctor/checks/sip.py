"""SIP7xx: the SIP node itself."""

from collections.abc import Callable, Iterable, Iterator
from time import time
from typing import Final

from sipctl.doctor.facts import Facts
from sipctl.findings.check import Check, found, skipped
from sipctl.findings.record import Finding, Level
from sipctl.masking import shown_words
from sipctl.operations.trunk_check import findings
from sipctl.operations.trunk_check.check import Checked

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


Judge = Callable[[Checked], Iterable[Finding]]
_IS_THERE: Final = {
    "a target": lambda checked: bool(checked.probed),
    "an answer": lambda checked: any(one.has_answered for one in checked.probed),
    "a certificate": lambda checked: any(one.tls and one.tls.certificate for one in checked.probed),
}  # fmt: skip
"""What the SIP node may have shown."""


def _of_node(code: str, judge: Judge, *, given: str = "a target") -> Check[Facts]:
    """A check of what the targets answered, which is skipped if what it judges was not seen."""

    def run(facts: Facts) -> Iterable[Finding]:
        checked = facts.sip.get()
        return judge(checked) if _IS_THERE[given](checked) else [skipped(code, f"the SIP node did not show {given}")]

    return Check(code, run, needs=("sip",))


def draining(facts: Facts) -> Iterable[Finding]:
    """A SIP node that was asked to stop, and takes calls all the same."""
    return findings.draining(facts.sip.get(), facts.health.value)


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check("SIP701", lambda facts: findings.unresolved(facts.sip.get()), needs=("sip",)),
    _of_node("SIP702", findings.unanswered),
    _of_node("SIP703", findings.partly_unanswered),
    _of_node("SIP704", lambda checked: findings.certificates(checked, time()), given="a certificate"),
    Check("SIP705", health, needs=("health",)),
    _of_node("SIP706", findings.from_elsewhere, given="an answer"),
    _of_node("SIP707", findings.slow, given="an answer"),
    Check("SIP708", draining, needs=("sip",), sees=("health",)),
    Check("SIP709", lambda _: [skipped("SIP709", "doctor places no call: trunk check --depth invite does")]),
)
