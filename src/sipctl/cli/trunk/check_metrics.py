"""`trunk check` for Prometheus and for CI. Labels come from what was asked, never from what was answered."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from math import nan
from typing import Final

from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.probe import Probed
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunk_check.verdict import State, Verdict
from sipctl.output.junit import Case, Ending, junit_text
from sipctl.output.metrics import Gauge, metrics_text
from sipctl.output.text import printable

Measure = Callable[[Checked, Probed], Iterable[tuple[tuple[str, ...], float]]]
"""The values of one metric for one target, each with its further labels."""

_UP: Final = {State.UP: 1.0, State.DOWN: 0.0, State.UNKNOWN: nan}
_ENDED: Final[Mapping[State, Ending]] = {State.UP: "ok", State.DOWN: "failed", State.UNKNOWN: "error"}
_NAME: Final = "sipctl_trunk_check"


def _verdicts(verdict: Verdict | None) -> list[tuple[tuple[str, ...], float]]:
    return [((word.value,), float(word is verdict)) for word in Verdict]


def _rtt(_checked: Checked, one: Probed) -> list[tuple[tuple[str, ...], float]]:
    rtt = one.rtt
    return [(("min",), rtt.min / 1000), (("mean",), rtt.mean / 1000), (("p95",), rtt.p95 / 1000)] if rtt else []


def _expiry(_checked: Checked, one: Probed) -> list[tuple[tuple[str, ...], float]]:
    certificate = one.tls.certificate if one.tls else None
    return [((), certificate.not_after)] if certificate else []


_METRICS: Final[tuple[tuple[str, str, tuple[str, ...], Measure], ...]] = (
    ("up", "1 = answers as expected, 0 = does not, NaN = no one can say.", (), lambda c, p: [((), _UP[c.state(p)])]),
    ("verdict", "1 for the word that is true of the target.", ("verdict",), lambda _, p: _verdicts(p.verdict)),
    ("status_code", "The code of the answer.", (), lambda _, p: [((), p.code)] if p.code else []),
    ("rtt_seconds", "Round trips of requests that were sent once.", ("statistic",), _rtt),
    ("requests", "Requests of the last run.", (), lambda _, p: [((), p.sent)]),
    ("answers", "Final answers of the last run.", (), lambda _, p: [((), p.answered)]),
    ("retransmitted", "Answers to requests that were sent again.", (), lambda _, p: [((), p.retransmitted)]),
    ("certificate_expiry_timestamp_seconds", "When the certificate ends.", (), _expiry),
)


def check_metrics(result: CheckResult) -> str:
    """The result in Prometheus's text format."""
    return metrics_text(
        (
            *(
                Gauge(f"{_NAME}_{name}", words, _values(result, measure), ("uri", "transport", "address", *more))
                for name, words, more, measure in _METRICS
            ),
            Gauge.of(f"{_NAME}_exit_code", "What the last run ended with.", result.exit_code),
            Gauge.of(f"{_NAME}_last_run_timestamp_seconds", "When the last run ended.", time.time()),
        )
    )


def _values(result: CheckResult, measure: Measure) -> Iterator[tuple[tuple[str, ...], float]]:
    for checked, one in _targets(result):
        for labels, value in measure(checked, one):
            yield (*_place(checked, one), *labels), value


def _targets(result: CheckResult) -> list[tuple[Checked, Probed]]:
    return [(checked, one) for checked in result.checked for one in checked.probed]


def _place(checked: Checked, one: Probed) -> tuple[str, str, str]:
    return printable(checked.destination.uri.text), one.target.transport.value, str(one.target.address)


def check_junit(result: CheckResult) -> str:
    """JUnit XML: a test case a target, which fails if it is down, and is an error if no one can say."""
    return junit_text("sipctl trunk check", chain.from_iterable(map(_cases, result.checked)))


def _cases(checked: Checked) -> Iterator[Case]:
    """Each target; or a name that does not resolve."""
    uri = checked.destination.uri.text
    if not checked.probed:
        yield _case(uri, checked.states[0], f"dns-failed: {checked.dns_failure}")
    for one in checked.probed:
        name = f"{uri} over {one.target.transport} at {one.target.address}"
        seen = f"{one.code} {one.reason}".strip() if one.code else one.detail
        yield _case(name, checked.state(one), f"{one.verdict}: {seen}")


def _case(name: str, state: State, seen: str) -> Case:
    return Case(name=name, group="sipctl.trunk-check", ended=_ENDED[state], message=seen)
