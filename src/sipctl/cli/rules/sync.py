"""`sipctl rules sync`."""

from typing import Annotated, Final

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
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
from sipctl.errors import unknown_value
from sipctl.operations.sync.request import Request
from sipctl.telephony.plan import Part

ALLOWS: Final = ("telephony-off", "unattended")
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="Only create, repair or purge; repeatable.")
    ] = None,
    room: Annotated[list[str] | None, typer.Option(metavar="ROOM", help="Only this room; repeatable.")] = None,
    grace: Grace = None,
    max_delete: MaxDelete = None,
    max_delete_percent: MaxPercent = None,
    look_twice: LookTwice = None,
    via: Via = None,
    rate: Rate = 0.0,
    lock_wait: LockWait = 0.0,
    detailed_exitcode: DetailedExit = False,
    textfile: Textfile = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Bring rooms, PINs and rules together: delete stale rules, create missing ones, repair the rest.

    A room is attended if a participant is no phone caller (--allow unattended: any live room). No rule is made
    while Meet's telephony and roomkit are off (--allow telephony-off). Rules get their PINs from the registry; where
    the profile has a webhook_url and no registry, the backend is sent the webhook that it missed.

    \b
    Examples:
      sipctl rules sync
      sipctl rules sync --apply --only create --only repair
      sipctl rules sync --apply --via webhook
    """
    session = Session.of(ctx)
    request = Request(
        parts=_parts_named(only),
        permit=session.permit(allow, confirm),
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


def _parts_named(words: list[str] | None) -> frozenset[Part]:
    """The parts that `--only` names; all of them without it.

    Raises:
        UsageError: a word names none.
    """
    unknown = next((word for word in words or () if word not in set(Part)), None)
    if unknown is not None:
        raise unknown_value("--only", unknown, Part)
    return frozenset(map(Part, words)) if words else frozenset(Part)
