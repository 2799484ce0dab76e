"""The one record that every check speaks: `config validate`, `doctor` and all that comes after them."""

from dataclasses import dataclass, field
from enum import StrEnum

from sipctl.command_line import CommandLine, Prose
from sipctl.masking import shown_urls


class Level(StrEnum):
    """How much a finding weighs. `unknown` = could not be checked, which is never the same as ok."""

    ERROR = "error"
    WARN = "warn"
    UNKNOWN = "unknown"
    INFO = "info"
    OK = "ok"
    SKIPPED = "skipped"


class Area(StrEnum):
    """The part of a deployment that a code belongs to; the value is the prefix of its codes."""

    CONFIGURATION = "CFG"
    API = "API"
    TRUNKS = "TRK"
    RULES = "RUL"
    PINS = "PIN"
    WEBHOOKS = "WHK"
    SIP = "SIP"
    CALL = "E2E"
    PROMPTS = "PRM"


def page_of(code: str) -> str:
    """The page of a code in the documentation."""
    return f"docs/findings/{code}.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen, what was expected, and where ("file:line", "ListSIPDispatchRule", …). Secrets and PINs masked."""

    observed: str = ""
    expected: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to do. `command` is a command of this very version, or None when only words help."""

    text: Prose
    command: CommandLine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer to one question.

    `code` is stable and documented ("RUL401"); `resource` names the object ("rule SDR_x", "file:line" for
    configuration); `title` is one line, `detail` says in the caller's terms what follows; `duration_ms` is what
    the check took, in milliseconds.
    """

    code: str
    level: Level
    title: str
    resource: str = ""
    detail: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    fix: Fix | None = None
    duration_ms: float = 0.0

    @property
    def area(self) -> Area:
        """The area that the code's prefix names."""
        return Area(self.code[:3])

    @property
    def page(self) -> str:
        """The page of the documentation that says what the code means."""
        return page_of(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What one code means, for its documentation page: stable once published, never renumbered.

    `level` is what the code weighs when nothing about the case changes that; `title` is the question's answer in one
    line, `cause` why it happens, `callers` what someone who dials in hears, `fix` what to do;
    `for_all` is the command that repairs all cases at once.
    """

    code: str
    level: Level
    title: str
    cause: str
    callers: str
    fix: Prose
    for_all: CommandLine | None = None

    def finding(
        self,
        resource: str = "",
        detail: str = "",
        *,
        level: Level | None = None,
        observed: str = "",
        expected: str = "",
        source: str = "",
        fix: Prose = "",
        command: CommandLine | None = None,
    ) -> Finding:
        """A finding of this code: what the case at hand does not say is the code's own. `observed` holds no secret."""
        return Finding(
            code=self.code,
            level=level or self.level,
            title=self.title,
            resource=resource,
            detail=shown_urls(detail),
            evidence=Evidence(observed=shown_urls(observed), expected=shown_urls(expected), source=source),
            fix=Fix(text=fix or self.fix, command=command),
        )

    def answer(self, level: Level, detail: str = "") -> Finding:
        """An answer that needs no fix: ok, or skipped with the reason."""
        return Finding(code=self.code, level=level, title=self.title, detail=shown_urls(detail))
