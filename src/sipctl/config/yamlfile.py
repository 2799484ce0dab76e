"""A YAML file with the line of every value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from sipctl.config.reading import Fault, FaultKind, sprawl

Keys = tuple[str | int, ...]

_BRACKET: Final = re.compile(r"[\[\]{}]")
_DEPTH_LIMIT: Final = 100
_LENGTH_LIMIT: Final = 128 * 1024
"""The most characters: LiveKit's files have some thousands, and ruamel.yaml needs seconds for a hundred thousand."""
_VALUES_LIMIT: Final = 100_000
"""The most values that aliases may unfold to: ten of them in ten lines unfold to thousands of millions."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The content of a YAML file. `at` is the one line of a text that is a value of another file; 0 = none."""

    path: Path
    root: Mapping[str, Any]
    faults: tuple[Fault, ...] = field(default=())
    at: int = 0

    @property
    def is_readable(self) -> bool:
        """Whether the text is YAML, so that what it does not say is not said."""
        return not any(fault.kind is FaultKind.SYNTAX for fault in self.faults)

    def get(self, *keys: str | int) -> Any:  # noqa: ANN401 - any YAML value
        """The value under these keys; None if any of them is missing."""
        value: Any = self.root
        for key in keys:
            if isinstance(key, int):
                value = value[key] if isinstance(value, list) and key < len(value) else None
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def line(self, *keys: str | int) -> int:
        """The 1-based line of these keys, or of the nearest one around them that exists."""
        node: Any = self.root
        found = 1
        for key in keys:
            marks = getattr(getattr(node, "lc", None), "data", None) or {}
            if key not in marks:
                break
            found = marks[key][0] + 1
            node = node[key]
        return self.at or found


def parse_yaml(path: Path, text: str, at: int = 0) -> YamlFile:
    """Read YAML 1.2 as livekit's files are written; what cannot be read is a fault, and the rest is empty."""
    found = _too_long(text)
    value, faults = (None, [found]) if found else _read(text)
    if value is not None and not isinstance(value, CommentedMap):
        faults.append(Fault(1, "", "is no mapping of settings"))
        value = None
    return YamlFile(path, value or {}, tuple(replace(one, line=at or one.line) for one in faults), at)


def _too_long(text: str) -> Fault | None:
    if len(text) > _LENGTH_LIMIT:
        return Fault(0, "", f"is over {_LENGTH_LIMIT // 1024} KiB of YAML: no file of LiveKit's is")
    return sprawl(text)


def _read(text: str) -> tuple[Any, list[Fault]]:
    """The value, None if there is none to work with, and what is wrong with it."""
    faults: list[Fault] = []
    try:
        value = _load(text, faults)
        _refuse_unfolding(value)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.append(Fault(mark.line + 1 if mark else 1, "", f"is not YAML: {_reason(error)}"))
    except _UnfoldsError:
        faults.append(Fault(1, "", f"is too much: its aliases unfold to over {_VALUES_LIMIT:,} values"))
    except RecursionError:
        faults.append(Fault(1, "", "is not YAML: it nests too deep"))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.append(Fault(line, "", "is not YAML: it holds a control character"))
    except Exception:  # noqa: BLE001 - ruamel.yaml fails in ways of its own on tags that do not fit
        faults.append(Fault(1, "", "is not YAML: a value does not fit its tag"))
    else:
        return value, faults
    return None, faults


_REASONS: Final = (
    ("undefined alias", "a value begins with *, which names an anchor: write it in quotes"),
    ("cannot start any token", "a value begins with a character that it must not begin with: write it in quotes"),
    ("unknown escape", "a text in double quotes has a \\ that means nothing"),
    ("escape sequence", "a text in double quotes has a \\ that means nothing"),
    ("end of stream", "a quote or a bracket is not closed"),
    ("expected ','", "a bracket is not closed, or a comma is missing"),
    ("mapping values are not allowed", "there is a colon where none may be, or the line is indented wrongly"),
    ("sequence entries are not allowed", "a list begins where none may be"),
    ("could not find expected ':'", "a line is no `key: value`"),
    ("expected <block end>", "the line is indented otherwise than those before, or does not belong to them"),
    ("indentation indicators", "a text begins right behind | or >: begin it in the next line, or write it in quotes"),
)
"""What the parser complains of, by words of its own. Its text may hold a value, which may be a secret."""


def _reason(error: MarkedYAMLError) -> str:
    said = str(error.problem)
    return next((ours for theirs, ours in _REASONS if theirs in said), "look at this line and the one before")


def _load(text: str, faults: list[Fault]) -> Any:  # noqa: ANN401 - any YAML value
    _refuse_depth(text)
    try:
        return YAML(typ="rt").load(StringIO(text))
    except DuplicateKeyError:
        tolerant = YAML(typ="rt")
        tolerant.allow_duplicate_keys = True
        twice = _duplicates(YAML().compose(text))
        faults += (Fault(line, key, "is set twice", FaultKind.TWICE) for key, line in twice)
        return tolerant.load(StringIO(text))


def _refuse_depth(text: str) -> None:
    """Stop before brackets that nest so deep that the parser would take minutes to give up.

    Raises:
        RecursionError: they do.
    """
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _DEPTH_LIMIT:
            raise RecursionError


class _UnfoldsError(Exception):
    """Aliases stand for more values than anyone can look at."""


def _refuse_unfolding(value: Any) -> None:  # noqa: ANN401 - any YAML value
    """Stop before values that only aliases can make so many of.

    Raises:
        _UnfoldsError: they do.
    """
    counts: dict[int, int] = {}

    def count(one: Any) -> int:  # noqa: ANN401 - as above
        """How many values it holds with itself; what aliases stand for is counted once."""
        inner = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        if id(one) not in counts and inner:
            counts[id(one)] = min(1 + sum(map(count, inner)), _VALUES_LIMIT + 1)
        return counts.get(id(one), 1)

    if count(value) > _VALUES_LIMIT:
        raise _UnfoldsError


def _duplicates(node: Any, known: set[int] | None = None) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - ruamel's nodes
    """Every key that its mapping has already, and its 1-based line; what aliases stand for is read once."""
    known = set() if known is None else known
    seen: set[str] = set()
    for item in node.value if isinstance(node, MappingNode | SequenceNode) and id(node) not in known else ():
        known.add(id(node))
        key, value = item if isinstance(node, MappingNode) else (None, item)
        if key is not None and str(key.value) in seen:
            yield str(key.value), key.start_mark.line + 1
        seen |= {str(key.value)} if key is not None else set()
        yield from _duplicates(value, known)


def leaves(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:  # noqa: ANN401 - any YAML value
    """Every value that is neither a mapping nor a list, with its keys."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*keys, str(key)))
    elif isinstance(value, CommentedSeq | list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*keys, at))
    else:
        yield keys, value
