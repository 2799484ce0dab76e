"""A page for each finding code, and their index."""

from collections.abc import Iterator

from sipctl.command_line import prose_text
from sipctl.findings.codes import CODES
from sipctl.findings.record import Area, Code
from sipctl.telephony.linting.fault import DESCRIBED, DESCRIBED_TRUNKS, REFUSED, REFUSED_TRUNKS

_AREAS = {
    Area.CONFIGURATION: "Configuration: `sipctl config validate`, and `sipctl doctor` for the files of a profile",
    Area.API: "LiveKit's API",
    Area.TRUNKS: "Trunks",
    Area.RULES: "Dispatch rules",
    Area.PINS: "PINs: `sipctl pin audit`, and `sipctl doctor` where there is a registry",
    Area.SIP: "The SIP node",
    Area.PROMPTS: "Prompts: `sipctl prompts check`",
}


def _page(code: Code) -> str:
    """The page of one code."""
    fix = prose_text(code.fix)
    return (
        f"# {code.code}: {code.title}\n\n"
        f"Level: {code.level.value}. This finding appears when the statement in its title is not true.\n\n"
        f"**Cause:** {code.cause}\n\n"
        f"**What callers hear:** {code.callers}\n\n"
        f"**Fix:** {fix}.\n\n"
        f"{_writes(code.code)}"
        f"On a terminal: `sipctl doctor --explain {code.code}`. Only this check: `sipctl doctor --only {code.code}`."
        " To live with it, put it into the profile:\n\n"
        "```toml\n"
        "[[profiles.NAME.ignore]]\n"
        f'code = "{code.code}"\n'
        'reason = "why it is all right here"\n'
        "until = 2027-01-31        # optional; an expired entry is a finding itself (CFG138)\n"
        "```\n"
    )


def _writes(code: str) -> str:
    """What the commands that write make of it; "" for a fault that no write is judged by."""
    writers = {
        "`rules create` and `rules update`": (REFUSED, DESCRIBED),
        "`trunk create` and `trunk update`": (REFUSED_TRUNKS, DESCRIBED_TRUNKS),
    }
    for commands, (refused, described) in writers.items():
        if code in refused:
            return (
                f"**Writes:** {commands} refuse to bring it about (exit code 5), unless `--allow {code}` is given.\n\n"
            )
        if code in described:
            return f"**Writes:** {commands} that bring it about say so in a line on stderr.\n\n"
    return ""


def _index() -> str:
    """The index of all codes."""
    lines = ["# Findings", "", "Codes are stable: they are never renumbered, and the table only grows.", ""]
    for area, heading in _AREAS.items():
        lines += [f"## {heading}", "", "| code | level | statement |", "| --- | --- | --- |"]
        lines += [
            f"| [{code.code}]({code.code}.md) | {code.level.value} | {code.title} |"
            for name, code in sorted(CODES.items())
            if name.startswith(area.value)
        ]
        lines.append("")
    return "\n".join(lines)


def pages() -> Iterator[tuple[str, str]]:
    """The name of each file, and its text."""
    yield "README.md", _index()
    for name, code in CODES.items():
        yield f"{name}.md", _page(code)
