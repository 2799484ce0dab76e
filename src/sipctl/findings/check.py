"""Checks: one code, what it needs to know, and a pure function from what is known to findings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from sipctl.command_line import Prose
from sipctl.findings.codes import CODES
from sipctl.findings.record import Finding, Fix, Level


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a check has no answer: it is `unknown` or `skipped`, for this reason; `advice` says what helps."""

    level: Level
    reason: str
    advice: Prose = ""


class Known(Protocol):
    """What checks are about."""

    def lack(self, needs: Sequence[str]) -> Lack | None:
        """Why a check that needs these parts has no answer; None if all are known."""


K = TypeVar("K", bound=Known)


@dataclass(frozen=True, slots=True)
class Check(Generic[K]):
    """One question. `needs` names what it reads; `sees` what it reads as well, whether or not that is known."""

    code: str
    run: Callable[[K], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()

    def outcome(self, known: K) -> list[Finding]:
        """The answers: what is wrong, or one `ok`, `unknown` or `skipped`."""
        started = perf_counter()
        lack = known.lack(self.needs)
        findings = [self._unanswered(lack)] if lack else list(self.run(known)) or [CODES[self.code].answer(Level.OK)]
        took_ms = (perf_counter() - started) * 1000 / len(findings)
        return [replace(finding, duration_ms=took_ms) for finding in findings]

    def _unanswered(self, lack: Lack) -> Finding:
        finding = CODES[self.code].answer(lack.level, lack.reason)
        return replace(finding, fix=Fix(text=lack.advice)) if lack.advice else finding


def found(code: str, resource: str = "", detail: str = "", **more: Any) -> Finding:  # noqa: ANN401 - as Code.finding
    """A finding with what its code says anyway: title, level, fix."""
    return CODES[code].finding(resource, detail, **more)


def skipped(code: str, why: str) -> Finding:
    """A check that had nothing to compare."""
    return CODES[code].answer(Level.SKIPPED, why)
