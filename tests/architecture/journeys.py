"""How many of our files a command runs through, and how often it passes from one to another.

`python tests/architecture/journeys.py` prints both for the commands that people change most.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.scenario import Machine, Step, machine_in

_SOURCE: Final = str(Path(__file__).parents[2] / "src" / "sipctl")
_LINES: Final = (
    "rules list",
    "rules purge --grace 0 --apply",
    "pin rotate standup",
    "rules explain --from +33612345678 --to +33123456789 --pin 4821930501",
    "doctor --settle 0",
)


@dataclass
class Journey:
    """The files whose functions ran, and how often the next function was another file's."""

    files: set[str] = field(default_factory=set)
    changes: int = 0
    _at: str = ""

    def note(self, frame: FrameType, event: str, _arg: object) -> None:
        """What the interpreter calls at each call; modules as they load, and properties of values, are left out."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(_SOURCE) or code.co_name == "<module>":
            return
        self.files.add(code.co_filename)
        self.changes += code.co_filename != self._at
        self._at = code.co_filename


@contextmanager
def traced() -> Iterator[Journey]:
    """Follow what this thread runs while the body does."""
    journey = Journey()
    sys.setprofile(journey.note)
    try:
        yield journey
    finally:
        sys.setprofile(None)


def journey_of(machine: Machine, line: str) -> Journey:
    """The journey of one command, the second time it runs: nothing is loaded any more."""
    step = Step(tuple(line.split()))
    machine.run(step, "table")
    with traced() as journey:
        machine.run(step, "table")
    return journey


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CONFIG_HOME", "SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR"):
            os.environ[name] = f"{folder}/{name.lower()}"
        for line in _LINES:
            work = Path(folder) / line.replace(" ", "-")
            work.mkdir()
            with machine_in(work) as machine:
                machine.run(Step(("pin", "import", "pins.csv", "--apply")), "table")
                journey = journey_of(machine, line)
            sys.stdout.write(f"{len(journey.files):3} files, {journey.changes:4} changes of file: sipctl {line}\n")
