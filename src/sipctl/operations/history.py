"""The audit as a history: each write once, with what came of it and what undoes it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sipctl.command_line import CommandLine
from sipctl.config.urls import same_server
from sipctl.errors import NotFoundError, UsageError
from sipctl.operations.audit import Entry
from sipctl.telephony.commands import restore_change, restore_run
from sipctl.telephony.trunk_undo import undo_delete, undo_update

_UNDONE_BY_RESTORE: Final = frozenset({"create", "update", "delete", "room_finished"})
"""Actions on rules that `rules restore` undoes; what was put back or taken back needs no undo."""


@dataclass(frozen=True, slots=True)
class Past:
    """One write of the audit; `undo` is the command that undoes it, None if none does."""

    entry: Entry
    undo: CommandLine | None

    @property
    def result(self) -> str:
        """What came of it: done, failed or unknown; a run that was killed in the middle left no word."""
        return self.entry.result or "unknown"


def history(audit: Iterable[Entry], url: str, kept_list: Callable[[str], str]) -> Iterator[Past]:
    """The writes made at this server, oldest first; `kept_list` names the list of old PINs of a run, "" = gone."""
    latest = {entry.item: entry for entry in audit if same_server(entry.url, url)}
    return (Past(entry, _undo(entry, kept_list)) for entry in latest.values())


def _undo(entry: Entry, kept_list: Callable[[str], str]) -> CommandLine | None:
    if entry.result == "failed":
        return None
    if entry.action == "run":
        return restore_run(entry.run)
    kind, _, name = entry.resource.partition(" ")
    if kind == "rule":
        return restore_change(entry.item) if entry.action in _UNDONE_BY_RESTORE else None
    if kind == "trunk" and entry.before:
        return undo_delete(entry.before) if entry.action == "delete" else undo_update(entry.before, entry.after or {})
    if entry.action == "create" and name:
        return CommandLine.of(kind, "delete").on(name)
    return _undo_of_pins(entry, kept_list)


def _undo_of_pins(entry: Entry, kept_list: Callable[[str], str]) -> CommandLine | None:
    if entry.action in {"rotate", "release"}:
        path = kept_list(entry.run)
        return CommandLine.of("pin", "import").on(path).having("--apply") if path else None
    rooms = list((entry.after or {}).get("pins", ()))
    return CommandLine.of("pin", "release").on(rooms[0]) if entry.action == "assign" and len(rooms) == 1 else None


def last_run(audit: Iterable[Entry], url: str) -> str:
    """The run that wrote last at this server.

    Raises:
        NotFoundError: none did.
        UsageError: it changed no rule, so that no restore undoes it.
    """
    entries = [entry for entry in audit if same_server(entry.url, url)]
    if not entries:
        raise NotFoundError("the audit knows no run at this server", hint=(CommandLine.of("rules", "history"),))
    last = entries[-1]
    if not any(entry.resource.startswith("rule") for entry in entries if entry.run == last.run):
        raise UsageError(
            f"the last run, {last.run}, was of {last.command!r}, and changed no rule",
            hint=(CommandLine.of("rules", "history"), " shows what undoes it"),
        )
    return last.run
