"""Names and ids that a list shows are kept for the next TAB: no PIN, no telephone number, no secret."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from sipctl.completion.values import path_of

T = TypeVar("T")

LIMIT: Final = 10_000
"""The most values of one kind. A shell asks before it shows a hundred."""


def kept(
    items: Iterable[T], values: Callable[[T], Iterable[tuple[str, str]]], profiles: Iterable[str], kind: str
) -> Iterator[T]:
    """The same items; at their end their values, each with a word about it, are written for these profiles.

    A list that is not read to its end changes nothing, and a cache that cannot be written is no failure.
    """
    lines: dict[str, str] = {}
    for item in items:
        if len(lines) < LIMIT:
            lines |= {
                value: f"{value}\t{about}\n" for value, about in values(item) if value and _is_shown(value, about)
            }
        yield item
    for profile in dict.fromkeys(profiles):
        with suppress(OSError):
            _write(Path(path_of(profile, kind)), "".join(lines.values()))


def _is_shown(value: str, about: str) -> bool:
    """Whether a line of the file can hold both, and a terminal show them as they are."""
    return value.isprintable() and about.isprintable()


def _write(path: Path, text: str) -> None:
    """Put a file that its owner alone can read in this place, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink()
        raise
