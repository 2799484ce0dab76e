"""Comma-separated values, for spreadsheets as well as for programs."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

from sipctl.output.text import printable
from sipctl.spreadsheet import as_cell

_BREAKING: Final = re.compile("[\r\t;]")
"""Where some reader or other ends a cell or a row that is not in quotes, and where Python's writer sets none."""


def csv_lines(rows: Iterable[tuple[str, ...]], *, raw: bool, escaped: bool) -> Iterator[str]:
    """The rows as RFC 4180 has them, each cell in quotes where it must be.

    Unless they are `raw`, no cell is one that a spreadsheet takes for a formula. On a terminal they are `escaped`, as
    the cells of a table are.
    """
    buffer = io.StringIO()
    minimal, careful = (
        csv.writer(buffer, lineterminator="\n", quoting=how) for how in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    for row in rows:
        cells = row if raw else tuple(map(as_cell, row))
        cells = tuple(map(printable, cells)) if escaped else cells
        (careful if any(map(_BREAKING.search, cells)) else minimal).writerow(cells)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
