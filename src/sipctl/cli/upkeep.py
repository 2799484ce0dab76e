"""`sipctl rules purge`, `sync`, `restore` and `export`: keeping the rules in step with rooms and PINs."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sipctl.cli.command import Command
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.session import Session
from sipctl.cli.stdin import or_stdout
from sipctl.config.values import DURATION_FAULT, read_duration

_SLOWEST: Final = 0.01
_FASTEST: Final = 10_000

Apply = Annotated[bool, typer.Option("--apply", help="Do it; without, only say what would be done.")]
Grace = Annotated[
    str | None, typer.Option(metavar="TIME", help="How long a rule must be stale: 90s, 10m, 2h; default 10m.")
]
MaxDelete = Annotated[int | None, typer.Option(min=0, metavar="N", help="The most rules to delete; default 20.")]
MaxPercent = Annotated[
    int | None,
    typer.Option("--max-delete-percent", min=0, max=100, metavar="N", help="In percent, from 10 rules on; default 30."),
]


def _pause(value: str | None) -> str | None:
    """A run holds the lock while it waits, and two looks at one moment prove nothing."""
    span = read_duration(value) if value is not None else timedelta(seconds=1)
    if span is None:
        raise typer.BadParameter(f"{value!r} {DURATION_FAULT}")
    if not timedelta(seconds=1) <= span <= timedelta(days=1):
        raise typer.BadParameter(f"{value!r} is not from 1s to 1d")
    return value


def _rate(value: float) -> float:
    if 0 < value < _SLOWEST:
        raise typer.BadParameter(f"{value:g} is neither 0 nor from {_SLOWEST:g} (one in 100 seconds) to {_FASTEST}")
    return value


LookTwice = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", callback=_pause, help="Look, wait, look again; remember nothing, need no earlier look."
    ),
]
Via = Annotated[
    str | None, typer.Option(metavar="WAY", help="livekit, or webhook: tell the backend again what it missed.")
]
LockWait = Annotated[
    float, typer.Option(min=0, max=86_400, metavar="SECONDS", help="How long to wait for another run to end.")
]
Rate = Annotated[
    float,
    typer.Option(min=0, max=_FASTEST, metavar="N", callback=_rate, help="At most so many writes a second; 0 = any."),
]
DetailedExit = Annotated[bool, typer.Option("--detailed-exitcode", help="Without --apply: 10 if there is work.")]
Textfile = Annotated[Path | None, typer.Option(metavar="FILE", help="Write metrics there, for node_exporter.")]


class ExportCommand(Command):
    """A command whose output is one JSON document."""

    formats = ("table", "json")


def register(command: Callable[..., Callable[[Any], Any]]) -> None:
    """Add the commands to the group that `command` adds to."""
    command("purge")(purge)
    command("sync")(sync)
    command("restore")(restore)
    command("export", cls=ExportCommand)(export)


def purge(
    ctx: typer.Context,
    apply: Apply = False,
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

    A rule goes if it was stale at every look since one at least --grace ago; looks are remembered, those of runs
    without --apply too. A rule of a live room, of somebody else, or on the protect list stays.

    \b
    Examples:
      sipctl rules purge
      sipctl rules purge --apply --quiet
      sipctl rules purge --apply --look-twice 60s
    """
    from sipctl.cli.syncing import Wanted, synchronise
    from sipctl.telephony.plan import Part

    session = Session.of(ctx)
    wanted = Wanted(
        parts=frozenset({Part.PURGE}), apply=apply, grace=grace, max_delete=max_delete,
        max_delete_percent=max_delete_percent, look_twice=look_twice, via=via, rooms=room, rate=rate,
        lock_wait=lock_wait, detailed=detailed_exitcode, textfile=textfile,
    )  # fmt: skip
    synchronise(session, wanted, session.permit(None, confirm))


def sync(
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
    """Bring rooms, PINs and rules together: purge, create what attended rooms lack, repair what drifted.

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


def restore(
    ctx: typer.Context,
    item: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM]...", help="Changes to undo, as their `undo` lines name them.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", metavar="ID", help="Undo a whole run; repeatable.")] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--id", metavar="RULE", help="Undo the last change of this rule; repeatable.")
    ] = None,
    from_export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Create what an export holds and LiveKit lacks; - for stdin.")
    ] = None,
    trunk: Annotated[
        list[str] | None, typer.Option("--trunk", metavar="OLD=NEW", help="A trunk that was made again; repeatable.")
    ] = None,
    apply: Apply = False,
    max_delete: MaxDelete = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Undo changes of dispatch rules from the audit, or bring back what an export holds.

    What a run deleted is created again, what it created is deleted, what it changed is changed back; what has changed
    since stays. A write whose outcome nobody knows is looked up. A rule comes back with the PIN that its room has
    today; with a PIN that was taken away, or given to another room, it does not (`--allow retired-pin`). An export of
    another server is refused (`--allow foreign-export`), and one whose PINs are swapped always.

    \b
    Examples:
      sipctl rules restore 5f0c9a7be21d-1
      sipctl rules restore --run 5f0c9a7be21d --apply
      sipctl rules restore --from-export rules.json --trunk ST_old=ST_new
    """
    from sipctl.cli.restoring import Wanted, restore_rules

    session = Session.of(ctx)
    wanted = Wanted(
        items=item or [], runs=run or [], rules=rule or [], file=from_export, trunks=trunk or [], apply=apply,
        max_delete=max_delete,
    )  # fmt: skip
    restore_rules(session, wanted, session.permit(allow, confirm))


def export(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", callback=or_stdout, help="Where to; none or - = stdout.")
    ] = None,
) -> None:
    """Write trunks, rules and live rooms as one snapshot; passwords of trunks are left out.

    A file is made 0600 and holds PINs in full, so that rules can be restored from it. On stdout PINs are swapped
    one-to-one for others (--show-pins: as they are): calls still land alike, the snapshot may go anywhere, and nothing
    can be restored from it. Its head says of which server it is, when it was taken, and which PINs it holds.

    \b
    Examples:
      sipctl rules export rules.json
      sipctl rules export > tests/snapshot.json
    """
    from sipctl.cli.restoring import export_rules

    export_rules(Session.of(ctx), file)
