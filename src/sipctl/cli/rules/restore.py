"""`sipctl rules restore`."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.plan_options import (
    Apply,
    MaxDelete,
)
from sipctl.cli.session import Session


def run(
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
