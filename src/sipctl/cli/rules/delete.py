"""`sipctl rules delete`."""

from typing import Final

import typer

from sipctl.cli.command import WritingCommand
from sipctl.cli.deleting import delete_named
from sipctl.cli.options import Allow, Confirm
from sipctl.cli.rules.common import References
from sipctl.cli.session import Session
from sipctl.operations.rules.delete import delete_rule

ALLOWS: Final = ("foreign", "live-room", "protected")
KIND: Final = WritingCommand


def run(ctx: typer.Context, rule: References, allow: Allow = None, confirm: Confirm = "") -> None:
    """Delete dispatch rules; of several the plan is shown, and --apply carries it out.

    Refused for a rule of a live room (`--allow live-room`), of another backend (`--allow foreign`), or on the
    profile's protect list (`--allow protected`).

    \b
    Examples:
      sipctl rules delete SDR_7hTqVw9YbLxe
      sipctl rules delete SIP_demo --dry-run
      sipctl rules delete SIP_demo SIP_other --apply
    """
    session = Session.of(ctx)
    delete_named(session, rule, delete_rule, session.permit(allow, confirm), "rules")
