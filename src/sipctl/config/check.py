"""A check of configuration files: one code, the files it needs, and a pure function from them to findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sipctl.config.codes import CONFIG_CODES
from sipctl.config.deployment import Deployment, Place
from sipctl.findings import Finding, Level

CODES: Final = {code.code: code for code in CONFIG_CODES}

Run = Callable[[Deployment], Iterable[Finding]]

_NAMES: Final = {
    "env": "the backend's environment",
    "server": "livekit-server's yaml",
    "sip": "livekit-sip's yaml",
    "compose": "the JSON of `docker compose config`",
}


@dataclass(frozen=True, slots=True)
class ConfigCheck:
    """One question; `needs` names the parts of a `Deployment` without which it is skipped."""

    code: str
    needs: tuple[str, ...]
    run: Run

    def outcome(self, deployment: Deployment) -> list[Finding]:
        """What is wrong, or one `ok` or `skipped`."""
        known = CODES[self.code]
        missing = [need for need in self.needs if getattr(deployment, need) is None]
        if missing:
            return [known.answer(Level.SKIPPED, "; ".join(_why_missing(deployment, need) for need in missing))]
        return list(self.run(deployment)) or [known.answer(Level.OK)]


def _why_missing(deployment: Deployment, need: str) -> str:
    given = getattr(deployment, f"{need}s", ())
    return f"{_NAMES[need]} cannot be read" if given else f"nobody gave {_NAMES[need]}"


CHECKS: list[ConfigCheck] = []
"""Every configuration check of this version, in the order of their registration."""


def check(code: str, *needs: str) -> Callable[[Run], Run]:
    """Register a function as the check of a code."""

    def register(run: Run) -> Run:
        CHECKS.append(ConfigCheck(code, needs, run))
        return run

    return register


def fault(code: str, place: Place, detail: str, **more: Any) -> Finding:  # noqa: ANN401 - as Code.finding
    """A finding at a line, with what its code says anyway."""
    return CODES[code].finding(str(place), detail, source=str(place), **more)
