"""`sipctl rules export`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sipctl.cli.command import Command
from sipctl.cli.inputs import or_stdout
from sipctl.cli.session import Session


class ExportCommand(Command):
    """A command whose output is one JSON document."""

    formats = ("table", "json")


KIND: Final = ExportCommand


def run(
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
