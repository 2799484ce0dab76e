"""How a person names a thing: by id, or by another name it has."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sipctl.command_line import CommandLine
from sipctl.errors import NotFoundError, UsageError

T = TypeVar("T")
Names = Sequence[Callable[[T], Sequence[str]]]


def pick_one(kind: str, reference: str, things: Sequence[T], names: Names[T], group: str, *, is_id: bool) -> T:
    """The one thing that the reference names.

    `names` are tried in order, the id first; the first that hits decides. `group` has the command that lists them.

    `is_id` = the reference is an id. Then nothing that is merely named so is meant: it may be another one's id that
    was printed or resolved before, and what it meant is gone.

    Raises:
        NotFoundError: nothing has that name.
        UsageError: several have it.
    """
    for named in names[:1] if is_id else names:
        found = [thing for thing in things if reference in named(thing)]
        if len(found) > 1:
            ids = ", ".join(names[0](thing)[0] for thing in found)
            raise UsageError(f"{reference!r} names {len(found)} {kind}s: {ids}", hint="give one of these ids")
        if found:
            return found[0]
    raise _not_found(kind, reference, things, names, group)


def _not_found(kind: str, reference: str, things: Sequence[T], names: Names[T], group: str) -> NotFoundError:
    namesakes = [names[0](thing)[0] for thing in things if any(reference in named(thing) for named in names)]
    if namesakes:
        return NotFoundError(
            f"no {kind} has the id {reference!r}", hint=f"one that is named so has the id {namesakes[0]}"
        )
    return NotFoundError(f"no {kind} {reference!r}", hint=(CommandLine.of(group, "list"), " shows what there is"))
