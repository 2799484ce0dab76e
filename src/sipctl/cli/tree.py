"""Every command of sipctl, loaded: for what is made of all of them, such as documents and tests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sipctl.cli.app import COMMANDS, Root
from sipctl.cli.command import Entry, LazyGroup


@dataclass(frozen=True, slots=True)
class Leaf:
    """A command: its words, its line in the help of its group, and Typer's own object."""

    words: tuple[str, ...]
    summary: str
    command: Any

    @property
    def name(self) -> str:
        """The words as people type them, without `sipctl`."""
        return " ".join(self.words)


def commands() -> Iterator[Leaf]:
    """Every command, in the order of the help."""
    yield from _below((), Root(name="sipctl"), COMMANDS)


def _below(words: tuple[str, ...], group: LazyGroup, entries: Mapping[str, Entry]) -> Iterator[Leaf]:
    for name, entry in entries.items():
        group.load(name)
        loaded = group.commands[name]
        if isinstance(loaded, LazyGroup):
            yield from _below((*words, name), loaded, loaded.entries)
        else:
            yield Leaf((*words, name), entry.summary, loaded)
