"""The shells that people paste into, interactive as theirs are, with a `sipctl` that writes down its words."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SHELLS: Final = {
    "sh": ("dash", "-i"),
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}
"""Interactive: `!` is the history's, and in zsh `=ls` the path of a program."""
_STAND_IN: Final = """#!/bin/sh
printf '%s\\0' "$#" "$@" >> "$SIPCTL_WORDS"
"""


def missing() -> str:
    """What is not installed; "" if nothing."""
    return next((f"no {words[0]}" for words in SHELLS.values() if not shutil.which(words[0])), "")


class Shell:
    """One kind of shell in a folder of its own, where nothing but the stand-in is called sipctl."""

    def __init__(self, name: str, folder: Path) -> None:
        self._words = SHELLS[name]
        self._folder = folder
        self._noted = folder / "words"
        stand_in = folder / "sipctl"
        stand_in.write_text(_STAND_IN)
        stand_in.chmod(0o700)

    def paste(self, lines: Sequence[str], locale: str) -> list[list[str]]:
        """What the stand-in got as its words, each time it was started."""
        self._noted.write_bytes(b"")
        environment = {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "HISTFILE": "",
            "LC_ALL": locale,
            "SIPCTL_WORDS": str(self._noted),
        }
        subprocess.run(
            self._words,
            input="".join(f"{line}\n" for line in lines).encode(),
            env=environment,
            cwd=self._folder,
            capture_output=True,
            start_new_session=True,
            timeout=60,
            check=False,
        )
        return _calls(self._noted.read_bytes().decode(errors="surrogateescape").split("\0"))

    def left_behind(self) -> set[str]:
        """The files that the lines made."""
        return {one.name for one in self._folder.iterdir()} - {"sipctl", "words"}


def _calls(noted: list[str]) -> list[list[str]]:
    calls, at = [], 0
    while at < len(noted) - 1:
        count = int(noted[at])
        calls.append(noted[at + 1 : at + 1 + count])
        at += 1 + count
    return calls
