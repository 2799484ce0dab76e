"""Running a purge or a sync from the command line: what it says, its metrics, and how it ends."""

import time
from datetime import timedelta
from pathlib import Path

from sipctl.cli.acting import say_how_to_act
from sipctl.cli.endings import exit_code, finish, partly_done, show
from sipctl.cli.rules.metrics import write_sync_metrics
from sipctl.cli.rules.plan_view import PlanView
from sipctl.cli.session import Session
from sipctl.cli.signals import ending
from sipctl.command_line import prose_below, prose_text
from sipctl.config.values import duration_text
from sipctl.errors import ExitCode, PartialError, SipctlError
from sipctl.operations.sync.request import Request
from sipctl.operations.sync.result import Outcome, Result
from sipctl.telephony.naming import counted
from sipctl.telephony.plan import pending
from sipctl.telephony.registered import Earlier


def run_plan(session: Session, request: Request, *, detailed: bool, textfile: Path | None) -> None:
    """Run it, show it, end with its exit code; and write the metrics whatever came of it.

    `detailed` = work that is only planned has an exit code of its own.
    """
    started = time.time()
    outcome: Outcome | None = None
    code = ExitCode.BUG
    try:
        with session.reported_if_stopped():
            outcome = session.synchronise(request)
        code = _exit_code(session, outcome, request, detailed=detailed)
        _show(session, outcome, request, code)
    except SipctlError as error:
        code = error.exit_code
        raise
    except KeyboardInterrupt:
        code = ending()
        raise
    finally:
        if textfile and not session.options.dry_run:
            write_sync_metrics(textfile, outcome, code, started)


def _exit_code(session: Session, outcome: Outcome, request: Request, *, detailed: bool) -> ExitCode:
    is_pending = detailed and not request.applies and pending(outcome.items)
    return exit_code(session, _shortfall(outcome), ExitCode.PENDING if is_pending else ExitCode.DONE)


def _show(session: Session, outcome: Outcome, request: Request, code: ExitCode) -> None:
    """Show plan or results, and end; a run that is quiet and all right says nothing."""
    grace = session.settings.purge.grace if request.grace is None else request.grace
    waiting = sum(item.reason.row.begins for item in outcome.items)
    if waiting and (why := _why_anew(outcome.earlier, grace, waiting)):
        session.streams.warn(f"note: {why}")
    if outcome.would_refuse:
        session.streams.note(f"note: --apply would refuse: {outcome.would_refuse.message}")
        hint = prose_below(outcome.would_refuse.advice, session.options.deployment)
        session.streams.note(f"hint: {prose_text(hint)}")
    for one in outcome.done:
        if one.result is Result.LEFT_OUT and one.error:
            session.streams.warn(f"note: room {one.item.room!r} is live, and {one.error.message}")
    quiet = session.options.quiet and session.options.output == "table"
    called = {} if quiet else session.named(outcome.items, lambda item: item.room)[1]
    show(session, PlanView(outcome, session.options.show_pins, session.paste, called))
    if pending(outcome.items) and not (request.applies or outcome.would_refuse):
        say_how_to_act(session)
    finish(session, _shortfall(outcome), code)


def _why_anew(earlier: Earlier, grace: timedelta, waiting: int) -> str:
    """Why the wait for some rules begins now; "" if it began before."""
    rules = counted(waiting, "stale rule")
    if earlier.skew_s:
        side = "behind" if earlier.skew_s > 0 else "ahead of"
        return (
            f"the clock of this host is {abs(earlier.skew_s):.0f} s {side} LiveKit's, so this observation counts for"
            f" nothing; {rules} cannot be deleted until it is set"
        )
    if earlier.pause:
        hours = timedelta(hours=earlier.pause // timedelta(hours=1))
        return (
            f"the last observation was {duration_text(hours)} ago, which is too long for it to count;"
            f" {rules} can be deleted after {duration_text(grace)}"
        )
    if earlier.damaged:
        records = counted(earlier.damaged, "record")
        return f"{records} of earlier observations passed over as damaged; the wait of their rules begins anew"
    if earlier.is_first:
        return f"this state holds no earlier observation; {rules} can be deleted after {duration_text(grace)}"
    return ""


def _shortfall(outcome: Outcome) -> SipctlError | None:
    """The first of what did not go well; None if all did."""
    failed = [one for one in outcome.done if one.failed]
    if not failed:
        unwritten = outcome.unwritten
        return PartialError(unwritten.message, hint=unwritten.advice) if unwritten else None
    if outcome.lost and all(one.result is Result.NOT_BEGUN for one in outcome.done):
        return outcome.lost
    first = next((one for one in failed if one.error), failed[0])
    of_room = SipctlError(f"room {first.item.room!r}: {first.message}", hint=first.advice or "run it again")
    reason = outcome.lost if outcome.lost and not first.error else of_room
    return partly_done(len(failed), len(outcome.done), "changes", reason)
