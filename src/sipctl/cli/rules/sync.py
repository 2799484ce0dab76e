"""`sipctl rules sync`."""

from typing import Annotated

import typer

from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.plan_options import (
    Apply,
    DetailedExit,
    Grace,
    LockWait,
    LookTwice,
    MaxDelete,
    MaxPercent,
    Rate,
    Textfile,
    Via,
)
from sipctl.cli.session import Session


def run(
    ctx: typer.Context,
    apply: Apply = False,
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

    A room is attended with somebody in it who is no phone caller (--allow unattended: any live room). Rules get their
    PINs from the registry; where the profile has a webhook_url and no registry, the backend is told again.

    \b
    Examples:
      sipctl rules sync
      sipctl rules sync --apply --only create --only repair
      sipctl rules sync --apply --via webhook
    """
    from sipctl.cli.syncing import Wanted, parts_named, synchronise

    session = Session.of(ctx)
    wanted = Wanted(
        parts=parts_named(only), apply=apply, grace=grace, max_delete=max_delete,
        max_delete_percent=max_delete_percent, look_twice=look_twice, via=via, rooms=room, rate=rate,
        lock_wait=lock_wait, detailed=detailed_exitcode, textfile=textfile,
    )  # fmt: skip
    synchronise(session, wanted, session.permit(allow, confirm))
