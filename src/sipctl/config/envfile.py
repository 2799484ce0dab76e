"""Env files as Meet and compose write them: spaces around `=`, quotes, comments, `${X}` from before, names alone."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Atom, Variable, parse_variables

from sipctl.config.reading import Fault, FaultKind, read_text

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
    values: dict[str, str | None] = dict(known)
    entries: dict[str, EnvEntry] = {}
    faults: list[Fault] = []
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
    return EnvFile(path, entries, tuple(faults))


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
    atoms = list(parse_variables(value))
    references = [atom for atom in atoms if isinstance(atom, Variable)]
    unset = (one.name for one in references if one.default is None and one.name not in values)
    faults += (
        Fault(line, binding.key or "", f"{_told(name)} is not set before this line", FaultKind.UNSET) for name in unset
    )
    return "".join(_resolved(atom, values) for atom in atoms)


def _told(variable: str) -> str:
    """A variable as it may be shown: what is not written as one may be a piece of a password."""
    return f"${{{variable}}}" if _VARIABLE.fullmatch(variable) else "what stands in ${…}"


def _resolved(atom: Atom, values: Mapping[str, str | None]) -> str:
    """The text of a part of a value; `${X:-default}` is the default where X is unset or empty, as in a shell."""
    if isinstance(atom, Variable) and atom.default is not None:
        return values.get(atom.name) or atom.default
    return atom.resolve(values)
