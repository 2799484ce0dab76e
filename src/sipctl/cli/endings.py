"""How commands end: what `--quiet` leaves out, and what a run says that was stopped or only partly done."""

from collections.abc import Sequence

import typer

from sipctl.cli.session import Session
from sipctl.errors import ExitCode, PartialError, SipctlError
from sipctl.output.formats import View


def show(session: Session, view: View, *, is_news: bool = False) -> None:
    """Write the result; with `--quiet` a table is written only if it is news. Scripts get what they ask for."""
    if is_news or not session.options.quiet or session.options.output != "table":
        session.emit(view)


def partly_done(failed: int, total: int, things: str, first: SipctlError | None) -> PartialError:
    """The end of a run in which some of all the things failed, the `first` for this reason (None = not begun)."""
    reason, hint = (f": {first.message}", first.advice) if first else ("", "run it again")
    return PartialError(f"{failed} of {total} {things} did not go well{reason}", hint=hint)


def shortfall(failures: Sequence[SipctlError | None], total: int, things: str) -> SipctlError | None:
    """What a run ends with in which some of all the things failed; None if nothing did.

    `failures` are the reasons, one for each (None = not begun). One reason for everything is that error itself.
    """
    first = next(filter(None, failures), None)
    if first and len(failures) == total and all(one is first for one in failures):
        return first
    return partly_done(len(failures), total, things, first) if failures else None


def exit_code(session: Session, error: SipctlError | None, otherwise: ExitCode = ExitCode.DONE) -> ExitCode:
    """What a run ends with: the code of the signal that stopped it, else of its error, else this one."""
    if session.stopped_by:
        return ExitCode(128 + session.stopped_by)
    return error.exit_code if error else otherwise


def finish(session: Session, error: SipctlError | None = None, code: ExitCode = ExitCode.DONE) -> None:
    """End the run, unless all is well: as `exit_code` says, with a word about the signal or the error.

    Raises:
        SipctlError: this error.
    """
    if session.stopped_by:
        session.streams.note("stopped: nothing more was begun")
    elif error:
        raise error
    if ending := exit_code(session, None, code):
        raise typer.Exit(ending)
