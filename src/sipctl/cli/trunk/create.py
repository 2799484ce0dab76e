"""`sipctl trunk create`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.inputs import STDIN, check_stdin, read_secret_line
from sipctl.cli.options import Allow, Confirm, given
from sipctl.cli.requests import read_trunk_request
from sipctl.cli.session import Session
from sipctl.operations.trunks import create_trunk
from sipctl.telephony.linting.fault import REFUSED_TRUNKS
from sipctl.telephony.model import InboundTrunk
from sipctl.telephony.secret import Secret

ALLOWS: Final = REFUSED_TRUNKS
KIND: Final = WritingCommand


def run(
    ctx: typer.Context,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="A called number, in E.164; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A name for people.")] = None,
    allowed_address: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="A source address of the provider; repeatable.")
    ] = None,
    caller: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Only this caller (`allowed_numbers`); repeatable.")
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
    session = Session.of(ctx)
    check_stdin({"--password-stdin": password_stdin, "--from-file -": from_file == STDIN}, "put the trunk into a file")
    trunk = read_trunk_request(from_file) if from_file else InboundTrunk()
    fields = {
        "numbers": tuple(number) if number else None,
        "name": name,
        "allowed_addresses": tuple(allowed_address) if allowed_address else None,
        "allowed_numbers": tuple(caller) if caller else None,
        "auth_username": auth_username,
        "auth_password": Secret(read_secret_line("password")) if password_stdin else None,
    }
    wanted = replace(trunk, **given(fields))
    change = session.write(lambda writer: create_trunk(writer, wanted), session.permit(allow, confirm))
    show_change(session, change)
