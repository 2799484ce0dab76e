"""`sipctl trunk update`."""

from typing import Annotated, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import read_secret_line
from sipctl.cli.options import Allow, Confirm, amended, chosen, edits_given
from sipctl.cli.session import Session
from sipctl.cli.trunk.common import Reference
from sipctl.operations.trunks import update_trunk
from sipctl.telephony.linting.fault import REFUSED_TRUNKS
from sipctl.telephony.secret import Secret

ALLOWS: Final = ("protected", *REFUSED_TRUNKS)
KIND: Final = WritingCommand

_AddNumbers = Annotated[
    list[str] | None, typer.Option("--add-number", metavar="NUMBER", help="One more called number; repeatable.")
]
_RemoveNumbers = Annotated[
    list[str] | None, typer.Option("--remove-number", metavar="NUMBER", help="One number less; repeatable.")
]
_AddAddresses = Annotated[
    list[str] | None, typer.Option("--add-address", metavar="CIDR", help="One more source address; repeatable.")
]
_RemoveAddresses = Annotated[
    list[str] | None, typer.Option("--remove-address", metavar="CIDR", help="One address less; repeatable.")
]


def run(
    ctx: typer.Context,
    trunk: Reference,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Called numbers instead of those there; repeatable.")
    ] = None,
    add_number: _AddNumbers = None,
    remove_number: _RemoveNumbers = None,
    any_number: Annotated[bool, typer.Option("--any-number", help="Whatever number is dialled.")] = False,
    allowed_address: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Source addresses instead of those there; repeatable.")
    ] = None,
    add_address: _AddAddresses = None,
    remove_address: _RemoveAddresses = None,
    any_allowed_address: Annotated[
        bool, typer.Option("--any-allowed-address", help="Wherever calls come from.")
    ] = False,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Callers (`allowed_numbers`) instead; repeatable.")
    ] = None,
    any_caller: Annotated[bool, typer.Option("--any-caller", help="Any caller.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Another name.")] = None,
    auth_username: Annotated[
        str | None, typer.Option(metavar="NAME", help="The username the provider authenticates with.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read its password from stdin, or from a hidden prompt.")
    ] = False,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Change some fields of an inbound trunk and keep all others. A list that is given replaces the one there.

    --add-… and --remove-… change a list by single entries.

    \b
    Examples:
      sipctl trunk update provider --number +33123456789
      sipctl trunk update ST_b6WvKx3nTe9D --allowed-address 192.0.2.0/24
      sipctl trunk update provider --add-number +33123456790
    """
    session = Session.of(ctx)
    fields = {
        "numbers": amended("number", chosen("number", number, any_number), add_number, remove_number),
        "allowed_addresses": amended(
            "address", chosen("allowed-address", allowed_address, any_allowed_address), add_address, remove_address
        ),
        "allowed_numbers": chosen("caller", caller, any_caller),
        "name": name,
        "auth_username": auth_username,
        "auth_password": Secret(read_secret_line("password")) if password_stdin else None,
    }
    edits = edits_given(fields, "trunk", "update")
    change = session.write(lambda writer: update_trunk(writer, trunk, edits), session.permit(allow, confirm))
    show_change(session, change)
