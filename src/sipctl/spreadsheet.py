"""Text in the cells of a csv file that a spreadsheet may open.

Excel, LibreOffice and Google Sheets take a cell for a formula by its first character, and a formula can start programs
and send cells away (OWASP, "CSV Injection"). A `'` in front makes it text; the way back takes that `'` away again.
"""

import re
from typing import Final

_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that would be a formula, in full width too, or that a `'` of ours kept from being one."""


def as_cell(text: str) -> str:
    """The text as no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """The text of which `as_cell` made the cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
