"""How many is too many."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from sipctl.errors import UsageError

T = TypeVar("T")

MAX_ITEMS: Final = 1_000_000
"""The most items of one list, unless someone says otherwise (`--max-items`): a hundred times what the largest
deployments have, and some 2 GB of memory."""


_OBJECTS_EACH: Final = 16
_OBJECTS_BESIDE: Final = 10_000
"""More objects than a rule holds, and than a document with hardly any item does."""


def within(limit: int, items: Iterable[T], what: str) -> Iterator[T]:
    """The items as they come.

    Raises:
        UsageError: there are more than `limit`.
    """
    for count, item in enumerate(items):
        if count >= limit:
            raise too_many(limit, what)
        yield item


def check_objects(text: str, limit: int, what: str) -> None:
    """Stop before JSON whose objects would fill the memory while it is parsed: three bytes make one of sixty-four.

    Raises:
        UsageError: it holds more objects than `limit` of LiveKit's things do.
    """
    if text.count("{") > _OBJECTS_EACH * limit + _OBJECTS_BESIDE:
        raise too_many(limit, what)


def too_many(limit: int, what: str) -> UsageError:
    """What is said of more than `limit` things of this name."""
    return UsageError(f"there are more than {limit:,} {what}", code="too-many", hint="--max-items N takes more")
