"""Env files as Meet and compose write them: spaces around `=`, quotes, comments, `${X}` from before, names alone."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Atom, Variable, parse_variables

from sipctl.config.reading import Fault, FaultKind, read_text, sprawl

_BLANKS_LIMIT: Final = 256
_REFERENCES_LIMIT: Final = 100
"""The most blanks in a row, and `${X}` in a value: python-dotenv needs their square."""
_VALUE_LIMIT: Final = 128 * 1024
_VALUES_LIMIT: Final = 2 * 1024 * 1024
"""The most characters of a value, and of all values of a file: Linux starts no program with more (execve(2),
MAX_ARG_STRLEN and a fourth of the stack). Forty lines of `B=${A}${A}` unfold to a million million."""

_BLANKS = re.compile(r"[^\S\r\n]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_VARIABLE = re.compile("[A-Z_][A-Z0-9_]*")
_SINGLE_QUOTED = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']*'|[^=\s]+)[^\S\r\n]*=[^\S\r\n]*'")
"""A line whose value is in single quotes, which make `${X}` literal."""


@dataclass(frozen=True, slots=True)
class EnvEntry:
    """One setting of a file, `${X}` filled in, and its 1-based line."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file says, the last line of a name winning, and what is wrong with it."""

    path: Path
    entries: Mapping[str, EnvEntry]
    faults: tuple[Fault, ...]


def read_env_file(path: Path, known: Mapping[str, str]) -> EnvFile:
    """Read an env file; `known` are the values that its `${X}`, or a line that is a name alone, may name.

    Raises:
        ConfigError: it cannot be read.
    """
    return parse_env_file(path, read_text(path), known)


def parse_env_file(path: Path, text: str, known: Mapping[str, str]) -> EnvFile:
    """The settings of an env file. What cannot be read is a fault, never an exception."""
    if found := sprawl(text) or _too_blank(text):
        return EnvFile(path, {}, (found,))
    values: dict[str, str | None] = dict(known)
    entries: dict[str, EnvEntry] = {}
    faults: list[Fault] = []
    left = _VALUES_LIMIT
    for binding in parse_stream(StringIO(text)):
        line = _line(binding)
        bare = binding.key if binding.value is None else None
        if bare and (inherited := values.get(bare)) is not None:
            entries[bare] = EnvEntry(inherited, line)
        elif binding.error or bare is not None:
            faults.append(Fault(line, binding.key or "", "there is no NAME=value in this line"))
        elif binding.key is not None:
            faults += _name_faults(binding.key, line, entries)
            value = _filled(binding, values, line, faults)
            entries[binding.key] = EnvEntry(value, line)
            values[binding.key] = value
            left -= len(value)
            if left < 0:
                faults.append(Fault(line, binding.key, f"unfolds the file to {_too_long(_VALUES_LIMIT)}"))
                break
    return EnvFile(path, entries, tuple(faults))


def _too_blank(text: str) -> Fault | None:
    run = next((run for run in _BLANKS.finditer(text) if len(run[0]) > _BLANKS_LIMIT), None)
    line = text.count("\n", 0, run.start()) + 1 if run else 0
    return Fault(line, "", f"holds over {_BLANKS_LIMIT} blanks in a row: no env file does") if run else None


def _too_long(limit: int) -> str:
    return f"over {limit // 1024} KiB, which no program can be given"


def _line(binding: Binding) -> int:
    """python-dotenv counts from the blank lines before."""
    text = binding.original.string
    return int(binding.original.line) + text[: len(text) - len(text.lstrip())].count("\n")


def _name_faults(name: str, line: int, entries: Mapping[str, EnvEntry]) -> Iterator[Fault]:
    if not _NAME.match(name):
        yield Fault(line, name, "is no name of an environment variable")
    if name in entries:
        yield Fault(line, name, f"is set twice; line {entries[name].line} loses", FaultKind.TWICE)


def _filled(binding: Binding, values: Mapping[str, str | None], line: int, faults: list[Fault]) -> str:
    value = binding.value or ""
    if _SINGLE_QUOTED.match(binding.original.string):
        return value
    if value.count("${") > _REFERENCES_LIMIT:
        faults.append(Fault(line, binding.key or "", f"names over {_REFERENCES_LIMIT} variables: no value does"))
        return ""
    atoms = list(parse_variables(value))
    references = [atom for atom in atoms if isinstance(atom, Variable)]
    unset = (one.name for one in references if one.default is None and one.name not in values)
    faults += (
        Fault(line, binding.key or "", f"{_describe(name)} is not set before this line", FaultKind.UNSET)
        for name in unset
    )
    texts = [_resolved(atom, values) for atom in atoms]
    if sum(map(len, texts)) > _VALUE_LIMIT:
        faults.append(Fault(line, binding.key or "", f"unfolds to {_too_long(_VALUE_LIMIT)}"))
        return ""
    return "".join(texts)


def _describe(variable: str) -> str:
    """A variable as it may be shown: what is not written as one may be a piece of a password."""
    return f"${{{variable}}}" if _VARIABLE.fullmatch(variable) else "the text in ${…}"


def _resolved(atom: Atom, values: Mapping[str, str | None]) -> str:
    """The text of a part of a value; `${X:-default}` is the default where X is unset or empty, as in a shell."""
    if isinstance(atom, Variable) and atom.default is not None:
        return values.get(atom.name) or atom.default
    return atom.resolve(values)
