"""Commands of sipctl as values: lists of words, which one place turns into text for sh, bash and zsh.

A command that is printed holds names that strangers chose. So no text with a hole in it is ever a command: findings,
hints and undo lines carry a `CommandLine`, and `quoted` alone writes words for a shell.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
"""Words that mean themselves without quotes; at the start of one, zsh takes `=` for the path of a program."""
_PLAIN_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@+ ")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command: its words without the name of the program, what it is about, and options, each value a word.

    Where one of the `operands` looks like an option, they come last and behind `--`. The commands `following` are run
    after it, each only if the one before it succeeded.
    """

    words: tuple[str, ...]
    operands: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    following: tuple["CommandLine", ...] = ()

    @classmethod
    def of(cls, *words: str) -> "CommandLine":
        """A command of this version, such as `CommandLine.of("pin", "show").on(room)`."""
        return cls(words)

    def on(self, *operands: str) -> "CommandLine":
        """The same command on these things."""
        return replace(self, operands=(*self.operands, *operands))

    def having(self, *options: str) -> "CommandLine":
        """The same command with more options."""
        return replace(self, options=(*self.options, *options))

    def below(self, *options: str) -> "CommandLine":
        """The same command, and those that follow it, with options of every command put first."""
        following = tuple(one.below(*options) for one in self.following)
        return replace(self, words=(*options, *self.words), following=following)

    def then(self, *others: "CommandLine") -> "CommandLine":
        """The same command, and these after it."""
        return replace(self, following=(*self.following, *others))

    @property
    def steps(self) -> tuple["CommandLine", ...]:
        """The command and those that follow it, each by itself."""
        return replace(self, following=()), *(step for one in self.following for step in one.steps)

    @property
    def argv(self) -> tuple[str, ...]:
        """What the program gets, for this command alone."""
        if any(word.startswith("-") for word in self.operands):
            return (*self.words, *self.options, "--", *self.operands)
        return (*self.words, *self.operands, *self.options)

    def __bool__(self) -> bool:
        """Whether a shell can hold each of its words."""
        return all(map(_can_be_typed, self.argv)) and all(self.following)

    def __str__(self) -> str:
        """The command, ready to paste into sh, bash or zsh; "" if there is none that a shell can hold."""
        return " && ".join(quoted("sipctl", *one.argv) for one in self.steps) if self else ""


Prose = str | tuple[str | CommandLine, ...]
"""A text in which commands stay values until it is printed."""


def prose_text(prose: Prose) -> str:
    """The text, its commands between backticks; "" if one of them cannot be typed."""
    if isinstance(prose, str):
        return prose
    if not all(prose):
        return ""
    return "".join(f"`{part}`" if isinstance(part, CommandLine) else part for part in prose)


def both(first: Prose, second: Prose) -> Prose:
    """Two texts as one, with a semicolon between them if there are two."""
    if not (first and second):
        return first or second
    return (*_parts(first), "; ", *_parts(second))


def _parts(prose: Prose) -> tuple[str | CommandLine, ...]:
    return (prose,) if isinstance(prose, str) else prose


def prose_below(prose: Prose, options: Iterable[str]) -> Prose:
    """The same text, its commands with options of every command put first."""
    if isinstance(prose, str):
        return prose
    words = tuple(options)
    return tuple(part.below(*words) if isinstance(part, CommandLine) else part for part in prose)


def quoted(*words: str) -> str:
    """The words for a shell: printable text alone, and nothing in it but the words themselves has a meaning."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if word.isprintable():
        return "'" + word.replace("'", "'\\''") + "'"
    return f"\"$(printf '{_as_format(word)}')\""


def _as_format(word: str) -> str:
    """The word as printf's format: what no terminal shows as it is becomes the octal escapes that POSIX knows."""
    octets = word.encode(errors="surrogateescape")
    return "".join(chr(one) if one in _PLAIN_BYTES else f"\\{one:03o}" for one in octets).replace("\\045", "%%")


def _can_be_typed(word: str) -> bool:
    """Whether a shell can hold the word: without NUL, and without the line breaks that `$(…)` takes off the end."""
    return "\0" not in word and not word.endswith("\n") and not re.search("[\ud800-\udc7f\udd00-\udfff]", word)
