"""`sipctl rules purge`."""

from typing import Annotated, Final

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Confirm
from sipctl.cli.rules.plan_options import (
    DetailedExit,
    Grace,
    LockWait,
    LookTwice,
    MaxDelete,
    MaxPercent,
    Rate,
    Textfile,
    Via,
    span_of,
)
from sipctl.cli.rules.plan_run import run_plan
from sipctl.cli.session import Session
from sipctl.operations.sync.request import Request
from sipctl.telephony.plan import Part

KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    grace: Grace = None,
    max_delete: MaxDelete = None,
    max_delete_percent: MaxPercent = None,
    look_twice: LookTwice = None,
    via: Via = None,
    room: Annotated[list[str] | None, typer.Option(metavar="ROOM", help="Only rules of this room; repeatable.")] = None,
    rate: Rate = 0.0,
    lock_wait: LockWait = 0.0,
    detailed_exitcode: DetailedExit = False,
    textfile: Textfile = None,
    confirm: Confirm = "",
) -> None:
    """Delete owned rules whose room is not live any more.

    A rule goes if it was stale in every observation since one at least --grace ago; those of earlier runs are
    remembered, also without --apply. A rule of a live room, a foreign one, or one on the protect list stays.

    \b
    Examples:
      sipctl rules purge
      sipctl rules purge --apply --quiet
      sipctl rules purge --apply --look-twice 60s
    """
    session = Session.of(ctx)
    request = Request(
        parts=frozenset({Part.PURGE}),
        permit=session.permit(None, confirm),
        apply=session.options.apply,
        grace=span_of("--grace", grace),
        max_delete=max_delete,
        max_delete_percent=max_delete_percent,
        look_twice=span_of("--look-twice", look_twice),
        via=via,
        rooms=room or (),
        rate=rate,
        lock_wait_s=lock_wait,
        timeout_s=session.options.timeout,
    )
    run_plan(session, request, detailed=detailed_exitcode, textfile=textfile)
