"""`trunk check` for Nagios and everything that runs plugins of its kind."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Final

import typer

from sipctl.cli.session import Session
from sipctl.cli.trunk.check_words import route_lines
from sipctl.errors import SipctlError
from sipctl.operations.trunk_check.check import Checked
from sipctl.operations.trunk_check.notes import days_left, notes
from sipctl.operations.trunk_check.probe import Probed
from sipctl.operations.trunk_check.result import CheckResult
from sipctl.operations.trunk_check.verdict import State, Verdict
from sipctl.output.text import printable


class Plugin(IntEnum):
    """The exit codes of a monitoring plugin (Monitoring Plugins Development Guidelines, "Plugin Return Codes")."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_WEIGHT: Final = (Plugin.OK, Plugin.UNKNOWN, Plugin.WARNING, Plugin.CRITICAL)
"""From the least to the gravest: a target that is surely bad counts more than one that no one can judge."""
_RESERVED: Final = str.maketrans({"|": "/", "'": " ", "=": " ", "\n": " "})
"""What has a meaning in a plugin's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From when on something is wrong: round trips in milliseconds (None = never), days of a certificate."""

    warn_rtt_ms: float | None = None
    warn_days: int = 30
    crit_days: int = 7


@contextmanager
def fail_as_plugin(session: Session) -> Iterator[None]:
    """With `-o nagios` a check that cannot be done is unknown, and says why on stdout.

    Raises:
        SipctlError: what the body raises, with any other format.
    """
    try:
        yield
    except SipctlError as error:
        if session.options.output != "nagios":
            raise
        session.streams.write([f"SIP {Plugin.UNKNOWN.name} - {printable(error.message.translate(_RESERVED))}\n"])
        raise typer.Exit(Plugin.UNKNOWN) from None


def nagios_text(result: CheckResult, thresholds: Thresholds) -> str:
    """One line with what is wrong, or how many targets answer, and the performance data; then a line a target."""
    now = time.time()
    pairs = [(checked, probed) for checked in result.checked for probed in checked.probed]
    problems = [text for text in _problems(result, thresholds, now) if text]
    up = sum(checked.state(probed) is State.UP for checked, probed in pairs)
    summary = f"{up} of {len(pairs)} targets up" if pairs else "no target"
    line = "; ".join((summary, *problems)).translate(_RESERVED)
    data = " ".join(chain.from_iterable(_performance(probed, thresholds, now) for _, probed in pairs))
    first = f"SIP {nagios_code(result, thresholds).name} - {printable(line)}" + (f" | {data}" if data else "")
    return "\n".join((first, *(_long(checked, probed) for checked, probed in pairs))) + "\n"


def nagios_code(result: CheckResult, thresholds: Thresholds) -> Plugin:
    """The gravest of what is wrong; a good certificate never hides a dead target."""
    now = time.time()
    codes = [_availability(result)]
    codes += [
        code for checked in result.checked for one in checked.probed for code in _soft_codes(one, thresholds, now)
    ]
    return max(codes, key=_WEIGHT.index)


def _availability(result: CheckResult) -> Plugin:
    """All targets down = critical, some = warning; a name server that does not answer says nothing."""
    states = result.target_states
    if all(checked.is_resolver_dead for checked in result.checked):
        return Plugin.UNKNOWN
    missing = [checked for checked in result.checked if not checked.probed and not checked.is_resolver_dead]
    down = states.count(State.DOWN) + len(missing)
    if result.route and result.route.state is State.DOWN:
        return Plugin.CRITICAL
    if down:
        return Plugin.CRITICAL if down == len(states) else Plugin.WARNING
    return Plugin.UNKNOWN if State.UNKNOWN in result.states else Plugin.OK


def _soft_codes(probed: Probed, thresholds: Thresholds, now: float) -> Iterator[Plugin]:
    """What is wrong with a target that answers, and with its certificate."""
    if probed.verdict in {Verdict.OVERLOADED, Verdict.LOOP} or probed.elsewhere or probed.retransmitted:
        yield Plugin.WARNING
    if probed.answered < probed.sent and probed.answered:
        yield Plugin.WARNING
    if _is_slow(probed, thresholds):
        yield Plugin.WARNING
    if probed.tls and probed.tls.certificate:
        left = days_left(probed.tls.certificate, now)
        if left <= thresholds.warn_days:
            yield Plugin.CRITICAL if left <= thresholds.crit_days else Plugin.WARNING


def _is_slow(probed: Probed, thresholds: Thresholds) -> bool:
    limit = thresholds.warn_rtt_ms
    return limit is not None and probed.rtt is not None and probed.rtt.mean > limit


def _problems(result: CheckResult, thresholds: Thresholds, now: float) -> Iterator[str]:
    for checked in result.checked:
        if not checked.probed:
            yield f"{checked.destination.uri} dns-failed: {checked.dns_failure}"
        for one in checked.probed:
            if checked.state(one) is not State.UP or any(_soft_codes(one, thresholds, now)):
                yield f"{_label(one)} {_described(checked, one, thresholds, now)}"
    if result.route:
        yield from route_lines(result.route)[1:]
    yield from filter(None, (result.unplaced, result.unread))


def _described(checked: Checked, one: Probed, thresholds: Thresholds, now: float) -> str:
    word = f"{one.verdict or 'resolved'}"
    answer = f"{one.code} {one.reason}".strip() if one.code else one.detail
    slow = f"slower than {thresholds.warn_rtt_ms:g} ms" if _is_slow(one, thresholds) else ""
    return ", ".join(filter(None, (word, answer, slow, *notes(checked, one, now))))


def _label(probed: Probed) -> str:
    return f"{probed.target.transport} {probed.target.address}"


def _performance(probed: Probed, thresholds: Thresholds, now: float) -> Iterator[str]:
    """Values with unit, limits and minimum (Monitoring Plugins Development Guidelines, "Performance data")."""
    if probed.rtt:
        limit = "" if thresholds.warn_rtt_ms is None else f"{thresholds.warn_rtt_ms:g}"
        yield f"'{_label(probed)} rtt'={probed.rtt.mean:.3f}ms;{limit};;0"
    if probed.sent:
        lost = 100 * (probed.sent - probed.answered) / probed.sent
        yield f"'{_label(probed)} lost'={lost:.0f}%;0;;0;100"
    if probed.tls and probed.tls.certificate:
        left = days_left(probed.tls.certificate, now)
        yield f"'{_label(probed)} certificate'={left};{thresholds.warn_days + 1}:;{thresholds.crit_days + 1}:"


def _long(checked: Checked, probed: Probed) -> str:
    """One line of the long output, in which a bar would begin further performance data."""
    words = f"{checked.destination.uri} {_label(probed)} {probed.verdict or 'resolved'}"
    answer = f"{probed.code} {probed.reason}".strip() if probed.code else probed.detail
    return printable(f"{words} {answer}".rstrip().translate(_RESERVED))
