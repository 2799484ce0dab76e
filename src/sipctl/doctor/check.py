"""A check: one code, what it needs to know, and a pure function from facts to findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

from sipctl.doctor.codes import CODES
from sipctl.doctor.facts import Answer, Facts
from sipctl.findings import Evidence, Finding, Fix, Level

Run = Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `needs` names the `Facts` that it reads; without them it is unknown, or skipped if nobody asked."""

    code: str
    needs: tuple[str, ...]
    run: Run

    def outcome(self, facts: Facts) -> list[Finding]:
        """The answers: what is wrong, or one `ok`, `unknown` or `skipped`."""
        started = perf_counter()
        findings = list(self._answers(facts))
        took_ms = (perf_counter() - started) * 1000 / len(findings)
        return [replace(finding, duration_ms=took_ms) for finding in findings]

    def _answers(self, facts: Facts) -> Iterator[Finding]:
        title = CODES[self.code].title
        for need in self.needs:
            answer: Answer[object] = getattr(facts, need)
            if answer.error:
                detail = f"could not be checked: {answer.error.message}"
                fix = Fix(text=answer.error.hint) if answer.error.hint else None
                yield Finding(code=self.code, level=Level.UNKNOWN, title=title, detail=detail, fix=fix)
                return
            if answer.not_asked:
                yield Finding(code=self.code, level=Level.SKIPPED, title=title, detail=answer.not_asked)
                return
        yield from list(self.run(facts)) or [Finding(code=self.code, level=Level.OK, title=title)]


CHECKS: list[Check] = []
"""Every check of this version, in the order of their registration."""


def check(code: str, *needs: str) -> Callable[[Run], Run]:
    """Register a function as the check of a code."""

    def register(run: Run) -> Run:
        CHECKS.append(Check(code, needs, run))
        return run

    return register


def found(
    code: str,
    resource: str = "",
    detail: str = "",
    *,
    level: Level | None = None,
    observed: str = "",
    expected: str = "",
    source: str = "",
    fix: str = "",
    command: str = "",
) -> Finding:
    """A finding with what its code says anyway: title, level, fix."""
    known = CODES[code]
    return Finding(
        code=code,
        level=level or known.level,
        title=known.title,
        resource=resource,
        detail=detail,
        evidence=Evidence(observed=observed, expected=expected, source=source),
        fix=Fix(text=fix or known.fix, command=command),
    )


def skipped(code: str, why: str) -> Finding:
    """A check that had nothing to compare."""
    return Finding(code=code, level=Level.SKIPPED, title=CODES[code].title, detail=why)
