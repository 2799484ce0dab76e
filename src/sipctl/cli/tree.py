"""Every command of sipctl, loaded: for what is made of all of them, such as documents and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sipctl.cli.app import COMMANDS, Root
from sipctl.cli.command import Entry


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
    root = Root(name="sipctl")
    for name, entry in COMMANDS.items():
        root.load(name)
        yield from _below((name,), entry, root.commands[name])


def _below(words: tuple[str, ...], entry: Entry, loaded: Any) -> Iterator[Leaf]:  # noqa: ANN401 - Typer's own command
    inner = getattr(loaded, "commands", None)
    if inner is None:
        yield Leaf(words, entry.summary, loaded)
        return
    for name in inner:
        if hasattr(loaded, "load"):
            loaded.load(name)
        yield Leaf((*words, name), entry.commands.get(name, ""), loaded.commands[name])
