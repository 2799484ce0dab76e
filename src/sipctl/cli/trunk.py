"""`sipctl trunk`: SIP trunks."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import command_group
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.session import Session

app, command = command_group("SIP trunks: the numbers people dial.")

Reference = Annotated[str, typer.Argument(metavar="TRUNK", help="A trunk's id, its name, or one of its numbers.")]


@command("list")
def list_(ctx: typer.Context) -> None:
    """List inbound and outbound trunks.

    \b
    Examples:
      sipctl trunk list
      sipctl trunk list -o json
    """
    from sipctl.cli.views.trunks import trunks_view
    from sipctl.operations.trunks import list_trunks

    session = Session.of(ctx)
    session.emit(trunks_view(session.livekit(list_trunks)))


@command("show")
def show(ctx: typer.Context, trunk: Reference) -> None:
    """Show one trunk in full; its password stays hidden.

    \b
    Examples:
      sipctl trunk show ST_b6WvKx3nTe9D
      sipctl trunk show +33123456789 -o json
    """
    from sipctl.cli.views.trunks import trunk_view
    from sipctl.operations.trunks import get_trunk

    session = Session.of(ctx)
    session.emit(trunk_view(session.livekit(lambda client: get_trunk(client, trunk))))


@command("create")
def create(
    ctx: typer.Context,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="A called number, in E.164; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A name for people.")] = None,
    allowed_address: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="A source address of the provider; repeatable.")
    ] = None,
    auth_username: Annotated[
        str | None, typer.Option(metavar="NAME", help="The username the provider authenticates with.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin, or from a hidden prompt.")
    ] = False,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="LiveKit's JSON request; - for stdin.")
    ] = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Create an inbound trunk, or find the equal one that is there.

    LiveKit asks the provider for digest authentication only if username and password are both set.

    \b
    Examples:
      sipctl trunk create --number +33123456789 --allowed-address 192.0.2.0/24
      sipctl trunk create --from-file trunk.json --dry-run
    """
    from sipctl.cli.requests import trunk_request
    from sipctl.operations.trunks import create_trunk

    session = Session.of(ctx)
    wanted = trunk_request(
        numbers=number,
        name=name,
        allowed_addresses=allowed_address,
        auth_username=auth_username,
        password_stdin=password_stdin,
        file=from_file,
    )
    change = session.write(lambda writer: create_trunk(writer, wanted), session.permit(allow, confirm))
    show_change(session, change)


@command("update")
def update(
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
    any_caller: Annotated[bool, typer.Option("--any-caller", help="Whoever calls.")] = False,
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
    from sipctl.cli.requests import trunk_edits
    from sipctl.operations.trunks import update_trunk

    session = Session.of(ctx)
    edits = trunk_edits(
        numbers=(number, any_number), addresses=(allowed_address, any_allowed_address), callers=(caller, any_caller),
        name=name,
    )  # fmt: skip
    change = session.write(lambda writer: update_trunk(writer, trunk, edits), session.permit(allow, confirm))
    show_change(session, change)


@command("delete")
def delete(ctx: typer.Context, trunk: Reference, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete one trunk.

    Refused while dispatch rules name it (`--allow in-use`): LiveKit would leave them dangling.

    \b
    Examples:
      sipctl trunk delete ST_b6WvKx3nTe9D
      sipctl trunk delete provider --dry-run
    """
    from sipctl.operations.trunks import delete_trunk

    session = Session.of(ctx)
    change = session.write(lambda writer: delete_trunk(writer, trunk), session.permit(allow, confirm))
    show_change(session, change)
