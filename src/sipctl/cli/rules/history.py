"""`sipctl rules history`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, TypedDict

import typer

from sipctl.cli.inputs import read_moment
from sipctl.cli.rows import cells
from sipctl.cli.session import Session
from sipctl.command_line import CommandLine
from sipctl.operations.history import Past, history
from sipctl.operations.old_pins import kept_list
from sipctl.output.formats import Listing
from sipctl.output.streams import Streams
from sipctl.output.text import printable


class PastWrite(TypedDict):
    """One write that the audit holds; `undo` is "" where no command undoes it.

    `result` is done, failed, or unknown: no answer came, or the run was killed.
    """

    run: str
    item: str
    when: str
    who: str
    command: str
    action: str
    resource: str
    result: str
    undo: str


PRINTS: Final = {"history": list[PastWrite]}


def run(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From then on: 15m, 2h, 1d or 2026-11-22T21:17:00Z."),
    ] = None,
) -> None:
    """Show what was written at this server, by whom, what came of it, and what undoes it.

    It is read from the audit of this host's state folder: rules, trunks, rooms and PINs, oldest first.

    \b
    Examples:
      sipctl rules history
      sipctl rules history --since 2h -o json
    """
    session = Session.of(ctx)
    after = read_moment("--since", since) if since else None
    journal = session.journal
    past = history(journal.entries(), journal.url, lambda run: kept_list(journal.folder, run))
    session.emit(HistoryView((one for one in past if after is None or one.entry.at >= after), session.paste))


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The writes, oldest first."""

    past: Iterable[Past]
    paste: Callable[[CommandLine], str]

    def render(self, style: str, streams: Streams) -> Iterator[str]:
        """The writes as text; on a terminal each with its undo below, for no table holds such a command."""
        past = list(self.past)
        if past and style == "table" and streams.is_terminal:
            yield from (f"{printable(line)}\n" for one in past for line in self._lines(one))
            return
        listing = Listing(
            schema="sipctl/history/v1",
            items=past,
            columns=tuple(PastWrite.__annotations__),
            row=lambda one: cells(self._record(one)),
            record=self._record,
            name=lambda one: one.entry.item,
            things="writes",
        )
        yield from listing.render(style, streams)

    def _lines(self, one: Past) -> Iterator[str]:
        row = self._record(one)
        yield f"{row['when']}  {row['result']:7}  {row['command']}: {row['action']} {row['resource']} ({row['who']})"
        if row["undo"]:
            yield f"    undo: {row['undo']}"

    def _record(self, one: Past) -> PastWrite:
        entry = one.entry
        return PastWrite(
            run=entry.run,
            item=entry.item,
            when=entry.when,
            who=f"{entry.who}@{entry.host}",
            command=entry.command,
            action=entry.action,
            resource=entry.resource,
            result=one.result,
            undo=self.paste(one.undo) if one.undo else "",
        )
