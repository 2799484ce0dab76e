"""`sipctl rules delete`."""

from typing import Final

import typer

from sipctl.cli.change_view import show_change
from sipctl.cli.command import WritingCommand
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.common import Reference
from sipctl.cli.session import Session
from sipctl.operations.rules.delete import delete_rule

ALLOWS: Final = ("foreign", "live-room", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, rule: Reference, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete one dispatch rule.

    Refused for a rule of a live room (`--allow live-room`), of another backend (`--allow foreign`), or on the
    profile's protect list (`--allow protected`).

    \b
    Examples:
      sipctl rules delete SDR_7hTqVw9YbLxe
      sipctl rules delete SIP_demo --dry-run
    """
    session = Session.of(ctx)
    change = session.write(lambda writer: delete_rule(writer, rule), session.permit(allow, confirm))
    show_change(session, change)
