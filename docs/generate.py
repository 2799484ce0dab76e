"""Writes what is generated in this folder: a page for each finding code, their index, and the JSON Schemas.

Run `python docs/generate.py` after a change of codes or shapes; a test says when it was forgotten.
"""

import json
from pathlib import Path

from sipctl.cli.schemas import json_schemas
from sipctl.doctor.codes import CODES
from sipctl.findings import Area, Code

DOCS = Path(__file__).parent

AREAS = {
    Area.CONFIGURATION: "Configuration: `sipctl config validate`, and `sipctl doctor` for the files of a profile",
    Area.API: "LiveKit's API",
    Area.TRUNKS: "Trunks",
    Area.RULES: "Dispatch rules",
    Area.PINS: "PINs: `sipctl pin audit`, and `sipctl doctor` where there is a registry",
    Area.SIP: "The SIP node",
}


def page(code: Code) -> str:
    """The page of one code."""
    return (
        f"# {code.code}: {code.title}\n\n"
        f"Level: {code.level.value}. The title says how it should be; the finding says that it is not.\n\n"
        f"**Cause.** {code.cause}\n\n"
        f"**What callers hear.** {code.callers}\n\n"
        f"**Fix.** {code.fix[0].upper()}{code.fix[1:]}.\n\n"
        f"Only this check: `sipctl doctor --only {code.code}`. To live with it, put it into the profile:\n\n"
        "```toml\n"
        "[[profiles.NAME.ignore]]\n"
        f'code = "{code.code}"\n'
        'reason = "why it is all right here"\n'
        "until = 2027-01-31        # optional; an expired entry is a finding itself (CFG138)\n"
        "```\n"
    )


def index() -> str:
    """The index of all codes."""
    lines = ["# Findings", "", "Codes are stable: they are never renumbered, and the table only grows.", ""]
    for area, heading in AREAS.items():
        lines += [f"## {heading}", "", "| code | level | how it should be |", "| --- | --- | --- |"]
        lines += [
            f"| [{code.code}]({code.code}.md) | {code.level.value} | {code.title} |"
            for name, code in sorted(CODES.items())
            if name.startswith(area.value)
        ]
        lines.append("")
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {DOCS / "findings" / f"{name}.md": page(code) for name, code in CODES.items()}
    files[DOCS / "findings" / "README.md"] = index()
    for name, schema in json_schemas().items():
        files[DOCS / "schemas" / f"{name}.v1.json"] = json.dumps(schema, indent=2) + "\n"
    return files


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
