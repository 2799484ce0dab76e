"""Tables: a grid that fits a terminal, or values between tabs for everything else."""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from sipctl.output.people import in_color
from sipctl.output.streams import Streams
from sipctl.output.text import printable

GRID_ROWS: Final = 1000
_UUID: Final = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8}([0-9a-f]{4})")
_PROSE_WIDTH: Final = 16
"""The least width of a column of sentences."""

Rows = Iterable[tuple[str, ...]]


def table(columns: tuple[str, ...], rows: Rows, streams: Streams, *, repeats: Mapping[str, str]) -> Iterator[str]:
    """A grid on a terminal. In a pipe, or for more rows than anyone reads, values between tabs, whole.

    With `-o wide` nothing is cut or left out. `repeats` are columns that may say the same as another one, and are left
    out then.
    """
    rows = iter(rows)
    if not streams.is_terminal:
        return tab_separated(chain((columns,), rows))
    head = list(islice(rows, GRID_ROWS + 1))
    if len(head) > GRID_ROWS:  # laying out ten thousand takes seconds
        return tab_separated(chain((columns,), head, rows))
    cells = [[printable(cell) for cell in row] for row in head]
    if not streams.wide:
        columns, cells = _shortened(columns, cells, repeats)
    return _grid(columns, cells, streams)


def tab_separated(rows: Rows) -> Iterator[str]:
    """One line a row, its values between tabs."""
    return ("\t".join(map(printable, row)) + "\n" for row in rows)


def _shortened(
    columns: tuple[str, ...], cells: list[list[str]], repeats: Mapping[str, str]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Without columns that say nothing; UUIDs are cut in their middle where the rows are too wide for the terminal."""
    kept = [at for at, name in enumerate(columns) if not _is_needless(name, columns, cells, repeats)]
    cells = [[row[at] for at in kept] for row in cells]
    columns = tuple(columns[at] for at in kept)
    if sum(_widths(columns, cells)) + 2 * len(columns) > shutil.get_terminal_size().columns:
        cells = [[_UUID.sub(r"\1…\2", cell) for cell in row] for row in cells]
    return columns, cells


def _is_needless(name: str, columns: Sequence[str], cells: Sequence[Sequence[str]], repeats: Mapping[str, str]) -> bool:
    """Whether the column is empty, or repeats another one, be it with the same words around it in every row."""
    own = [row[columns.index(name)] for row in cells]
    if not any(own):
        return bool(own)
    if repeats.get(name) not in columns:
        return False
    others = [row[columns.index(repeats[name])] for row in cells]
    return len({cell.replace(other, "\0", 1) for cell, other in zip(own, others, strict=True)}) == 1


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """The width that each column needs so that no line of it is broken; a sentence may be."""
    return [
        max((len(name), *(min(len(row[at]), _PROSE_WIDTH) if " " in row[at] else len(row[at]) for row in cells)))
        for at, name in enumerate(columns)
    ]


def _grid(columns: Sequence[str], cells: Sequence[Sequence[str]], streams: Streams) -> Iterator[str]:
    """The grid. Only sentences are wrapped: an id that is wider than the terminal is left to the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    widths = _widths(columns, cells)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for at, (column, width) in enumerate(zip(columns, widths, strict=True)):
        is_prose = any(" " in row[at] for row in cells)
        grid.add_column(column, no_wrap=not is_prose, min_width=width, overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    width_in_all = max(shutil.get_terminal_size().columns, sum(widths) + 2 * len(columns))
    console = Console(markup=False, highlight=False, width=width_in_all, no_color=not in_color(streams.out))
    with console.capture() as captured:
        console.print(grid)
    yield from (f"{line.rstrip()}\n" for line in captured.get().splitlines())
