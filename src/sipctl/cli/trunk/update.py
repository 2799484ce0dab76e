"""`sipctl trunk update`."""

from typing import Annotated, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm, chosen, edits_given
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import Reference
from sipctl.operations.trunks import update_trunk
from sipctl.telephony.linting.fault import REFUSED_TRUNKS

ALLOWS: Final = ("protected", *REFUSED_TRUNKS)
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    trunk: Reference,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Called numbers instead of those there; repeatable.")
    ] = None,
    any_number: Annotated[bool, typer.Option("--any-number", help="Whatever number is dialled.")] = False,
    allowed_address: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Source addresses instead of those there; repeatable.")
    ] = None,
    any_allowed_address: Annotated[
        bool, typer.Option("--any-allowed-address", help="Wherever calls come from.")
    ] = False,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Callers (`allowed_numbers`) instead; repeatable.")
    ] = None,
    any_caller: Annotated[bool, typer.Option("--any-caller", help="Any caller.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Change some fields of an inbound trunk and keep all others. A list that is given replaces the one there.

    \b
    Examples:
      sipctl trunk update provider --number +33123456789
      sipctl trunk update ST_b6WvKx3nTe9D --allowed-address 192.0.2.0/24
    """
    session = Session.of(ctx)
    fields = {
        "numbers": chosen("number", number, any_number),
        "allowed_addresses": chosen("allowed-address", allowed_address, any_allowed_address),
        "allowed_numbers": chosen("caller", caller, any_caller),
        "name": name,
    }
    edits = edits_given(fields, "trunk", "update")
    change = session.write(lambda writer: update_trunk(writer, trunk, edits), session.permit(allow, confirm))
    show_change(session, change)
