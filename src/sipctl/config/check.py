"""A check of configuration files: one code, the files it needs, and a pure function from them to findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sipctl.config.codes import CONFIG_CODES
from sipctl.config.deployment import Deployment, Place
from sipctl.findings import Evidence, Finding, Fix, Level

CODES: Final = {code.code: code for code in CONFIG_CODES}

Run = Callable[[Deployment], Iterable[Finding]]

_NAMES: Final = {
    "env": "the backend's environment",
    "server": "livekit-server's yaml",
    "sip": "livekit-sip's yaml",
    "compose": "the JSON of `docker compose config`",
    "config": "sipctl's configuration file",
}


@dataclass(frozen=True, slots=True)
class ConfigCheck:
    """One question; `needs` names the parts of a `Deployment` without which it is skipped."""

    code: str
    needs: tuple[str, ...]
    run: Run

    def outcome(self, deployment: Deployment) -> list[Finding]:
        """What is wrong, or one `ok` or `skipped`."""
        missing = [_NAMES[need] for need in self.needs if getattr(deployment, need) is None]
        title = CODES[self.code].title
        if missing:
            return [
                Finding(code=self.code, level=Level.SKIPPED, title=title, detail=f"nobody gave {' and '.join(missing)}")
            ]
        return list(self.run(deployment)) or [Finding(code=self.code, level=Level.OK, title=title)]


CHECKS: list[ConfigCheck] = []
"""Every configuration check of this version, in the order of their registration."""


def check(code: str, *needs: str) -> Callable[[Run], Run]:
    """Register a function as the check of a code."""

    def register(run: Run) -> Run:
        CHECKS.append(ConfigCheck(code, needs, run))
        return run

    return register


def fault(
    code: str,
    place: Place,
    detail: str,
    *,
    observed: str = "",
    expected: str = "",
    fix: str = "",
    level: Level | None = None,
) -> Finding:
    """A finding at a line, with what its code says anyway. `observed` must hold no secret."""
    known = CODES[code]
    return Finding(
        code=code,
        level=level or known.level,
        title=known.title,
        resource=str(place),
        detail=detail,
        evidence=Evidence(observed=observed, expected=expected, source=str(place)),
        fix=Fix(text=fix or known.fix),
    )
