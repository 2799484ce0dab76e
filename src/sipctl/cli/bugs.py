"""What a bug leaves behind: where it happened, and nothing of the data it happened to."""

import re
import traceback
from collections.abc import Iterator
from typing import Final

_HIDDEN: Final = "…"
_QUOTED: Final = re.compile(r"""(["'`]).*?\1""", re.DOTALL)
_TELLING: Final = re.compile(r"\S*[\d@]\S*")
"""A word with a digit or an @: a PIN, a number, a token, an address with its password."""
_DATABASES: Final = ("sqlalchemy", "psycopg", "sqlite3")
"""Packages whose errors tell statements and rows, PINs among them."""


def trace_of(error: BaseException) -> str:
    """The traceback of an error and of those behind it, without values that they name.

    Types, places and our lines of code stay. The words of a database are left out whole.
    """
    return "".join(_lines(error, set()))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines(before, seen)
        yield "\nwhich led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_list(traceback.extract_tb(error.__traceback__))
    yield f"{_title(error)}\n"
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield "\none of a group:\n\n"
        yield from _lines(member, seen)


def _title(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith(_DATABASES):
        state = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
        return f"{name} ({state})" if state else name
    words = _TELLING.sub(_HIDDEN, _QUOTED.sub(_HIDDEN, str(error)))
    return f"{name}: {words}" if words else name
