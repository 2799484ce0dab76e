"""`sipctl rules create`."""

from pathlib import Path
from typing import Annotated

import typer

from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.common import PinStdin, Trunks
from sipctl.cli.session import Session


def run(
    ctx: typer.Context,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="The room that callers land in.")] = None,
    pin_stdin: PinStdin = False,
    pin_from_registry: Annotated[
        bool, typer.Option("--pin-from-registry", help="Take the room's PIN from the registry.")
    ] = False,
    trunk: Trunks = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The rule's name; default: the profile's mark.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="LiveKit's JSON request; - for stdin.")
    ] = None,
    allow: Allow = None,
    confirm: Confirm = "",
) -> None:
    """Create a dispatch rule, or find the equal one that is there.

    The rule asks callers for its PIN. Without a PIN every caller gets in, so that needs `--allow open`.

    \b
    Examples:
      echo 4821930571 | sipctl rules create --room demo --pin-stdin
      sipctl rules create --room demo --pin-from-registry
      sipctl rules create --from-file rule.json --dry-run
      sipctl rules create --room lobby --allow open
    """
    from sipctl.cli.requests import rule_request
    from sipctl.operations.rule_writes import create_requested_rule

    session = Session.of(ctx)
    held = session.registered(room) if pin_from_registry else None
    wanted = rule_request(
        session.settings, room=room, pin_stdin=pin_stdin, held=held, trunks=trunk, name=name, file=from_file
    )
    session.write(lambda writer: create_requested_rule(writer, wanted), session.permit(allow, confirm))
