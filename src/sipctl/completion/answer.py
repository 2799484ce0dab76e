"""What can be typed next: words of commands, options, and values that are known without asking any server.

`sipctl __complete SHELL WORD…` prints it for the last word. A person waits for it, so nothing is imported here that the
interpreter has not loaded anyway, and the commands' tree is read from `tree.tsv`, which `docs/generate` writes.
"""

import os
import sys

from sipctl.completion.values import REGISTERED, ROOMS, RULES, TRUNKS, read_values

SHELLS = ("bash", "zsh", "fish")
FILES = "files"
"""Printed instead of words: the shell knows its files best."""
WORDS = "words"
"""Printed before words."""

_CACHED = {"room": (ROOMS, REGISTERED), "rule": (RULES,), "trunk": (TRUNKS,)}
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./=-")

Choice = tuple[str, str]
"""What can be typed, and a word about it."""


def main(words: list[str]) -> int:
    """Print what the last of the words, which are those behind a shell's name, can become; the exit code."""
    shell, *typed = words or [""]
    if shell not in SHELLS:
        return 2
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    typed = typed or [""]
    answer = bash_answer(typed) if shell == "bash" else shell_answer(shell, typed)
    sys.stdout.write("\n".join(answer) + "\n")
    return 0


def shell_answer(shell: str, typed: list[str]) -> list[str]:
    """The lines for zsh and fish, which quote the words themselves."""
    place = Place(typed)
    choices = place.choices()
    if choices is None:
        return [FILES]
    if shell == "fish":
        return [WORDS, *(f"{place.prefix}{value}\t{about}" for value, about in choices)]
    return [WORDS, *(value.replace(":", "\\:") + (about and f":{about}") for value, about in choices)]


def bash_answer(typed: list[str]) -> list[str]:
    """The lines for bash. It breaks words at `=` and `:`, and replaces what is behind the last break alone."""
    joined, broken = _joined(typed)
    quote = joined[-1][:1] if joined[-1][:1] in {"'", '"'} else ""
    joined[-1] = joined[-1].removeprefix(quote)
    place = Place(joined)
    choices = place.choices()
    if choices is None:
        return [FILES]
    words = [place.prefix + value for value, _ in choices if not quote or quote not in value]
    return [WORDS, *(_typed(word[broken:], quote) for word in words)]


def _typed(value: str, quote: str) -> str:
    """The word as bash must read it: inside the quotes that a person has opened as it is, else with its own."""
    if quote or _PLAIN.issuperset(value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


def _joined(typed: list[str]) -> tuple[list[str], int]:
    """The words as a person sees them, and how many characters of the last one bash leaves alone."""
    joined: list[str] = []
    broken = 0
    for at, word in enumerate(typed):
        is_break = word != "" and not word.strip("=:")
        if joined and (is_break or (at > 0 and typed[at - 1] != "" and not typed[at - 1].strip("=:"))):
            broken = len(joined[-1]) + (len(word) if is_break else 0)
            joined[-1] += word
        else:
            joined.append(word)
            broken = 0
    return joined, broken


class Place:
    """Where the cursor is: the command so far, and what the word at the cursor is about.

    `prefix` is the part of that word that stays, such as `--profile=`.
    """

    def __init__(self, typed: list[str]) -> None:
        self._rows = _rows()
        self._path = ""
        self._operands = 0
        self._pending: list[str] = []
        self._is_behind_dashes = False
        self._given = {f"--{name}": os.environ.get(f"SIPCTL_{name.upper()}", "") for name in ("profile", "config")}
        for word in typed[:-1]:
            self._pass(word)
        self.prefix, self._word = self._split(typed[-1])

    def choices(self) -> list[Choice] | None:
        """What can be here, in the order of the help; None = files."""
        if self._pending:
            choices = self._values(self._pending[3])
        elif self._word.startswith("-") and not self._is_behind_dashes:
            choices = self._options()
        else:
            choices = self._words()
        return None if choices is None else [one for one in choices if one[0].startswith(self._word)]

    def _pass(self, word: str) -> None:
        """Take one whole word into account."""
        if self._pending:
            self._given[self._pending[2]] = word
            self._pending = []
        elif self._is_behind_dashes or not word.startswith("-") or word == "-":
            self._pass_operand(word)
        elif word == "--":
            self._is_behind_dashes = True
        elif "=" in word:
            name, _, value = word.partition("=")
            self._given[name] = value
        else:
            self._pending = self._option(word)

    def _pass_operand(self, word: str) -> None:
        if any(row[2] == word for row in self._here("command")):
            self._path = f"{self._path} {word}".lstrip()
        else:
            self._operands += 1

    def _split(self, word: str) -> tuple[str, str]:
        """The word at the cursor: what stays of it, and what is completed."""
        name, equals, value = word.partition("=")
        if equals and name.startswith("--") and not self._pending and not self._is_behind_dashes:
            self._pending = self._option(name)
            if self._pending:
                return name + equals, value
        return "", word

    def _option(self, word: str) -> list[str]:
        """The row of an option that takes a value; nothing for any other word."""
        return next((row for row in self._here("option") if row[2] == word and row[3]), [])

    def _here(self, kind: str) -> list[list[str]]:
        """The rows of this kind: those of the command so far, then those of every command that it lacks."""
        rows = [row for row in self._rows if row[1] == kind]
        own = [row for row in rows if row[0] == self._path]
        names = {row[2] for row in own}
        return own + [row for row in rows if row[0] == "*" and row[2] not in names]

    def _options(self) -> list[Choice]:
        return [(row[2], row[4]) for row in self._here("option")]

    def _words(self) -> list[Choice] | None:
        """Commands of a group; what the next operand of a command can be; options, if it takes none."""
        commands = self._here("command")
        if commands:
            return [] if self._operands else [(row[2], row[4]) for row in commands]
        operands = self._here("argument")
        if not operands:
            return self._options() if self._path and not self._word else []
        at = min(self._operands, len(operands) - 1)
        is_taken = self._operands > at and not operands[at][2].endswith("...")
        return [] if is_taken else self._values(operands[at][3])

    def _values(self, value: str) -> list[Choice] | None:
        """What an option or operand can be; None = files."""
        if value == "file":
            return None
        if value == "profile":
            return _profiles(self._given["--config"])
        if value.startswith("="):
            return [(word, "") for word in value[1:].split(" ")]
        if value in _CACHED:
            return [one for kind in _CACHED[value] for one in read_values(self._given["--profile"], kind)]
        return [(row[2], row[4]) for row in self._rows if row[0] == f"={value}"]


def _rows() -> list[list[str]]:
    """The tree: the command, the kind of the row, a name, what value it takes, and its line of help."""
    with open(os.path.join(os.path.dirname(__file__), "tree.tsv"), encoding="utf-8") as file:
        return [line.split("\t") for line in file.read().splitlines()]


def _profiles(config: str) -> list[Choice]:
    """The profiles of the configuration file, by this path or where it usually is."""
    import tomllib

    from sipctl.config.paths import config_path

    try:
        with open(config or config_path(), "rb") as file:
            return [(name, "") for name in tomllib.load(file).get("profiles", {})]
    except (OSError, ValueError, AttributeError):
        return []
