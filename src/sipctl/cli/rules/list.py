"""`sipctl rules list`."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Final

import typer

from sipctl.cli.names import keep_names
from sipctl.cli.rows import Names, RuleRow, rule_row, shown_pin
from sipctl.cli.rules.common import owner_of, room_of
from sipctl.cli.session import Session
from sipctl.completion.values import RULES
from sipctl.operations.rules.find import Criteria, list_rules
from sipctl.output.formats import Listing
from sipctl.telephony.model import DispatchRule
from sipctl.telephony.ownership import Ownership

_COLUMNS: Final = ("id", "room", "pin", "name", "trunks", "owner")

PRINTS: Final = {"rules": list[RuleRow]}


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
    session = Session.of(ctx)
    criteria = Criteria(
        room=room, name=name, trunk=trunk, open_only=open_, stale_only=stale, owned_only=owned, foreign_only=foreign,
        sort=sort.value,
    )  # fmt: skip
    listed = session.livekit(lambda client: list_rules(client, session.settings, criteria))
    if criteria == Criteria(sort=criteria.sort):
        listed = keep_names(session, listed, _names, RULES)
    rules, names = session.named(listed, lambda rule: rule.room_name)
    session.emit(_view(rules, session.settings.mark, show_pins=session.options.show_pins, names=names))


def _names(rule: DispatchRule) -> Iterator[tuple[str, str]]:
    """What a command takes for the rule, and a word about it."""
    yield rule.sip_dispatch_rule_id, f"room {room_of(rule)}"
    yield rule.name, rule.sip_dispatch_rule_id


def _view(rules: Iterable[DispatchRule], mark: Ownership, *, show_pins: bool, names: Names) -> Listing[DispatchRule]:
    """A list of rules."""

    def row(rule: DispatchRule) -> tuple[str, ...]:
        cells = (
            rule.sip_dispatch_rule_id,
            room_of(rule),
            shown_pin(rule.pin, show=show_pins) or "open",
            rule.name,
            ",".join(rule.trunk_ids) or "any",
            owner_of(rule, mark),
        )
        return (*cells, names.get(rule.room_name, "")) if names else cells

    return Listing(
        schema="sipctl/rules/v1",
        things="rules",
        repeats={"name": "room", "called": "room"},
        items=rules,
        columns=(*_COLUMNS, "called") if names else _COLUMNS,
        row=row,
        record=lambda rule: rule_row(rule, mark, show_pins=show_pins, names=names),
        name=lambda rule: rule.sip_dispatch_rule_id,
    )
