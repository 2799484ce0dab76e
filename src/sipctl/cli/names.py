"""Names and ids that a list shows are kept for the shell's completion."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sipctl.cli.session import Session
from sipctl.completion.keeping import kept

T = TypeVar("T")


def keep_names(
    session: Session, items: Iterable[T], names: Callable[[T], Iterable[tuple[str, str]]], kind: str
) -> Iterator[T]:
    """The same items; what a command takes for each, with a word about it, is kept once the list is at its end."""
    named = session.options.profile or os.environ.get("SIPCTL_PROFILE", "")
    return kept(items, names, (named, session.settings.profile), kind)
