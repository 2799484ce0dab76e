"""`sipctl rules list`."""

from enum import StrEnum
from typing import Annotated

import typer

from sipctl.cli.session import Session


class SortKey(StrEnum):
    """What `rules list` can be sorted by."""

    ID = "id"
    NAME = "name"
    ROOM = "room"
    CREATED = "created"


def run(
    ctx: typer.Context,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="Only rules of this room.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only rules of this name.")] = None,
    trunk: Annotated[
        str | None,
        typer.Option(metavar="TRUNK", help="Only rules that serve calls of this trunk (id, name or number)."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only rules without a PIN.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only owned rules whose room is not live.")] = False,
    owned: Annotated[bool, typer.Option("--owned", help="Only rules with this profile's mark.")] = False,
    foreign: Annotated[bool, typer.Option("--foreign", help="Only rules of others.")] = False,
    sort: Annotated[SortKey, typer.Option(help="What to sort by.")] = SortKey.ID,
) -> None:
    """List dispatch rules.

    Rules come as LiveKit stores them; PINs are masked unless --show-pins asks for them.

    \b
    Examples:
      sipctl rules list
      sipctl rules list --stale -o name
      sipctl rules list --open --sort room -o json
    """
    from sipctl.cli.views.rules import rules_view
    from sipctl.operations.rules import Criteria, list_rules

    session = Session.of(ctx)
    criteria = Criteria(
        room=room, name=name, trunk=trunk, open_only=open_, stale_only=stale, owned_only=owned, foreign_only=foreign,
        sort=sort.value,
    )  # fmt: skip
    listed = session.livekit(lambda client: list_rules(client, session.settings, criteria))
    rules, names = session.named(listed, lambda rule: rule.room_name)
    session.emit(rules_view(rules, session.settings.mark, show_pins=session.options.show_pins, names=names))
