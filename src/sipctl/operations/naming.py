"""How a person names a thing: by id, or by another name it has."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sipctl.errors import NotFoundError, UsageError

T = TypeVar("T")


def pick_one(
    kind: str, reference: str, things: Sequence[T], names: Sequence[Callable[[T], Sequence[str]]], list_command: str
) -> T:
    """The one thing that the reference names. `names` are tried in order, the id first; the first that hits decides.

    Raises:
        NotFoundError: nothing has that name.
        UsageError: several have it.
    """
    identify = names[0]
    for named in names:
        found = [thing for thing in things if reference in named(thing)]
        if len(found) > 1:
            ids = ", ".join(identify(thing)[0] for thing in found)
            raise UsageError(f"{reference!r} names {len(found)} {kind}s: {ids}", hint="give one of these ids")
        if found:
            return found[0]
    raise NotFoundError(f"no {kind} {reference!r}", hint=f"`{list_command}` shows what there is")
