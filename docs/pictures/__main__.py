"""Draws the pictures of the README: what commands show on a terminal, on light and on dark.

Run `python docs/pictures` after a change of what they show.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI, TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from tests.support import running  # noqa: E402 - the tests are where the sandbox is filled
from tests.support.scenario import Names, machine_in  # noqa: E402

WIDTH = 100
DEMO_LINES = 45
COMMANDS = {
    "doctor": "doctor --settle 0",
    "explain": "rules explain --to +33123456789 --from +33612345678 --pin 4821930501",
    "rooms": "room list",
}
LIGHT = TerminalTheme(
    (255, 255, 255), (36, 41, 47),
    [(36, 41, 47), (207, 34, 46), (17, 99, 41), (154, 103, 0), (9, 105, 218), (130, 80, 223), (27, 124, 131),
     (110, 119, 129)],
    [(87, 96, 106), (164, 14, 38), (26, 127, 55), (99, 60, 1), (33, 139, 255), (164, 117, 249), (49, 146, 170),
     (140, 149, 159)],
)  # fmt: skip
THEMES = {"light": LIGHT, "dark": DIMMED_MONOKAI}


def shown() -> Iterator[tuple[str, str, str]]:
    """The name of each picture, the command line, and what a terminal shows."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CONFIG_HOME", "SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR"):
            os.environ[name] = f"{folder}/{name.lower()}"
        work = Path(folder) / "work"
        work.mkdir()
        with machine_in(work) as machine:
            names = Names(machine.sandbox, work)
            for name, line in COMMANDS.items():
                env = machine.env | {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
                text = names.in_text(running.run(*line.split(), env=env, terminal=True).stdout)
                yield name, f"sipctl {line.removesuffix(' --settle 0')}", re.sub(r"\d+ (ms|s)\b", r"… \1", text)
        yield "demo", "sipctl demo", demo()


def demo() -> str:
    """The beginning of the demo, whose commands are processes of their own."""
    env = running.clean_env(COLUMNS=str(WIDTH), FORCE_COLOR="1", TERM="xterm-256color")
    words = running.command("demo")
    shown = subprocess.run(  # noqa: S603 - words of our own
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout
    return "".join(shown.splitlines(keepends=True)[:DEMO_LINES])


def picture(command: str, text: str, theme: TerminalTheme) -> str:
    """The SVG of a terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(text))
    return console.export_svg(title="sipctl", theme=theme, unique_id="sipctl")


if __name__ == "__main__":
    for name, command, text in shown():
        for kind, theme in THEMES.items():
            (FOLDER / f"{name}-{kind}.svg").write_text(picture(command, text, theme), encoding="utf-8")
