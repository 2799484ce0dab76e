"""A check: one code, what it needs to know, and a pure function from facts to findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final

from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Answer, Facts
from sipctl.findings import Finding, Fix, Level

UNCHECKED: Final = "could not be checked: "

Run = Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `needs` names the `Facts` that it reads; without them it is unknown, or skipped if nobody asked.

    `sees` names those that it looks at as well, whether or not they are there.
    """

    code: str
    needs: tuple[str, ...]
    sees: tuple[str, ...]
    run: Run

    def outcome(self, facts: Facts) -> list[Finding]:
        """The answers: what is wrong, or one `ok`, `unknown` or `skipped`."""
        started = perf_counter()
        findings = list(self._answers(facts))
        took_ms = (perf_counter() - started) * 1000 / len(findings)
        return [replace(finding, duration_ms=took_ms) for finding in findings]

    def _answers(self, facts: Facts) -> Iterator[Finding]:
        known = CODES[self.code]
        for need in self.needs:
            answer: Answer[object] = getattr(facts, need)
            if answer.error:
                unknown = known.answer(Level.UNKNOWN, f"{UNCHECKED}{answer.error.message}")
                yield replace(unknown, fix=Fix(text=answer.error.advice) if answer.error.advice else None)
                return
            if answer.not_asked:
                yield known.answer(Level.SKIPPED, answer.not_asked)
                return
        yield from list(self.run(facts)) or [known.answer(Level.OK)]


CHECKS: list[Check] = []
"""Every check of this version, in the order of their registration."""


def check(code: str, *needs: str, sees: tuple[str, ...] = ()) -> Callable[[Run], Run]:
    """Register a function as the check of a code."""

    def register(run: Run) -> Run:
        CHECKS.append(Check(code, needs, sees, run))
        return run

    return register


def found(code: str, resource: str = "", detail: str = "", **more: Any) -> Finding:  # noqa: ANN401 - as Code.finding
    """A finding with what its code says anyway: title, level, fix."""
    return CODES[code].finding(resource, detail, **more)


def skipped(code: str, why: str) -> Finding:
    """A check that had nothing to compare."""
    return CODES[code].answer(Level.SKIPPED, why)
