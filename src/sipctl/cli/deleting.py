"""Deleting what is named: one thing at once, several once their plan was seen."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sipctl.cli.acting import acts, say_how_to_act
from sipctl.cli.change_view import ChangedThing, changed_things, show_change
from sipctl.cli.endings import finish, shortfall
from sipctl.cli.session import Session
from sipctl.operations.batch import Attempt, Pace, StopSwitch, attempt_each, stopping_on_signals
from sipctl.operations.change import Change, Writer
from sipctl.operations.safeguards import Permit

if TYPE_CHECKING:
    from sipctl.output.formats import Listing

Delete = Callable[[Writer, str], Awaitable[Change]]

_ONE_BY_ONE: Final = Pace(at_once=1)
"""Each deletion looks at what the one before it left."""


def delete_named(session: Session, references: Sequence[str], delete: Delete, permit: Permit, things: str) -> None:
    """Delete what is named; of several things the plan is shown, and `--apply` carries it out.

    `things` is what they are called. One that is refused or fails does not stop the others.
    """
    names = list(dict.fromkeys(references))
    if len(names) == 1:
        show_change(session, session.write(lambda writer: delete(writer, names[0]), permit))
        return
    applies = acts(session, on_one=False)
    tried = replace(permit, dry_run=not applies)
    switch = StopSwitch(check_lock=session.check_lock) if applies else StopSwitch(limit=len(names) + 1)

    async def each(writer: Writer) -> list[Attempt[str, Change]]:
        async def one(name: str) -> Change:
            return await delete(writer, name)

        with stopping_on_signals(switch):
            return await attempt_each(names, one, switch, _ONE_BY_ONE)

    done = session.write(each, tried)
    session.stopped_by = switch.signal_number
    session.emit(_view(session, done, things))
    failed = [one.error for one in done if one.error or not one.begun]
    if not applies and len(failed) < len(done):
        say_how_to_act(session)
    finish(session, shortfall(failed, len(done), things) if applies else None)


def _view(session: Session, done: Iterable[Attempt[str, Change]], things: str) -> "Listing[ChangedThing]":
    return changed_things(session, [ChangedThing(one.item, one.result, _why(one)) for one in done], things)


def _why(one: Attempt[str, Change]) -> str:
    return one.error.message if one.error else "" if one.begun else "not begun"
