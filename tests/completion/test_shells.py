"""TAB pressed in the real shells, at a terminal: what they make of a line is what the command gets as its words."""

import fcntl
import os
import pty
import select
import shutil
import signal
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipctl.completion.keeping import kept
from sipctl.completion.scripts import FILES, script
from sipctl.completion.values import ROOMS, RULES
from tests.support.needs import need

SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-d", "-i"),
    "fish": ("fish", "-i"),
}
STARTS = {
    "bash": "source '{completions}/sipctl.bash'",
    "zsh": "fpath=('{completions}' $fpath); autoload -Uz compinit; compinit -u -D; setopt no_beep",
    "fish": "set -g fish_greeting; source '{completions}/sipctl.fish'",
}
SIPCTL = f"""#!/bin/sh
if [ "$1" = __complete ]; then exec '{sys.executable}' -m sipctl "$@"; fi
for word in "$@"; do printf '%s\\0' "$word"; done > "$WORDS.part"
mv "$WORDS.part" "$WORDS"
"""


class Typist:
    """A person at a shell, in a folder of its own."""

    def __init__(self, master: int, folder: Path) -> None:
        self._master = master
        self._words = folder / "words"

    def words_of(self, line: str) -> list[str]:
        """What sipctl gets as its words if this line is typed, and Enter pressed."""
        self._words.unlink(missing_ok=True)
        os.write(self._master, line.encode() + b"\r")
        end, seen = time.monotonic() + 30, b""
        while not self._words.exists():
            assert time.monotonic() < end, seen.decode(errors="replace")
            if select.select([self._master], [], [], 0.02)[0]:
                seen += os.read(self._master, 65536)
        return self._words.read_text().split("\0")[:-1]


@contextmanager
def typist_at(shell: str, folder: Path) -> Iterator[Typist]:
    """A shell at a terminal of 200 columns, with the completion as it is delivered."""
    completions = folder / "completions"
    completions.mkdir()
    (completions / FILES[shell]).write_text(script(shell))
    program = folder / "bin" / "sipctl"
    program.parent.mkdir()
    program.write_text(SIPCTL)
    program.chmod(0o700)
    env = {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(folder), "WORDS": str(folder / "words"),
        "TERM": "xterm", "LC_ALL": "C.UTF-8", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HISTFILE": "",
    }  # fmt: skip
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(SHELLS[shell][0], SHELLS[shell], env)
    fcntl.ioctl(
        master, termios.TIOCSWINSZ, (50).to_bytes(2, sys.byteorder) + (200).to_bytes(2, sys.byteorder) + bytes(4)
    )
    try:
        typist = Typist(master, folder)
        os.write(master, STARTS[shell].format(completions=completions).encode() + b"\r")
        assert typist.words_of("sipctl ready") == ["ready"]
        yield typist
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_in(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("" if shutil.which(SHELLS[shell][0]) else f"no {shell}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for kind, name in ((RULES, "provider:france"), (ROOMS, "it's a room; touch x")):
        for _ in kept([name], lambda name: [(name, "a word: about it")], [""], kind):
            pass
    (tmp_path / "snapshot.json").write_text("{}")
    with typist_at(shell, tmp_path) as typist:
        assert typist.words_of("sipctl ru\tsh\tprovider:f\t") == ["rules", "show", "provider:france"]
        assert typist.words_of("sipctl rules show prov\t") == ["rules", "show", "provider:france"]
        assert typist.words_of("sipctl room show i\t") == ["room", "show", "it's a room; touch x"]
        assert typist.words_of("sipctl rules list --sor\tnam\t") == ["rules", "list", "--sort", "name"]
        assert typist.words_of("sipctl rules list --sort=nam\t") == ["rules", "list", "--sort=name"]
        assert typist.words_of("sipctl doctor --only RUL40\t3") == ["doctor", "--only", "RUL403"]
        assert typist.words_of("sipctl rules lint --offline sna\t") == ["rules", "lint", "--offline", "snapshot.json"]
        assert typist.words_of("sipctl --output=jsonl doc\t-o juni\t") == ["--output=jsonl", "doctor", "-o", "junit"]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_parse(shell: str, tmp_path: Path) -> None:
    need("" if shutil.which(SHELLS[shell][0]) else f"no {shell}")
    file = tmp_path / "script"
    file.write_text(script(shell))
    assert os.spawnlp(os.P_WAIT, shell, shell, "-n", str(file)) == 0
